"""Find the shortest run that breaks one promise about order, as a story that a person can follow.

The search goes from state to state, breadth first. It remembers for each state and bit how it got
there first. Within a state it follows every path of every step, and drops paths that lead to
nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opord.contract import (
    Action,
    CallSite,
    EventHandler,
    Goto,
    Pattern,
    Place,
    Timer,
    VariantPattern,
)
from opord.language.diagnostics.model import StoryStep
from opord.language.ensure.monitors import Monitors
from opord.language.ensure.spots import Spot, Spots
from opord.language.ensure.words import timer_text
from opord.language.flow.calls import IN_DOUBT, CallEnding
from opord.language.flow.graph import Graph, Moment
from opord.language.flow.walk import PathWalk
from opord.values.call_words import failed_words


class StoryPart(NamedTuple):
    """Something that happens while a run is in a state: its text, and its place in the contract."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Trace:
    """What has happened in a state so far, as a linked list with the last part first."""

    before: Trace | None
    part: StoryPart

    def parts(self) -> list[StoryPart]:
        """List the parts in the order in which they happened."""
        parts: list[StoryPart] = []
        at: Trace | None = self
        while at is not None:
            parts.append(at.part)
            at = at.before
        return parts[::-1]


class NextMove(NamedTuple):
    """One way to go on from a spot: what happens, the bit after it, and the move to the next spot.

    Without a move, the way breaks the promise within the step. `at_entry` says that the entry into
    the next state breaks it. `sure` says that the step is certain to be available (see
    `Spots.counts_on`).
    """

    bit: int
    trace: Trace | None
    goto: Goto | None
    spot: Spot
    at_entry: bool = False
    sure: bool = True


@dataclass(frozen=True, slots=True)
class SearchNode:
    """A spot that a run has reached, with the bit at that spot, and how the run got there."""

    spot: Spot
    bit: int
    before: SearchNode | None
    trace: Trace | None
    goto: Goto | None

    def chain(self) -> list[SearchNode]:
        """List the nodes of the run in order."""
        nodes: list[SearchNode] = []
        at: SearchNode | None = self
        while at is not None:
            nodes.append(at)
            at = at.before
        return nodes[::-1]


class Search:
    """A search for the run that breaks one promise. `monitors` has only that promise, as bit 1."""

    def __init__(self, graph: Graph, monitors: Monitors) -> None:
        self.graph = graph
        self.monitors = monitors
        self.spots: Spots = Spots(graph)

    def breach(self) -> tuple[StoryStep, ...]:
        """Return the shortest run that breaks the promise, by its order or by its end.

        Empty if there is none.
        """
        level = self._starts()
        for node in level:
            if self.monitors.entry(node.spot.state).asks & self.monitors.start:
                return self._story(node, None)
        seen = {(node.spot, node.bit) for node in level}
        while level:
            ended = next((node for node in level if self._ends_owing(node)), None)
            if ended is not None:
                return self._story(ended, None)
            following: list[SearchNode] = []
            entered: SearchNode | None = None
            for node in level:
                for way in self._ways(node):
                    if way.goto is None:
                        return self._story(node, way.trace)
                    next_node = SearchNode(way.spot, way.bit, node, way.trace, way.goto)
                    if way.at_entry and entered is None:
                        entered = next_node
                    if (way.spot, way.bit) not in seen:
                        seen.add((way.spot, way.bit))
                        following.append(next_node)
            if entered is not None:
                return self._story(entered, None)
            level = following
        return ()

    def moves(self) -> dict[tuple[Spot, int], list[tuple[Spot, int]]]:
        """Explore all spots with their possible bits, and return the sure next ones of each."""
        waiting = self._starts()
        moves: dict[tuple[Spot, int], list[tuple[Spot, int]]] = {
            (node.spot, node.bit): [] for node in waiting
        }
        for node in waiting:
            targets = moves[node.spot, node.bit]
            for way in self._ways(node):
                if way.goto is None:
                    continue
                key = (way.spot, way.bit)
                if way.sure:
                    targets.append(key)
                if key not in moves:
                    moves[key] = []
                    waiting.append(SearchNode(*key, None, None, None))
        return moves

    def towards(self, goals: set[tuple[Spot, int]]) -> tuple[StoryStep, ...]:
        """Return the shortest run to one of the spots with bits in `goals`.

        Empty if there is none.
        """
        waiting = self._starts()
        seen = {(node.spot, node.bit) for node in waiting}
        for node in waiting:
            if (node.spot, node.bit) in goals:
                return self._story(node, None)
            for way in self._ways(node):
                if way.goto is not None and (way.spot, way.bit) not in seen:
                    seen.add((way.spot, way.bit))
                    waiting.append(SearchNode(way.spot, way.bit, node, way.trace, way.goto))
        return ()

    def _starts(self) -> list[SearchNode]:
        return [
            SearchNode(spot, self.monitors.entry(spot.state).across(self.monitors.start), None, None, None)
            for spot in self.spots.starts()
        ]

    def _ends_owing(self, node: SearchNode) -> bool:
        return bool(node.bit & self.monitors.owed) and self.graph.states[node.spot.state].kind == "final"

    def _ways(self, node: SearchNode) -> Iterator[NextMove]:
        """Yield the ways to go on from a node: breaches within its state first, then moves."""
        moves: list[NextMove] = []
        for way in self._all_ways(node):
            if way.goto is None:
                yield way
            else:
                moves.append(way)
        yield from moves

    def _all_ways(self, node: SearchNode) -> Iterator[NextMove]:
        moments = self.spots.moments(node.spot)
        shared = [moment for moment in moments if moment.shared]
        taken: dict[tuple[int, int], Trace | None] = {(node.bit, 0): None}
        for moment in moments:
            if not moment.shared:
                walk = self._walk(node, moment, node.bit, None)
                yield from walk.ways
                for bit, trace in walk.held.items():
                    taken.setdefault((bit, 0), trace)
        waiting = list(taken.items()) if shared else []
        for (bit, used), trace in waiting:
            for moment in shared:
                once = self.spots.once(moment)
                if used & once:
                    continue
                walk = self._walk(node, moment, bit, trace)
                yield from walk.ways
                for held, so_far in walk.held.items():
                    key = (held, used | once)
                    if key not in taken:
                        taken[key] = so_far
                        waiting.append((key, so_far))

    def _walk(self, node: SearchNode, moment: Moment, bit: int, trace: Trace | None) -> _Walk:
        walk = _Walk(self.spots, self.monitors, node.spot, moment)
        walk.run(bit, trace)
        return walk

    def _story(self, node: SearchNode, last: Trace | None) -> tuple[StoryStep, ...]:
        """Return a run as steps: each state with what happens in it."""
        chain = node.chain()
        traces = [each.trace for each in chain[1:]] + [last]
        moves = [each.goto for each in chain[1:]] + [None]
        return tuple(
            _step(each.spot.state, trace, move, self.graph.states[each.spot.state].place)
            for each, trace, move in zip(chain, traces, moves, strict=True)
        )


