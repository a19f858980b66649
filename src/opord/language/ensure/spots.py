"""Where a run can be: its state, and which timers of its phase have fired in this stay.

A phase's timer fires once during a stay in the phase. What comes later in the same stay cannot be
caused by that timer, and cannot count on it. In most contracts no such timer leads to a state of
its own phase. Then each state has one spot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from opord.contract import Timer
from opord.language.flow.graph import Graph, Moment
from opord.statements import call_sites, gotos

# A phase with more timers than this is followed as if each timer could fire again, and as if none
# could be counted on after one has fired. This bounds the work.
_TIMERS_MAX = 6
# The same holds for a phase with more spots than this: its states, each with every set of timers
# that may have fired.
_SPOTS_MAX = 20_000

Fired: TypeAlias = frozenset[int]
NONE: Fired = frozenset()


class Spot(NamedTuple):
    """A state, and the numbers of its phase's timers that have fired during this stay."""

    state: str
    fired: Fired = NONE


class Spots:
    """The spots of a contract: which steps can be taken at each, and where they lead."""

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
        """List the spots in which a run can start: one, in a contract without errors."""
        return [Spot(state.name) for state in self.graph.contract.states if state.initial]

    def moments(self, spot: Spot) -> list[Moment]:
        """List the steps that can be taken at a spot."""
        moments = self.graph.moments(self.graph.states[spot.state])
        if not spot.fired or self._phase(spot.state) in self._many:
            return moments
        return [moment for moment in moments if self._number.get(id(moment.handler)) not in spot.fired]

    def timers(self, spot: Spot) -> Iterator[Timer]:
        """Yield the timers that are sure to fire at a spot if nothing else happens."""
        for moment in self.graph.moments(self.graph.states[spot.state]):
            if isinstance(moment.handler, Timer) and self.counts_on(spot, moment):
                yield moment.handler

    def counts_on(self, spot: Spot, moment: Moment) -> bool:
        """Say whether a step is sure to be available at a spot.

        It is not a timer that may have fired.
        """
        return self._number.get(id(moment.handler)) not in spot.fired

    def once(self, moment: Moment) -> int:
        """Return the bit of a phase's timer whose step makes calls, and 0 for every other step.

        In a phase with more than `_TIMERS_MAX` such timers, all have 0. Another handler can
        interrupt such a step. Even then the timer fires only once in a stay in a state.
        """
        return self._once.get(id(moment.handler), 0)

    def after(self, spot: Spot, moment: Moment, target: str) -> Spot:
        """Return the spot that a step leads to with a `goto` to `target`."""
        phase = self._phase(spot.state)
        if phase is None or self._phase(target) != phase:
            return Spot(target)
        number = self._number.get(id(moment.handler)) if moment.shared else None
        if number is None:
            return Spot(target, spot.fired)
        return Spot(target, spot.fired | self._many.get(phase, frozenset((number,))))

    def _phase(self, state: str) -> str | None:
        return self.graph.states[state].phase
