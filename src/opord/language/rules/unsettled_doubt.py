"""An action that is repeated in doubt, and no failure of it can end the doubt."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract, Repeat, Variant
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import quoted
from opord.language.flow.graph import Graph

CODE = code(
    "OP808",
    rule="unsettled",
    title="a repeat in doubt that no failure settles",
    suppressed_by=(Unread("in the head of what it mentions"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find actions that are repeated in doubt and have final failures, none of which settles."""
    for action in contract.actions:
        if any(name not in graph.variants for name in action.fails):
            continue
        final = unsettled(graph, action)
        if final:
            yield _finding(action, final)


def unsettled(graph: Graph, action: Action) -> list[Variant]:
    """List the final failures of an action that is repeated in doubt, if none of them settles."""
    if not isinstance(action.doubt, Repeat) or action.key is None or action.transaction:
        return []
    final = [variant for _, variant in graph.calls.variants(action.name) if not variant.transient]
    return [] if any(variant.settles for variant in final) else final


def _finding(action: Action, final: list[Variant]) -> Diagnostic:
    names = quoted([variant.name for variant in final], "or")
    return CODE.at(
        action.place,
        f"`{action.name}` is repeated in doubt, and no failure of it settles the doubt",
        label="called again with the same key until it is known what happened",
        labels=tuple(Label(variant.place, "final, and ends no doubt") for variant in final),
        help=f"mark {names} `settles` if the other side says for the key that nothing happened",
    )
