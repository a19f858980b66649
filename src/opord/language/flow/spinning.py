"""Cycles that spin: rounds through acting states without a wait, on which no field changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from opord.language.flow.components import components
from opord.language.flow.graph import Graph
from opord.language.flow.rounds import changes_nothing
from opord.language.flow.value_flow import Move, moves_of

# Rounds are looked for shortest first. A cycle woven of more ways than this is left alone.
_STEPS_MAX = 20_000


class Rounds(NamedTuple):
    """The shortest round of each cycle that spins. `complete`: no cycle was woven of too many ways to follow all."""

    found: list[list[Move]]
    complete: bool


def spinning_rounds(graph: Graph) -> Rounds:
    """Find the cycles that spin."""
    moves = _moves(graph)
    numbers = components({name: [move.goto.state for move in ways] for name, ways in moves.items()})
    search = _Search(moves, numbers)
    found: dict[int, list[Move]] = {}
    for name in moves:
        if numbers[name] not in found:
            round_ = search.unchanging(name)
            if round_ is not None:
                found[numbers[name]] = round_
    return Rounds(list(found.values()), complete=not search.gave_up)


def _moves(graph: Graph) -> dict[str, list[Move]]:
    """Give the moves of the states that act, those alone that can be part of a cycle."""
    acting = {name for name, state in graph.states.items() if state.body}
    ways = {
        name: list(
            dict.fromkeys(
                edge.target
                for edge in graph.outgoing[name]
                if edge.moment.handler is None and edge.target in acting
            )
        )
        for name in graph.states
        if name in acting
    }
    numbers = components(ways)
    return {
        name: [
            move
            for move in moves_of(name, graph.states[name].body)
            if numbers.get(move.goto.state) == numbers[name] and _gives_all(graph, move)
        ]
        if any(numbers[target] == numbers[name] for target in targets)
        else []
        for name, targets in ways.items()
    }


def _gives_all(graph: Graph, move: Move) -> bool:
    """Say whether each field of the target is given a value: one that is not has its finding."""
    return [name for name, _ in move.values] == [field.name for field in graph.states[move.goto.state].fields]


@dataclass(slots=True)
class _Path:
    """The moves of a path, the last one first."""

    move: Move
    before: _Path | None
    states: set[str] | None = None  # that it passes, once asked for

    def moves(self) -> list[Move]:
        found = [self.move]
        path = self.before
        while path is not None:
            found.append(path.move)
            path = path.before
        return found[::-1]

    def passes(self, state: str) -> bool:
        if self.states is None:
            self.states = {move.source for move in self.moves()}
        return state in self.states

    def onward(self, moves: list[Move]) -> list[_Path]:
        """Give the paths that go on by one of these moves; the last one takes over what is known of this path."""
        found = [_Path(move, self) for move in moves]
        if found and self.states is not None:
            self.states.add(found[-1].move.source)
            found[-1].states, self.states = self.states, None
        return found


class _Search:
    """Rounds through the moves, each looked at once: from the first of its states in the file."""

    def __init__(self, moves: dict[str, list[Move]], numbers: dict[str, int]) -> None:
        self._moves = moves
        self._numbers = numbers
        self._order = {name: index for index, name in enumerate(moves)}
        self._left = _STEPS_MAX
        self.gave_up = False

    def unchanging(self, start: str) -> list[Move] | None:
        """Find a shortest round from `start`, through states below it, that changes nothing."""
        paths = [_Path(move, None) for move in self._moves[start] if self._inside(move, start)]
        for path in paths:
            if path.move.goto.state == start:
                round_ = path.moves()
                self._left -= len(round_)
                if changes_nothing(round_):
                    return round_
                continue
            onward = []
            for move in self._moves[path.move.goto.state]:
                if self._left <= 0:
                    self.gave_up = True
                    return None
                self._left -= 1
                if self._inside(move, start) and (
                    move.goto.state == start or not path.passes(move.goto.state)
                ):
                    onward.append(move)
            paths += path.onward(onward)
        return None

    def _inside(self, move: Move, start: str) -> bool:
        target = move.goto.state
        return self._numbers[target] == self._numbers[start] and self._order[target] >= self._order[start]
