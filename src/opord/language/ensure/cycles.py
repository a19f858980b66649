"""Find the cycles that timers and answers alone can go round, and that nothing bounds.

A cycle that needs an event counts as left. Each other one has to be bounded. Either it lies in a
phase with a timer that leads out of it, or its rounds are counted (`counting.py`).

A run that goes on for ever takes some set of moves again and again. By that set, each of its spots
can reach each other one. No counter of the set may exist. So a counter splits the question: the
moves without those that raise the counter, and the moves without those under its limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from opord.contract import Timer
from opord.language.diagnostics.wording import way
from opord.language.ensure.counting import Counting, CycleMove, stays_the_same
from opord.language.ensure.ends import Endless, ReachableSpots
from opord.language.ensure.spots import Spot
from opord.language.ensure.timer_length import timer_length
from opord.language.flow.components import components
from opord.language.flow.value_flow import StepFlow

# A cycle with more moves and counters than this is not decided. Each unit is one move looked at.
_WORK_MAX = 400_000
# Only so many rounds of a set of moves are tried, to find one that is endless alone.
_ROUNDS_MAX = 50

_COUNT = (
    "raise an `int` field in each round, and leave at a fixed limit (`if n >= 12 { goto … }`); or put the states into "
    "a phase with a timer that leads out; or promise only `no wait is endless`"
)
_HAND_ON = (
    "keep each number unchanged where another one is raised; or put the states into a phase with a timer that "
    "leads out; or promise only `no wait is endless`"
)

_Moves: TypeAlias = Sequence[CycleMove]


def endless_cycle(runs: ReachableSpots) -> Endless | None:
    """Return a cycle that a run can go round for ever without an event, or None if all end."""
    search = _Search(runs)
    try:
        moves = search.endless(search.moves())
        return search.told(moves) if moves else None
    except _TooMuchWork:
        return Endless(
            "these states form too many cycles to check that each one ends",
            "put the states into a phase with a timer that leads out, or let fewer states lead back",
            (),
            runs.graph.contract.place,
            "the contract",
        )


class _TooMuchWork(Exception):
    """The cycles of a contract have too many ways."""


class _Search:
    def __init__(self, runs: ReachableSpots) -> None:
        self._runs = runs
        self._counting = Counting(runs.graph.contract, self._spend)
        self._work_left = _WORK_MAX

    def moves(self) -> _Moves:
        """List the moves that no event causes and that lie on cycles of such moves, each once."""
        edges = {
            spot: list({(after, id(edge.goto)): (after, edge) for after, edge in moves}.values())
            for spot, all_moves in self._runs.moves.items()
            if (moves := [each for each in all_moves if each[1].by_itself])
        }
        group = components({spot: [after for after, _ in edges.get(spot, ())] for spot in self._runs.moves})
        return [
            self._counting.move(spot, after, edge)
            for spot, moves in edges.items()
            for after, edge in moves
            if group[after] == group[spot]
        ]

    def endless(self, moves: _Moves) -> _Moves:
        """Return moves that a run can take again and again, for ever; empty if there are none."""
        for cycle in _cycles(moves):
            self._spend(len(cycle))
            if self._left_by_a_timer(cycle):
                continue
            counter = next(self._counting.counters(cycle), None)
            if counter is None:
                return cycle
            for rest in self._rests(cycle, counter.steps, counter.limited):
                found = self.endless(rest)
                if found:
                    return found
        return ()

    def _rests(
        self, cycle: _Moves, steps: frozenset[CycleMove], limited: frozenset[CycleMove]
    ) -> Iterator[_Moves]:
        """Yield the moves of which a run can take all without end: it takes not both kinds."""
        if not limited < steps:
            yield [move for move in cycle if move not in steps]
        if not steps <= limited:
            yield [move for move in cycle if move not in limited]

    def _spend(self, units: int) -> None:
        self._work_left -= units
        if self._work_left < 0:
            raise _TooMuchWork

    def _left_by_a_timer(self, cycle: _Moves) -> bool:
        """Say whether a timer of the phase leads out, and its time is not put off by the rounds."""
        graph, spot = self._runs.graph, cycle[0].source
        phase = graph.states[spot.state].phase
        if phase is None or any(graph.states[move.source.state].phase != phase for move in cycle):
            return False
        into: dict[Spot, list[CycleMove]] = {}
        for move in cycle:
            into.setdefault(move.target, []).append(move)
        return any(
            moment.shared
            and isinstance(timer := moment.handler, Timer)
            and self._runs.spots.counts_on(spot, moment)
            and not _put_off(timer, spot, into)
            for moment in graph.moments(graph.states[spot.state])
        )

    # --- The story --------------------------------------------------------------------------------

    def told(self, moves: _Moves) -> Endless:
        """Tell of a round through moves that a run can take for ever."""
        order = {spot: index for index, spot in enumerate(self._runs.moves)}
        self._work_left = _WORK_MAX
        alone = self._endless_round(sorted(moves, key=lambda move: order[move.source]))
        round_ = _from_first(alone or _round_through(moves), order)
        states = [move.source.state for move in round_]
        first = round_[0].source
        graph = self._runs.graph
        story = self._runs.story_round([(move.source, move.edge) for move in round_])
        return Endless(
            f"a run can go round {way([*states, states[0]])} for ever, with timers and answers alone"
            + ("" if alone else ": each part of it is counted, but another part resets its number"),
            _COUNT if alone else _HAND_ON,
            story,
            graph.states[first.state].place,
            "the cycle begins here",
        )

    def _endless_round(self, moves: _Moves) -> _Moves:
        """Return a short round that is endless alone; empty if none is found."""
        for move in moves[:_ROUNDS_MAX]:
            round_ = [move, *_shortest(moves, move.target, move.source)]
            if self.endless(round_):
                return round_
        return ()


def _put_off(timer: Timer, spot: Spot, into: dict[Spot, list[CycleMove]]) -> bool:
    """Say whether each entry into a state of the phase can give a timer another time."""
    known = timer_length(timer)
    if known is not None:
        return timer.kind == "at" and known.since == "entry"
    return not stays_the_same(StepFlow(()).value(timer.when), spot, into)


def _cycles(moves: Iterable[CycleMove]) -> list[list[CycleMove]]:
    """Split moves into cycles. Each leads from each of its spots to each other one."""
    after: dict[Spot, list[Spot]] = {}
    for move in moves:
        after.setdefault(move.source, []).append(move.target)
        after.setdefault(move.target, [])
    group = components(after)
    cycles: dict[int, list[CycleMove]] = {}
    for move in moves:
        if group[move.source] == group[move.target]:
            cycles.setdefault(group[move.source], []).append(move)
    return list(cycles.values())


def _shortest(moves: _Moves, start: Spot, goal: Spot) -> list[CycleMove]:
    """Return the moves of a shortest way; empty if the start is the goal."""
    leaving: dict[Spot, list[CycleMove]] = {}
    for move in moves:
        leaving.setdefault(move.source, []).append(move)
    came: dict[Spot, CycleMove | None] = {start: None}
    waiting = [start]
    for spot in waiting:
        if spot == goal:
            break
        for move in leaving.get(spot, ()):
            if move.target not in came:
                came[move.target] = move
                waiting.append(move.target)
    taken = []
    at = came[goal]
    while at is not None:
        taken.append(at)
        at = came[at.source]
    return taken[::-1]


def _round_through(moves: _Moves) -> _Moves:
    """Return a round that takes all of these moves."""
    round_: list[CycleMove] = []
    for move in moves:
        if move not in round_:
            if round_:
                round_ += _shortest(moves, round_[-1].target, move.source)
            round_.append(move)
    return [*round_, *_shortest(moves, round_[-1].target, round_[0].source)]


def _from_first(round_: _Moves, order: dict[Spot, int]) -> _Moves:
    """Let a round begin where a run comes first."""
    first = min(range(len(round_)), key=lambda index: order[round_[index].source])
    return [*round_[first:], *round_[:first]]
