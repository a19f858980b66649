"""A wait without `after` or `at`: if nobody sends what it waits for, the run stands there for ever."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import quoted
from opord.language.flow.graph import Edge, Graph

CODE = code("OP802", rule="waits", title="a wait without after or at", suppressed_by=(Unread("in its body"),))


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the waiting states that have no timer, neither their own nor one of their phase that may still fire.

    A timer of a phase moves a run once in a stay there: a state that a run only comes to after that has it no
    more. One that acts as well is told so; whether it waits at all is open.
    """
    unfired: dict[str, int] | None = None
    for state in contract.states:
        if not state.handlers or state.body or state.timers:
            continue
        shared = graph.timers(state)
        if shared:
            unfired = _unfired(contract, graph) if unfired is None else unfired
            if unfired[state.name]:
                continue
        events = quoted(dict.fromkeys(handler.event for handler in contract.handlers_of(state)), "or")
        yield CODE.at(
            state.place,
            f"`{state.name}` waits without a time limit",
            label=f"if no {events} comes, the run stands here for ever",
            labels=tuple(
                Label(timer.place, "has moved the run already, and does so once") for timer in shared
            ),
            help="add `after <duration> -> goto <state>` or `at <datetime> -> goto <state>`",
        )


def _unfired(contract: Contract, graph: Graph) -> dict[str, int]:
    """Give for each state of a phase the shared timers, as bits, that may not have fired on some way there."""
    timers = [timer for phase in contract.phases for timer in phase.timers]
    bit = {id(timer): 1 << index for index, timer in enumerate(timers)}
    whole: dict[str | None, int] = {
        phase.name: sum(bit[id(timer)] for timer in phase.timers) for phase in contract.phases
    }

    def across(edge: Edge, before: int) -> int:
        phase = graph.states[edge.target].phase
        if phase != graph.states[edge.source].phase:
            return whole.get(phase, 0)
        return before & ~bit.get(id(edge.moment.handler), 0)

    # Of a state that nothing reaches it is not known how a run would come there.
    entered = (state for state in contract.states if state.initial or state.name not in graph.reachable)
    return graph.bits({state.name: whole.get(state.phase, 0) for state in entered}, across)
