"""Where a run can be: its state, and which timers of the state's phase have fired while it stayed in the phase.

A phase's timer fires once during a stay. What comes after that, in the same phase, cannot be set off by it, and
cannot count on it. In most contracts no such timer leads on within its phase, and spots are states.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from opord.contract import Timer
from opord.language.flow.graph import Graph, Moment
from opord.statements import call_sites, gotos

# A phase with more timers than this is followed as if each of them could fire again, and none of them be counted on once
# one has fired, so that the work stays within bounds.
_TIMERS_MAX = 6
# The same for a phase with more states, each with every set of timers that may have fired, than this.
_SPOTS_MAX = 20_000

Fired: TypeAlias = frozenset[int]
NONE: Fired = frozenset()


class Spot(NamedTuple):
    """A state, and the numbers of its phase's timers that have fired since the phase was entered."""

    state: str
    fired: Fired = NONE


class Spots:
    """The spots of a contract: which steps can be taken at each, and where these lead."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._number: dict[int, int] = {}
        self._many: dict[str, Fired] = {}
        self._once: dict[int, int] = {}
        for phase in graph.contract.phases:
            inside = set(phase.states)
            staying = [
                timer for timer in phase.timers if any(goto.state in inside for goto in gotos(timer.body))
            ]
            for timer in staying:
                self._number[id(timer)] = len(self._number)
            calling = [timer for timer in phase.timers if any(True for _ in call_sites(timer.body))]
            if len(calling) <= _TIMERS_MAX:
                self._once |= {id(timer): 1 << index for index, timer in enumerate(calling)}
            if len(staying) > _TIMERS_MAX or len(inside) << len(staying) > _SPOTS_MAX:
                self._many[phase.name] = frozenset(self._number[id(timer)] for timer in staying)

    def starts(self) -> list[Spot]:
        """List where a run can begin: one spot, in a contract without errors."""
        return [Spot(state.name) for state in self.graph.contract.states if state.initial]

    def moments(self, spot: Spot) -> list[Moment]:
        """List the steps that can be taken at a spot."""
        moments = self.graph.moments(self.graph.states[spot.state])
        if not spot.fired or self._phase(spot.state) in self._many:
            return moments
        return [moment for moment in moments if self._number.get(id(moment.handler)) not in spot.fired]

    def timers(self, spot: Spot) -> Iterator[Timer]:
        """Yield the timers that can be counted on at a spot."""
        for moment in self.graph.moments(self.graph.states[spot.state]):
            if isinstance(moment.handler, Timer) and self.counts_on(spot, moment):
                yield moment.handler

    def counts_on(self, spot: Spot, moment: Moment) -> bool:
        """Say whether a step that can be taken at a spot is sure to be there, and no timer that may have fired."""
        return self._number.get(id(moment.handler)) not in spot.fired

    def once(self, moment: Moment) -> int:
        """Return the bit of a phase's timer whose step makes calls, and so may be interrupted; 0 for all else.

        In one stay in a state such a timer fires once, whatever becomes of its step.
        """
        return self._once.get(id(moment.handler), 0)

    def after(self, spot: Spot, moment: Moment, target: str) -> Spot:
        """Return where a step leads that goes to `target`."""
        phase = self._phase(spot.state)
        if phase is None or self._phase(target) != phase:
            return Spot(target)
        number = self._number.get(id(moment.handler)) if moment.shared else None
        if number is None:
            return Spot(target, spot.fired)
        return Spot(target, spot.fired | self._many.get(phase, frozenset((number,))))

    def _phase(self, state: str) -> str | None:
        return self.graph.states[state].phase
