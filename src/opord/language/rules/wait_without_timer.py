"""A wait without `after` or `at`: if nobody sends what it waits for, the run stands there for ever."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, code
from opord.language.graph import Graph
from opord.language.rules.words import quoted

CODE = code("OP802", rule="waits", title="a wait without after or at")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the waiting states that have no timer, neither their own nor one of their phase.

    One that acts as well is told so; whether it waits at all is open.
    """
    for state in contract.states:
        if not state.handlers or state.body or graph.timers(state):
            continue
        events = quoted(dict.fromkeys(handler.event for handler in contract.handlers_of(state)), "or")
        yield CODE.at(
            state.place,
            f"`{state.name}` waits without a time limit",
            label=f"if no {events} comes, the run stands here for ever",
            help="add `after <duration> -> goto <state>` or `at <datetime> -> goto <state>`",
        )
