"""A `retry` on a call for which no second attempt is ever made."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract, Effect, Repeat
from opord.language.diagnostics import Diagnostic, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.graph import Graph

CODE = code(
    "OP509",
    rule="commitment",
    title="retry on a call that is never tried again",
    suppressed_by=(Unread("in the head of what it mentions"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find `retry` on calls with no transient failure, no `timeout` and no `in doubt repeat`.

    In transaction, only a transient failure is a reason.
    """
    for effect in contract.effects:
        yield from _on(graph, effect)
    for action in contract.actions:
        yield from _on(graph, action)


def _on(graph: Graph, call: Effect | Action) -> Iterator[Diagnostic]:
    if call.retry is None or any(name not in graph.variants for name in call.fails):
        return
    if any(variant.transient for _, variant in graph.calls.variants(call.name)):
        return
    if isinstance(call, Action) and call.transaction:
        yield CODE.at(
            known_place(call.retry.place, call.place),
            f"`{call.name}` has nothing to retry after: no failure of it is `transient`",
            help="mark a failure `transient`, or remove the `retry`: exceptions and time-outs are tried again without it",
        )
        return
    if call.timeout is not None or (isinstance(call, Action) and isinstance(call.doubt, Repeat)):
        return
    or_repeat = ", or `key` with `in doubt repeat`" if isinstance(call, Action) else ""
    yield CODE.at(
        known_place(call.retry.place, call.place),
        f"`{call.name}` has nothing to retry after: no failure of it is `transient`, and it has no `timeout`",
        help=f"mark a failure `transient`, or add a `timeout`{or_repeat}; or remove the `retry`",
    )
