"""The longest time that a run can take, from its start to its end, where timers bound it.

The latest arrival at each spot of a run follows from the earlier ones. A wait ends at the latest
with its earliest timer. A phase's timer counts from the entry into the phase, so within a phase
spots are kept apart by the state through which the phase was entered. That timer bounds all that
happens in the phase, also a cycle: it breaks off each step but one from the intent of a commit to
its `goto`. A cycle that no such timer bounds has no longest time. Durations are read from the
contract's text. A timer that is computed from data bounds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from opord.contract import AskedWait, EventHandler, Place, Timer, Variant
from opord.language.diagnostics.model import StoryStep
from opord.language.diagnostics.wording import way
from opord.language.ensure.call_time import LONGEST, ZERO, StepTimes, asked_waits, plus, step_times
from opord.language.ensure.ends import ReachableSpots, edge_text
from opord.language.ensure.spots import Spot
from opord.language.ensure.timer_length import timer_length
from opord.language.flow.components import components
from opord.language.flow.graph import Edge, Graph, Moment
from opord.language.spelling import in_signs
from opord.statements import call_sites


@dataclass(frozen=True, slots=True)
class Worst:
    """The longest time of a run, and a run that takes it: each step says by when it is over."""

    time: timedelta
    story: tuple[StoryStep, ...]


@dataclass(frozen=True, slots=True)
class Untimed:
    """Why no longest time exists: a cycle, or a wait that no timer of known length ends."""

    problem: str
    help: str
    story: tuple[StoryStep, ...]
    place: Place
    label: str


class _Stay(NamedTuple):
    """A spot, and the state through which its phase was entered.

    The entry is None if no timer of the phase has a known length.
    """

    spot: Spot
    entry: str | None


class _Came(NamedTuple):
    """The move by which a run comes to a stay, and by when it has been made."""

    before: _Stay
    edge: Edge
    by: timedelta


def worst_case(graph: Graph, runs: ReachableSpots | None = None) -> Worst | Untimed:
    """Return the longest time that a run can take, or why there is none.

    A contract without an initial state takes no time. `runs` are the runs of the graph if the
    caller has followed them already.
    """
    return _Timing(runs or ReachableSpots(graph)).result()


class _Timing:
    """Carries the latest arrivals along the moves, one group of stays after the other.

    The stays of a group can each reach the others. Most groups are one stay.
    """

    def __init__(self, runs: ReachableSpots) -> None:
        self._runs = runs
        self._graph = runs.graph
        self._steps: dict[int, StepTimes] = {}
        self._timed = {
            phase.name
            for phase in self._graph.contract.phases
            if any(timer_length(timer) is not None for timer in phase.timers)
        }
        self._kept = {event.name for event in self._graph.contract.events if event.keep}
        self._moves: dict[_Stay, list[tuple[_Stay, Edge]]] = {}
        self._arrival: dict[_Stay, timedelta] = {}
        self._entered: dict[str, timedelta] = {}
        self._came: dict[_Stay, _Came] = {}

    def result(self) -> Worst | Untimed:
        """Follow all moves. A cycle or a wait that nothing bounds ends the search."""
        starts = [self._enter(None, spot) for spot in self._runs.spots.starts()]
        for stay in starts:
            self._arrival[stay] = ZERO
            if stay.entry is not None:
                self._entered[stay.entry] = ZERO
        last: _Stay | None = None
        for group in self._groups(starts):
            untimed = self._go_round(group) or self._leave_all(group)
            if untimed is not None:
                return untimed
            for stay in group:
                if self._graph.states[stay.spot.state].kind == "final":
                    if last is None or self._arrival[stay] > self._arrival[last]:
                        last = stay
        if last is None:
            return Worst(ZERO, ())
        return Worst(self._arrival[last], self._story(last))

    def _enter(self, before: _Stay | None, spot: Spot) -> _Stay:
        """Return the stay at a spot, with the state through which its phase was entered."""
        phase = self._graph.states[spot.state].phase
        if phase not in self._timed:
            return _Stay(spot, None)
        stays = before is not None and self._graph.states[before.spot.state].phase == phase
        return _Stay(spot, before.entry if stays and before is not None else spot.state)

    def _groups(self, starts: list[_Stay]) -> Iterator[list[_Stay]]:
        """Yield the groups of reachable stays, each after all that lead to it."""
        waiting = list(dict.fromkeys(starts))
        for stay in waiting:
            moves = self._moves[stay] = [
                (self._enter(stay, after), edge) for after, edge in self._runs.moves[stay.spot]
            ]
            for after in dict.fromkeys(after for after, _ in moves):
                if after not in self._moves:
                    self._moves[after] = []
                    waiting.append(after)
        number = components(
            {stay: list(dict.fromkeys(after for after, _ in moves)) for stay, moves in self._moves.items()}
        )
        groups: dict[int, list[_Stay]] = {}
        for stay in self._moves:
            groups.setdefault(number[stay], []).append(stay)
        for each in sorted(groups, reverse=True):  # numbers fall along a way
            yield groups[each]

    # --- Cycles -----------------------------------------------------------------------------------

    def _go_round(self, group: list[_Stay]) -> Untimed | None:
        """Let a run stay in the cycles of a group until a timer of the phase ends them."""
        inside = [
            (stay, after, edge)
            for members in (set(group),)
            for stay in group
            for after, edge in self._moves[stay]
            if after in members
        ]
        if not inside:
            return None
        dropping = any(edge.moment.shared and not edge.by_itself for _, _, edge in inside)
        phases = {self._graph.states[stay.spot.state].phase for stay in group}
        end = self._end_of_phase(group[0], may_be_dropped=dropping) if len(phases) == 1 else None
        if end is None:
            return self._untimed_cycle(inside)
        held = max(self._step(edge.moment).held[edge.target] for _, _, edge in inside)
        latest = plus(end, held)
        if latest == LONGEST and (
            unlimited := self._unlimited_wait([(stay, edge) for stay, _, edge in inside])
        ):
            return unlimited
        self._come_round(group, inside, latest)
        return None

    def _come_round(
        self, group: list[_Stay], inside: list[tuple[_Stay, _Stay, Edge]], latest: timedelta
    ) -> None:
        """Say that a run can come to each stay of a group as late as that."""
        first = max((stay for stay in group if stay in self._arrival), key=lambda stay: self._arrival[stay])
        latest = max(latest, self._arrival[first])
        waiting = [first]
        for stay in waiting:
            for before, after, edge in inside:
                if before == stay and after != first and after not in waiting:
                    self._came[after] = _Came(stay, edge, latest)
                    waiting.append(after)
        for stay in group:
            self._arrival[stay] = latest

    def _untimed_cycle(self, inside: list[tuple[_Stay, _Stay, Edge]]) -> Untimed:
        order = {spot: index for index, spot in enumerate(self._runs.moves)}
        start = min((stay for stay, _, _ in inside), key=lambda stay: order[stay.spot])
        came: dict[_Stay, tuple[_Stay, Edge]] = {}
        waiting = [start]
        for stay in waiting:
            for before, after, edge in inside:
                if before == stay and after not in came:
                    came[after] = (stay, edge)
                    waiting.append(after)
            if start in came:
                break
        round_: list[tuple[Spot, Edge]] = []
        at = start
        while not round_ or at != start:
            at, edge = came[at]
            round_.append((at.spot, edge))
        round_.reverse()
        return Untimed(
            f"no timer limits how long a run goes round {way([*(spot.state for spot, _ in round_), start.spot.state])}, "
            "so no time can be promised",
            "put the states of the cycle into a phase with a timer that leads out (`after 30d -> …`), or promise "
            "`every run ends` without a time",
            self._runs.story_round(round_),
            self._graph.states[start.spot.state].place,
            "the cycle begins here",
        )

    # --- Moves ------------------------------------------------------------------------------------

    def _leave_all(self, group: list[_Stay]) -> Untimed | None:
        members = set(group)
        for stay in group:
            if self._graph.states[stay.spot.state].kind != "final":
                untimed = self._leave(stay, members)
                if untimed is not None:
                    return untimed
        return None

    def _leave(self, stay: _Stay, group: set[_Stay]) -> Untimed | None:
        """Carry the arrival at a stay to all stays that it leads to outside of its group."""
        state = self._graph.states[stay.spot.state]
        over = self._arrival[stay]
        if state.kind == "waiting":
            end = self._end_of_wait(stay)
            if end is None:
                return Untimed(
                    f"how long a run waits in `{state.name}` depends on its data, so no time can be promised",
                    "give it a timer with a duration that is written out: `after 48h -> …`",
                    self._runs.story(stay.spot),
                    state.place,
                    "no timer of a known length ends this wait",
                )
            over = end
        for after, edge in self._moves[stay]:
            if after in group:
                continue
            at = self._made_by(stay, over, edge)
            if at == LONGEST and (unlimited := self._unlimited_wait([(stay, edge)])):
                return unlimited
            self._arrive(stay, after, edge, at)
        return None

    def _unlimited_wait(self, moves: Iterable[tuple[_Stay, Edge]]) -> Untimed | None:
        """Return why these moves take no longest time, if it is because of an asked wait."""
        for stay, edge in moves:
            for moment in (edge.moment, *self._runs.spots.moments(stay.spot)):
                for site, _ in call_sites(moment.body):
                    for _, variant, wait in asked_waits(self._graph.calls, site.name):
                        if wait.at_most is None:
                            return self._asks_for_any(stay, site.name, variant, wait)
        return None

    def _asks_for_any(self, stay: _Stay, call: str, variant: Variant, wait: AskedWait) -> Untimed:
        return Untimed(
            f"with `{variant.name}`, the other side of `{call}` can ask to wait for any time, so no time can be promised",
            f"limit it where `{variant.name}` is declared: `transient wait at most 5m`",
            self._runs.story(stay.spot),
            wait.place,
            "this wait has no limit",
        )

    def _made_by(self, stay: _Stay, over: timedelta, edge: Edge) -> timedelta:
        """Return by when a move has been made, if a run waits or begins its step at `over`.

        The phase's timer breaks off what is not held. A kept event comes before it where both are
        there at the entry. A shared handler can break off a step of the state, and the step of a
        timer that has fired.
        """
        step = self._step(edge.moment)
        limit = self._end_of_phase(stay)
        if limit is not None and self._is_first(edge.moment):
            limit = max(limit, self._arrival[stay])
        if not edge.moment.shared:
            by = plus(over, step.to[edge.target])
            return by if limit is None else min(by, plus(limit, step.held[edge.target]))
        moments = self._runs.spots.moments(stay.spot)
        others = [moment for moment in moments if moment.handler is not edge.moment.handler]
        begun = plus(over, self._taken(moment for moment in others if not _fires_for_all(moment)))
        if limit is not None:
            begun = min(begun, max(limit, self._arrival[stay]))
        dropped = self._taken(moment for moment in others if _fires_for_all(moment))
        by = plus(begun, dropped, step.to[edge.target])
        if limit is None or dropped or _fires_for_all(edge.moment):
            return by
        return min(by, plus(limit, step.held[edge.target]))

    def _is_first(self, moment: Moment) -> bool:
        """Say whether a step can begin at the entry into a state though a timer is due there."""
        return isinstance(moment.handler, EventHandler) and moment.handler.event in self._kept

    def _taken(self, moments: Iterator[Moment]) -> timedelta:
        return max((self._step(moment).taken for moment in moments), default=ZERO)

    def _arrive(self, before: _Stay, stay: _Stay, edge: Edge, at: timedelta) -> None:
        if stay not in self._arrival or at > self._arrival[stay]:
            self._arrival[stay] = at
            self._came[stay] = _Came(before, edge, at)
        if stay.entry is not None and stay.entry != before.entry:
            self._entered[stay.entry] = max(self._entered.get(stay.entry, ZERO), at)

    # --- Timers -----------------------------------------------------------------------------------

    def _end_of_phase(self, stay: _Stay, *, may_be_dropped: bool = False) -> timedelta | None:
        """Return when the earliest timer of the phase is due at the latest.

        None if it has none of a known length that counts from the entry into the phase, or from the
        start. With `may_be_dropped`, an event can break off the step of a timer each time, so a
        timer whose step makes calls does not count.
        """
        if stay.entry is None:
            return None
        ends = []
        for moment in self._graph.moments(self._graph.states[stay.spot.state]):
            timer = moment.handler
            if not moment.shared or not isinstance(timer, Timer):
                continue
            if not self._runs.spots.counts_on(stay.spot, moment):
                continue
            if may_be_dropped and any(True for _ in call_sites(timer.body)):
                continue
            known = timer_length(timer)
            if known is not None and known.since == "start":
                ends.append(known.duration)
            elif known is not None and timer.kind == "after":
                ends.append(plus(self._entered[stay.entry], known.duration))
        return min(ends, default=None)

    def _end_of_wait(self, stay: _Stay) -> timedelta | None:
        """Return when the earliest timer of known length fires at the latest.

        The result is None if there is no such timer.
        """
        arrival = self._arrival[stay]
        phase_end = self._end_of_phase(stay)
        ends = [] if phase_end is None else [max(arrival, phase_end)]
        own = self._graph.states[stay.spot.state].timers
        for timer in self._runs.spots.timers(stay.spot):
            known = timer_length(timer)
            if known is None:
                continue
            if known.since == "start":
                ends.append(max(arrival, known.duration))
            elif timer.kind == "at" or any(timer is each for each in own):
                ends.append(plus(arrival, known.duration))
        return min(ends, default=None)

    def _step(self, moment: Moment) -> StepTimes:
        times = self._steps.get(id(moment.body))
        if times is None:
            resting = self._called_elsewhere(moment) if moment.shared else ()
            times = self._steps[id(moment.body)] = step_times(self._graph.calls, moment.body, resting)
        return times

    def _called_elsewhere(self, moment: Moment) -> set[str]:
        """Return the calls of other steps.

        One of these may have heard that its other side asked to wait, when this step of a phase
        breaks it off.
        """
        others = (each for each in self._graph.steps if each.body is not moment.body)
        return {site.name for each in others for site, _ in call_sites(each.body)}

    def _story(self, last: _Stay) -> tuple[StoryStep, ...]:
        steps: list[StoryStep] = []
        state = self._graph.states[last.spot.state]
        end = StoryStep(f"{state.name} by {in_signs(self._arrival[last])}", state.place)
        at = last
        while at in self._came:
            before, edge, by = self._came[at]
            steps.append(StoryStep(f"{edge_text(edge)} (by {in_signs(by)})", edge.goto.place))
            at = before
        return (*steps[::-1], end)


def _fires_for_all(moment: Moment) -> bool:
    """Say whether a step is that of a phase's timer."""
    return moment.shared and isinstance(moment.handler, Timer)
