"""Decide whether no wait is endless: each has a timer that will fire, and no cycle spins.

The rules of `flow` check that each state has a way to an end. This module follows runs together
with the shared timers that have fired, because a phase's timer fires once while a run stays in the
phase. States that are entered after that cannot count on the timer, neither to end a wait nor as
the way to an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from opord.contract import Place, Timer
from opord.language.diagnostics.model import StoryStep
from opord.language.diagnostics.wording import way
from opord.language.ensure.spots import Spot, Spots
from opord.language.ensure.words import timer_text
from opord.language.flow.graph import Edge, Graph
from opord.language.flow.spinning import spinning_rounds

_ENDED = {"ok": "ok", "maybe": "in doubt", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class Endless:
    """Why a run may not end: a shortest run that shows it, and the place where the run stays."""

    problem: str
    help: str
    story: tuple[StoryStep, ...]
    place: Place
    label: str


class ReachableSpots:
    """All spots that runs can reach, each with its moves and the move that reached it first."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.spots: Spots = Spots(graph)
        self.moves: dict[Spot, list[tuple[Spot, Edge]]] = {}
        self._came: dict[Spot, tuple[Spot, Edge] | None] = dict.fromkeys(self.spots.starts())
        waiting = list(self._came)
        for spot in waiting:
            possible = {id(moment) for moment in self.spots.moments(spot)}
            moves = self.moves[spot] = []
            for edge in graph.outgoing[spot.state]:
                if id(edge.moment) not in possible:
                    continue
                after = self.spots.after(spot, edge.moment, edge.target)
                moves.append((after, edge))
                if after not in self._came:
                    self._came[after] = (spot, edge)
                    waiting.append(after)

    @cached_property
    def endless(self) -> list[Spot]:
        """The spots from which no run can end, although their states have a way out; nearest first.

        The only way to an end was a timer of their phase, which has fired.
        """
        if not any(spot.fired for spot in self.moves):
            return []
        came: dict[Spot, list[Spot]] = {spot: [] for spot in self.moves}
        for spot, moves in self.moves.items():
            for after, edge in moves:
                if self.spots.counts_on(spot, edge.moment):
                    came[after].append(spot)
        ending = [spot for spot in self.moves if self.graph.states[spot.state].kind == "final"]
        ends = set(ending)
        while ending:
            for spot in came[ending.pop()]:
                if spot not in ends:
                    ends.add(spot)
                    ending.append(spot)
        return [spot for spot in self.moves if spot not in ends and spot.state in self.graph.can_end]

    def story(self, spot: Spot) -> tuple[StoryStep, ...]:
        """Return the shortest run to a spot as a story."""
        last = spot
        steps: list[StoryStep] = []
        came = self._came[spot]
        while came is not None:
            spot, edge = came
            steps.append(StoryStep(edge_text(edge), edge.goto.place))
            came = self._came[spot]
        return (*steps[::-1], StoryStep(last.state, self.graph.states[last.state].place))

    def story_round(self, round_: Sequence[tuple[Spot, Edge]]) -> tuple[StoryStep, ...]:
        """Return the shortest run to a cycle, and once round it, as a story.

        The moves are given with the spots that they leave.
        """
        first = round_[0][0]
        return (
            *self.story(first)[:-1],
            *(StoryStep(edge_text(edge), edge.goto.place) for _, edge in round_),
            StoryStep(first.state, self.graph.states[first.state].place),
        )


def edge_text(edge: Edge) -> str:
    """Return one move in words: the state it leaves, and the cause unless that is only the body."""
    handler = edge.moment.handler
    parts = []
    if isinstance(handler, Timer):
        parts.append(timer_text(handler))
    elif handler is not None:
        parts.append(f"on {handler.event}")
    parts += [f"commit {commit.name} {_ENDED[commit.ending]}" for commit in edge.commits]
    return f"{edge.source}: {', '.join(parts)}" if parts else edge.source


def endless_wait(runs: ReachableSpots) -> Endless | None:
    """Return a reason why `no wait is endless` does not hold, or None if it does."""
    return _without_timer(runs) or _spinning(runs) or _without_end(runs)


def _without_timer(runs: ReachableSpots) -> Endless | None:
    graph = runs.graph
    for spot in runs.moves:
        state = graph.states[spot.state]
        if state.kind == "waiting" and not any(runs.spots.timers(spot)):
            spent = bool(graph.timers(state))
            return Endless(
                f"a run can wait in `{state.name}` for ever"
                + (": the timer of its phase has already fired" if spent else ""),
                f"give `{state.name}` a timer of its own: `after <duration> -> …`",
                runs.story(spot),
                state.place,
                "no timer is left here" if spent else "no timer ends this wait",
            )
    return None


def _without_end(runs: ReachableSpots) -> Endless | None:
    for spot in runs.endless:
        state = runs.graph.states[spot.state]
        return Endless(
            f"a run in `{spot.state}` can no longer end: the timer of its phase that leads to an end has already fired",
            f"give `{spot.state}`, or a state that follows, a way to an end of its own",
            runs.story(spot),
            state.place,
            "no end can be reached from here",
        )
    return None


def _spinning(runs: ReachableSpots) -> Endless | None:
    graph = runs.graph
    rounds = spinning_rounds(graph)
    for round_ in rounds.shortest:
        states = [move.source for move in round_]
        spot = next((spot for spot in runs.moves if spot.state == states[0]), None)
        if spot is not None:
            return Endless(
                f"a run can go round {way([*states, states[0]])} for ever: nothing changes on the way",
                "wait on the way (`after <duration>`), or carry a field that changes and limits the rounds",
                runs.story(spot),
                graph.states[states[0]].place,
                "the cycle begins here",
            )
    if not rounds.complete:
        return Endless(
            "these acting states form too many cycles to check that each one changes something",
            "wait on the way (`after <duration>`), or let fewer states lead back",
            (),
            graph.contract.place,
            "the contract",
        )
    return None
