"""No initial state, or more than one: a run needs exactly one to start in."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import UnreadWord
from opord.language.flow.graph import Graph

NONE = code("OP308", rule="flow", title="no initial state", suppressed_by=(UnreadWord("initial"),))
SECOND = code("OP309", rule="flow", title="a second initial state")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find a contract without an initial state, and every initial state after the first."""
    initial = [state for state in contract.states if state.initial]
    if not initial:
        first = next((state.name for state in contract.states if state.kind != "final"), None)
        yield NONE.at(
            contract.place,
            f"`{contract.name}` has no initial state; a run needs one to start in",
            help=f"write `initial` before the state that a run starts in, perhaps `{first}`"
            if first
            else "add an `initial state`",
        )
    for second in initial[1:]:
        yield SECOND.at(
            second.place,
            f"`{second.name}` is a second initial state; a run starts in exactly one",
            labels=(Label(initial[0].place, "the first is here"),),
            help="remove `initial` here, or start in one state that decides with `if` where to go",
        )
