"""Find which bits can be set at which spot over all runs, and which promises that breaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from opord.language.ensure.monitors import Monitors
from opord.language.ensure.spots import Spot, Spots
from opord.language.ensure.steps import Change, Summary, sum_up
from opord.language.flow.graph import Graph, Moment


def broken_promises(graph: Graph, monitors: Monitors) -> int:
    """Return the bits of the promises that some run breaks, by its order or by its end.

    `traps` decides about runs that go on for ever while something is owed.
    """
    return _Reach(graph, monitors).broken()


class _Reach:
    """Carries bits from spot to spot until no spot gets new bits."""

    def __init__(self, graph: Graph, monitors: Monitors) -> None:
        self._graph = graph
        self._monitors = monitors
        self._spots = Spots(graph)
        self._summaries: dict[int, Summary] = {}
        self._stays: dict[Spot, _Stay] = {}

    def broken(self) -> int:
        monitors = self._monitors
        at: dict[Spot, int] = {}
        broken = 0
        for spot in self._spots.starts():
            sign = monitors.entry(spot.state)
            broken |= sign.asks & monitors.start
            at[spot] = sign.across(monitors.start)
        waiting = deque(at)
        queued = set(at)
        while waiting:
            spot = waiting.popleft()
            queued.discard(spot)
            stay = self._stay(spot)
            breaks, moves = stay.follow(at[spot])
            broken |= breaks
            for target, bits in moves:
                earlier_bits = at.get(target)
                more = bits if earlier_bits is None else earlier_bits | bits
                if more != earlier_bits:
                    at[target] = more
                    if target not in queued:
                        queued.add(target)
                        waiting.append(target)
        for spot, bits in at.items():
            if self._graph.states[spot.state].kind == "final":
                broken |= bits & monitors.owed
        return broken

    def _stay(self, spot: Spot) -> _Stay:
        stay = self._stays.get(spot)
        if stay is None:
            steps = [(moment, self._summary(moment)) for moment in self._spots.moments(spot)]
            stay = self._stays[spot] = _Stay(self._spots, spot, steps)
        return stay

    def _summary(self, moment: Moment) -> Summary:
        key = id(moment.handler or moment.body)
        summary = self._summaries.get(key)
        if summary is None:
            summary = self._summaries[key] = sum_up(moment, self._graph.calls, self._monitors)
        return summary


class _Stay:
    """The steps that can be taken at one spot, prepared so that they can be followed many times."""

    def __init__(self, spots: Spots, spot: Spot, steps: list[tuple[Moment, Summary]]) -> None:
        own = [(moment, summary) for moment, summary in steps if not moment.shared]
        shared = [(moment, summary) for moment, summary in steps if moment.shared]
        self._own = dict(_targets(spots, spot, own))
        self._own_broken = _union(summary.broken for _, summary in own)
        self._own_held = [summary.held for _, summary in own if summary.held]
        self._shared = [
            (spots.once(moment), summary, list(_targets(spots, spot, [(moment, summary)])))
            for moment, summary in shared
        ]

    def follow(self, bits: int) -> tuple[int, list[tuple[Spot, int]]]:
        """Return the promises that a step from here breaks, and the next spots with their bits."""
        broken = self._own_broken.of(bits)
        moves = [(target, change.of(bits)) for target, change in self._own.items()]
        if self._shared:
            for used, taken in self._when_taken(bits).items():
                for once, summary, targets in self._shared:
                    if not used & once:
                        broken |= summary.broken.of(taken)
                        moves += [(target, change.of(taken)) for target, change in targets]
        return broken, moves

    def _when_taken(self, bits: int) -> dict[int, int]:
        """Return the bits that may be set when a shared handler interrupts.

        The keys are sets of the shared timers that have fired in this stay, one bit a timer.
        """
        start = bits
        for held in self._own_held:
            start |= held.of(bits)
        taken = {0: start}
        waiting = [0]
        while waiting:
            used = waiting.pop()
            for once, summary, _ in self._shared:
                if summary.held is None or used & once:
                    continue
                earlier_bits = taken.get(used | once)
                more = summary.held.of(taken[used]) | (earlier_bits or 0)
                if more != earlier_bits:
                    taken[used | once] = more
                    waiting.append(used | once)
        return taken


def _targets(spots: Spots, spot: Spot, steps: list[tuple[Moment, Summary]]) -> Iterator[tuple[Spot, Change]]:
    changes: dict[Spot, Change] = {}
    for moment, summary in steps:
        for target, change in summary.targets.items():
            if target in spots.graph.states:
                after = spots.after(spot, moment, target)
                earlier_change = changes.get(after)
                changes[after] = change if earlier_change is None else earlier_change.or_else(change)
    yield from changes.items()


def _union(changes: Iterator[Change]) -> Change:
    joined = Change(0, 0)
    for change in changes:
        joined = joined.or_else(change)
    return joined
