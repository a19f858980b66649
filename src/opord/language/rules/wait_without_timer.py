"""A wait without `after` or `at`: if the event never comes, the run stays there for ever."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import quoted
from opord.language.flow.graph import Edge, Graph

CODE = code("OP802", rule="waits", title="a wait without after or at", suppressed_by=(Unread("in its body"),))


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the waiting states without a timer, be it their own or one of their phase.

    A timer of the phase counts only if it may still fire.

    A timer of a phase moves a run once in a stay in the phase. A state that is only reached after
    that has no such timer any more. States that also have statements are skipped: it is unclear
    whether they wait.
    """
    unfired: dict[str, int] | None = None
    for state in contract.states:
        if state.kind != "waiting" or state.timers:
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
            label=f"if no {events} comes, the run waits here for ever"
            if events
            else "nothing moves the run from here",
            labels=tuple(Label(timer.place, "has already fired, and fires only once") for timer in shared),
            help="add `after <duration> -> goto <state>` or `at <datetime> -> goto <state>`",
        )


def _unfired(contract: Contract, graph: Graph) -> dict[str, int]:
    """Return for each state, as bits, the shared timers that may be unfired on some way to it."""
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

    # For an unreachable state it is unknown how a run would get there.
    entered = (state for state in contract.states if state.initial or state.name not in graph.reachable)
    return graph.bits({state.name: whole.get(state.phase, 0) for state in entered}, across)
