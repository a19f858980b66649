"""The longest time that a run can take, from its start to its end, where timers bound it.

Without cycles, the spots of a run have an order, and the latest arrival at each follows from the
earlier ones. A wait ends at the latest with its earliest timer. A phase's timer counts from the
entry into the phase, so within a phase spots are kept apart by the state through which the phase
was entered. Durations are read from the contract's text. A timer that is computed from data bounds
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, assert_never

from opord.contract import (
    Attribute,
    Binary,
    Block,
    BuiltinCall,
    Conditional,
    Constant,
    Convert,
    Expr,
    Hole,
    Index,
    MakeList,
    MakeRecord,
    MakeVariant,
    Place,
    PureCall,
    Slice,
    Text,
    Timer,
    Unary,
    Var,
    WithFields,
)
from opord.language.diagnostics.model import StoryStep
from opord.language.diagnostics.wording import way
from opord.language.ensure.call_time import LONGEST, ZERO, StepTimes, plus, step_times
from opord.language.ensure.ends import ReachableSpots, edge_text
from opord.language.ensure.spots import Spot
from opord.language.flow.components import components
from opord.language.flow.graph import Edge, Graph
from opord.language.spelling import in_signs


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


def worst_case(graph: Graph, runs: ReachableSpots | None = None) -> Worst | Untimed:
    """Return the longest time that a run can take, or why there is none.

    A contract without an initial state takes no time. `runs` are the runs of the graph if the
    caller has followed them already.
    """
    runs = runs or ReachableSpots(graph)
    return _cycle(runs) or _Timing(runs).result()


def _cycle(runs: ReachableSpots) -> Untimed | None:
    names = {spot: str(index) for index, spot in enumerate(runs.moves)}
    successors = {names[spot]: [names[after] for after, _ in moves] for spot, moves in runs.moves.items()}
    group = components(successors)
    for spot, moves in runs.moves.items():
        for after, _ in moves:
            if group[names[after]] == group[names[spot]]:
                states = _round(runs, spot, after)
                return Untimed(
                    f"a run can go round {way(states)} any number of times, so no time can be promised",
                    "promise `every run ends` without a time, or let the cycle go",
                    runs.story(spot),
                    runs.graph.states[spot.state].place,
                    "the cycle begins here",
                )
    return None


def _round(runs: ReachableSpots, start: Spot, first: Spot) -> list[str]:
    """Return the states of a shortest cycle from `start` to `first` and back to `start`."""
    came: dict[Spot, Spot] = {first: start}
    waiting = [first]
    for spot in waiting:
        if spot == start:
            break
        for after, _ in runs.moves[spot]:
            if after not in came:
                came[after] = spot
                waiting.append(after)
    states = [start.state]
    at = came[start]
    while at != start:
        states.append(at.state)
        at = came[at]
    return [start.state, *states[:0:-1], start.state]


class _Timing:
    """Carries the latest arrivals along the moves, in the order of the spots."""

    def __init__(self, runs: ReachableSpots) -> None:
        self._runs = runs
        self._graph = runs.graph
        self._steps: dict[int, StepTimes] = {}
        self._timed = {
            phase.name
            for phase in self._graph.contract.phases
            if any(_length(timer) is not None for timer in phase.timers)
        }
        self._arrival: dict[_Stay, timedelta] = {}
        self._entered: dict[str, timedelta] = {}
        self._came: dict[_Stay, tuple[_Stay, Edge]] = {}

    def result(self) -> Worst | Untimed:
        """Follow all moves. A wait that nothing bounds ends the search."""
        starts = [self._enter(None, spot) for spot in self._runs.spots.starts()]
        for stay in starts:
            self._arrival[stay] = ZERO
            if stay.entry is not None:
                self._entered[stay.entry] = ZERO
        last: _Stay | None = None
        for stay in self._in_order(starts):
            if self._graph.states[stay.spot.state].kind == "final":
                if last is None or self._arrival[stay] > self._arrival[last]:
                    last = stay
                continue
            untimed = self._leave(stay)
            if untimed is not None:
                return untimed
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

    def _in_order(self, starts: list[_Stay]) -> list[_Stay]:
        """Order the reachable stays so that each comes before all that it leads to.

        The search is depth first, without recursion.
        """
        done: list[_Stay] = []
        seen: set[_Stay] = set()
        for start in starts:
            if start in seen:
                continue
            seen.add(start)
            work = [(start, iter(self._runs.moves[start.spot]))]
            while work:
                stay, moves = work[-1]
                for after, _ in moves:
                    next_stay = self._enter(stay, after)
                    if next_stay not in seen:
                        seen.add(next_stay)
                        work.append((next_stay, iter(self._runs.moves[after])))
                        break
                else:
                    done.append(stay)
                    work.pop()
        return done[::-1]

    def _leave(self, stay: _Stay) -> Untimed | None:
        """Carry the arrival at a stay to all stays that it leads to."""
        state = self._graph.states[stay.spot.state]
        arrival = self._arrival[stay]
        over = arrival
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
        moments = self._runs.spots.moments(stay.spot)
        shares = any(moment.shared for moment in moments)
        taken = max((self._step(moment.body).taken for moment in moments if not moment.shared), default=ZERO)
        for after, edge in self._runs.moves[stay.spot]:
            begun = plus(over, taken) if edge.moment.shared and shares else over
            self._arrive(stay, after, edge, plus(begun, self._step(edge.moment.body).to[edge.target]))
        return None

    def _arrive(self, before: _Stay, spot: Spot, edge: Edge, at: timedelta) -> None:
        stay = self._enter(before, spot)
        if stay not in self._arrival or at > self._arrival[stay]:
            self._arrival[stay] = at
            self._came[stay] = (before, edge)
        if stay.entry is not None and stay.entry != before.entry:
            self._entered[stay.entry] = max(self._entered.get(stay.entry, ZERO), at)

    def _end_of_wait(self, stay: _Stay) -> timedelta | None:
        """Return when the earliest timer of known length fires at the latest.

        The result is None if there is no such timer.
        """
        arrival = self._arrival[stay]
        ends = []
        own = self._graph.states[stay.spot.state].timers
        for timer in self._runs.spots.timers(stay.spot):
            length = _length(timer)
            if length is None:
                continue
            since, duration = length
            if since == "start":
                ends.append(max(arrival, duration))
            elif timer.kind == "at" or stay.entry is None or any(timer is each for each in own):
                ends.append(plus(arrival, duration))
            else:
                ends.append(max(arrival, plus(self._entered[stay.entry], duration)))
        return min(ends, default=None)

    def _step(self, body: Block) -> StepTimes:
        times = self._steps.get(id(body))
        if times is None:
            times = self._steps[id(body)] = step_times(self._graph.calls, body)
        return times

    def _story(self, last: _Stay) -> tuple[StoryStep, ...]:
        steps: list[StoryStep] = []
        state = self._graph.states[last.spot.state]
        end = StoryStep(f"{state.name} by {in_signs(self._arrival[last])}", state.place)
        at = last
        while at in self._came:
            before, edge = self._came[at]
            until = in_signs(self._arrival[at])
            edge_words = edge_text(edge)
            steps.append(StoryStep(f"{edge_words} (by {until})", edge.goto.place))
            at = before
        return (*steps[::-1], end)


class _Length(NamedTuple):
    since: str
    duration: timedelta


def _length(timer: Timer) -> _Length | None:
    """Return the longest time of a timer, counted from its `entry` or from the run's `start`.

    The result is None if the time depends on data.
    """
    match timer.kind:
        case "after":
            duration = _longest(timer.when)
            return _Length("entry", duration) if duration is not None else None
        case "at":
            return _until(timer.when)
        case _:
            assert_never(timer.kind)


def _until(instant: Expr) -> _Length | None:
    """Return the longest time from the entry or the start to an instant.

    The result is None if the time depends on data.
    """
    match instant:
        case Var(origin="now"):
            return _Length("entry", ZERO)
        case Attribute(of=Var(origin="run"), name="started_at"):
            return _Length("start", ZERO)
        case Binary(op="+", left=left, right=right):
            since = _until(left)
            duration = _longest(right)
            if since is None or duration is None:
                return None
            return _Length(since.since, plus(since.duration, duration))
        case (
            Constant()
            | Text()
            | Var()
            | Attribute()
            | Index()
            | Slice()
            | Unary()
            | Binary()
            | Conditional()
            | PureCall()
            | BuiltinCall()
            | MakeRecord()
            | WithFields()
            | MakeVariant()
            | MakeList()
            | Convert()
            | Hole()
        ):
            return None
        case _:
            assert_never(instant)


def _longest(expr: Expr) -> timedelta | None:
    """Return the longest duration that an expression can be, or None if its text does not say."""
    match expr:
        case Constant(value=timedelta() as value):
            return max(value, ZERO)
        case Conditional(yes=yes, no=no):
            return _both(_longest(yes), _longest(no), add=False)
        case Binary(op="+", left=left, right=right):
            return _both(_longest(left), _longest(right), add=True)
        case Binary(op="*", left=left, right=Constant(value=int() as times)):
            return _times(_longest(left), times)
        case Binary(op="*", left=Constant(value=int() as times), right=right):
            return _times(_longest(right), times)
        case BuiltinCall(name="max", args=args):
            lengths = [_longest(arg) for arg in args]
            finite = [length for length in lengths if length is not None]
            return max(finite) if len(finite) == len(lengths) and finite else None
        case BuiltinCall(name="min", args=args):
            return min((length for arg in args if (length := _longest(arg)) is not None), default=None)
        case (
            Constant()
            | Text()
            | Var()
            | Attribute()
            | Index()
            | Slice()
            | Unary()
            | Binary()
            | PureCall()
            | BuiltinCall()
            | MakeRecord()
            | WithFields()
            | MakeVariant()
            | MakeList()
            | Convert()
            | Hole()
        ):
            return None
        case _:
            assert_never(expr)


def _both(one: timedelta | None, other: timedelta | None, *, add: bool) -> timedelta | None:
    if one is None or other is None:
        return None
    return plus(one, other) if add else max(one, other)


def _times(length: timedelta | None, times: int) -> timedelta | None:
    if length is None:
        return None
    if times <= 0:
        return ZERO
    return LONGEST if length > LONGEST / times else length * times