def _step(state: str, trace: Trace | None, goto: Goto | None, declared: Place) -> StoryStep:
    parts = trace.parts() if trace is not None else []
    text = f"{state}: {', '.join(part.text for part in parts)}" if parts else state
    place = parts[-1].place if parts else goto.place if goto is not None else declared
    return StoryStep(text, place)


class _At(NamedTuple):
    bit: int
    committed: bool


_Facts = dict[_At, Trace | None]


class _Walk(PathWalk[_Facts]):
    """Follows every path of one step with one bit, and keeps the first trace to each result."""

    def __init__(self, spots: Spots, monitors: Monitors, spot: Spot, moment: Moment) -> None:
        self._spots = spots
        self._calls = spots.graph.calls
        self._monitors = monitors
        self._spot = spot
        self._moment = moment
        self._way_keys: set[tuple[str, int, bool]] = set()
        self.ways: list[NextMove] = []
        self.held: dict[int, Trace | None] = {}

    def run(self, bit: int, trace: Trace | None) -> None:
        """Follow the step from this bit. `trace` is what happened in the state before it."""
        handler = self._moment.handler
        if isinstance(handler, EventHandler):
            trace = Trace(trace, StoryPart(f"on {handler.event}", handler.place))
        elif isinstance(handler, Timer):
            trace = Trace(trace, StoryPart(timer_text(handler), handler.place))
        self.block(self._moment.body, {_At(bit, False): trace})

    def called(self, site: CallSite, pattern: Pattern | None, at: _Facts) -> _Facts | None:
        entering: _Facts = {}
        for ending in sorted(self._calls.outcomes(site, pattern)):
            entering = self._call(site, ending, _how(pattern, ending), at) | entering
        return entering or None

    def join(self, ways: Sequence[_Facts], before: _Facts) -> _Facts:
        joined = ways[0]
        for way in ways[1:]:
            joined = way | joined
        return joined

    def _call(self, site: CallSite, ending: CallEnding, how: str, facts: _Facts) -> _Facts:
        sign = self._monitors.call(site.name, ending)
        commits = isinstance(self._calls.get(site.name), Action)
        outcome = "ok or skipped" if ending == "maybe" and how == "ok" else how
        part = StoryPart(f"{site.verb} {site.name} {outcome}", site.place)
        traces: _Facts = {}
        for at, trace in facts.items():
            if sign.asks & at.bit:
                here = StoryPart(f"{site.verb} {site.name}", site.place)
                self.ways.append(NextMove(at.bit, Trace(trace, here), None, self._spot))
            after = _At(sign.across(at.bit), at.committed or commits)
            traces.setdefault(after, Trace(trace, part))
            if not after.committed:
                self.held.setdefault(after.bit, traces[after])
        return traces

    def went(self, goto: Goto, at: _Facts) -> None:
        if goto.state not in self._spots.graph.states:
            return
        sign = self._monitors.entry(goto.state)
        spot = self._spots.after(self._spot, self._moment, goto.state)
        sure = self._spots.counts_on(self._spot, self._moment)
        for facts, trace in at.items():
            way = NextMove(sign.across(facts.bit), trace, goto, spot, bool(sign.asks & facts.bit), sure)
            key = (goto.state, way.bit, way.at_entry)
            if key not in self._way_keys:
                self._way_keys.add(key)
                self.ways.append(way)


def _how(pattern: Pattern | None, ending: CallEnding) -> str:
    """Return how a call ended where an arm is taken, or that it answered if there is no pattern."""
    if ending == "ok" or pattern is None:
        return "ok"
    if isinstance(pattern, VariantPattern):
        if ending == "maybe":
            return failed_words([IN_DOUBT.variant])
        return failed_words([ref.variant for ref in pattern.variants if ref != IN_DOUBT][:1])
    return "ok" if ending == "maybe" else failed_words([])
