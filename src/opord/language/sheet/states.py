"""The states, ends and phases of the sheet: what each proves, and how it is left and entered."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import EventHandler, Phase, State, Timer
from opord.language.sheet.fields import ContractReading
from opord.language.sheet.model import EndSheet, PhaseSheet, StateSheet, Way
from opord.language.sheet.reasons import timer_words, ways
from opord.statements import call_sites


class Ways:
    """Every way from a state to a state, each once, by source and by target."""

    def __init__(self, reading: ContractReading) -> None:
        self._leaving: dict[str, list[Way]] = {}
        self._entering: dict[str, list[Way]] = {}
        for state in reading.contract.states:
            for way in dict.fromkeys(_from(reading, state)):
                self._leaving.setdefault(state.name, []).append(way)
                self._entering.setdefault(way.target, []).append(way)

    def out_of(self, state: State) -> tuple[Way, ...]:
        """Return the ways out of a state, in the order of its header."""
        ways = self._leaving.get(state.name, [])
        order = {target: index for index, target in enumerate(state.targets)}
        return tuple(sorted(ways, key=lambda way: order.get(way.target, len(order))))

    def into(self, state: State) -> tuple[Way, ...]:
        """Return the ways into a state, in the order of the file."""
        return tuple(self._entering.get(state.name, ()))


def _from(reading: ContractReading, state: State) -> Iterator[Way]:
    for moment in reading.graph.moments(state):
        yield from ways(reading.graph, state, moment)


def state_sheet(reading: ContractReading, ways: Ways, state: State) -> StateSheet:
    """Return the sheet of a state that is not final."""
    moments = reading.graph.moments(state)
    facts = reading.call_facts(state.name)
    return StateSheet(
        name=state.name,
        kind=state.kind,
        initial=state.initial,
        phase=state.phase,
        doc=state.doc,
        proves=reading.items(state.fields),
        answered=facts.answered,
        certain=facts.certain,
        possible=facts.possible,
        calls=tuple(dict.fromkeys(f"{site.verb} {site.name}" for site, _ in call_sites(state.body))),
        waits_for=tuple(
            reading.wait(moment.handler, moment.shared)
            for moment in moments
            if isinstance(moment.handler, EventHandler)
        ),
        timers=tuple(
            timer_words(moment.handler, moment.shared)
            for moment in moments
            if isinstance(moment.handler, Timer)
        ),
        starts_again=tuple(reading.starts_again.get(state.name, ())),
        leaves=ways.out_of(state),
        entered=ways.into(state),
    )


def end_sheet(reading: ContractReading, ways: Ways, state: State) -> EndSheet:
    """Return the sheet of a final state."""
    facts = reading.call_facts(state.name)
    may_have = {*facts.certain, *facts.possible}
    return EndSheet(
        state=state.name,
        outcome=state.outcome or "",
        doc=state.doc,
        carries=reading.items(state.fields),
        answered=facts.answered,
        certain=facts.certain,
        possible=facts.possible,
        never=tuple(action.name for action in reading.contract.actions if action.name not in may_have),
        entered=ways.into(state),
    )


def phase_sheet(reading: ContractReading, phase: Phase) -> PhaseSheet:
    """Return the sheet of a phase."""
    return PhaseSheet(
        name=phase.name,
        doc=phase.doc,
        states=phase.states,
        waits_for=tuple(reading.wait(handler, True) for handler in phase.handlers),
        timers=tuple(timer_words(timer, True) for timer in phase.timers),
    )
