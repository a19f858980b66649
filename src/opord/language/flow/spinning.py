"""Find cycles that spin: rounds through acting states without a wait on which no field changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from opord.language.flow.components import components
from opord.language.flow.graph import Graph
from opord.language.flow.rounds import changes_nothing
from opord.language.flow.value_flow import Handover, handovers_of

# The search tries short rounds first. A cycle with more ways than this is not searched further.
_STEPS_MAX = 20_000


class Rounds(NamedTuple):
    """The shortest round of each cycle that spins.

    `complete`: no cycle had too many ways to search them all.
    """

    shortest: list[list[Handover]]
    complete: bool


def spinning_rounds(graph: Graph) -> Rounds:
    """Find the cycles that spin."""
    handovers = _handovers(graph)
    numbers = components(
        {name: [handover.goto.state for handover in ways] for name, ways in handovers.items()}
    )
    search = _Search(handovers, numbers)
    rounds: dict[int, list[Handover]] = {}
    for name in handovers:
        if numbers[name] not in rounds:
            round_ = search.unchanging(name)
            if round_ is not None:
                rounds[numbers[name]] = round_
    return Rounds(list(rounds.values()), complete=not search.gave_up)


def _handovers(graph: Graph) -> dict[str, list[Handover]]:
    """Return the moves between acting states. Only these can be part of such a cycle."""
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
            handover
            for handover in handovers_of(name, graph.states[name].body)
            if numbers.get(handover.goto.state) == numbers[name] and _gives_all(graph, handover)
        ]
        if any(numbers[target] == numbers[name] for target in targets)
        else []
        for name, targets in ways.items()
    }


def _gives_all(graph: Graph, handover: Handover) -> bool:
    """Say whether each field of the target has a value. A missing value has been reported."""
    return [name for name, _ in handover.values] == [
        field.name for field in graph.states[handover.goto.state].fields
    ]


@dataclass(slots=True)
class _Path:
    """The moves of a path, the last one first."""

    handover: Handover
    before: _Path | None
    states: set[str] | None = None  # the states on the path; None until needed

    def handovers(self) -> list[Handover]:
        handovers = [self.handover]
        path = self.before
        while path is not None:
            handovers.append(path.handover)
            path = path.before
        return handovers[::-1]

    def passes(self, state: str) -> bool:
        if self.states is None:
            self.states = {handover.source for handover in self.handovers()}
        return state in self.states

    def onward(self, handovers: list[Handover]) -> list[_Path]:
        """Return the paths that continue with one of these moves.

        The last of them reuses the known set of states of this path.
        """
        paths = [_Path(handover, self) for handover in handovers]
        if paths and self.states is not None:
            self.states.add(paths[-1].handover.source)
            paths[-1].states, self.states = self.states, None
        return paths


class _Search:
    """Search rounds through the moves, each round once: from its first state in the file."""

    def __init__(self, handovers: dict[str, list[Handover]], numbers: dict[str, int]) -> None:
        self._handovers = handovers
        self._numbers = numbers
        self._order = {name: index for index, name in enumerate(handovers)}
        self._steps_left = _STEPS_MAX
        self.gave_up = False

    def unchanging(self, start: str) -> list[Handover] | None:
        """Return a shortest round from `start`, through states below it, that changes nothing."""
        paths = [
            _Path(handover, None) for handover in self._handovers[start] if self._inside(handover, start)
        ]
        for path in paths:
            if path.handover.goto.state == start:
                round_ = path.handovers()
                self._steps_left -= len(round_)
                if changes_nothing(round_):
                    return round_
                continue
            onward = []
            for handover in self._handovers[path.handover.goto.state]:
                if self._steps_left <= 0:
                    self.gave_up = True
                    return None
                self._steps_left -= 1
                if self._inside(handover, start) and (
                    handover.goto.state == start or not path.passes(handover.goto.state)
                ):
                    onward.append(handover)
            paths += path.onward(onward)
        return None

    def _inside(self, handover: Handover, start: str) -> bool:
        target = handover.goto.state
        return self._numbers[target] == self._numbers[start] and self._order[target] >= self._order[start]
