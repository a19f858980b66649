"""Find the events that start a state's own `after` again, and whether each time is like the last.

An event leads from a state with its own `after` back to it, through states that only act. Then the
time starts again. That is a fault if nothing has been done and nothing has changed: somebody who
sends the event often enough keeps the run there. It is none if the way commits something, or if it
changes a field on which the next time depends: one that the guard, the timer or a condition on the
way reads.

First, the moves on ways without a commit are found for all events at once. Only where something is
read, the values are followed, one move after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opord.contract import EventHandler, Timer
from opord.language.flow.components import components
from opord.language.flow.graph import Edge, Graph
from opord.language.flow.handed import HandedMove, HandedMoves
from opord.language.flow.known_values import holds
from opord.language.flow.value_flow import CopiedField, KnownValue, StepFlow, Value, fields_of

# Only so many moves are followed for one event, and for all of a contract. An event with more
# ways is not reported, nor is one that comes after the last move.
_MOVES_OF_ONE_EVENT = 1_000
_MOVES_OF_ALL = 10_000


class Restart(NamedTuple):
    """An event that starts the time of a state again: its move, and the timer.

    `idle` says that the way commits nothing and changes nothing that is read.
    """

    edge: Edge
    timer: Timer
    idle: bool


def restarts(graph: Graph) -> Iterator[Restart]:
    """Yield the events that lead from a state with its own `after` back to it.

    There is no other wait on the way.
    """
    timers: dict[str, Timer] = {}
    for state in graph.contract.states:
        for timer in state.timers:
            if timer.kind == "after":
                timers.setdefault(state.name, timer)
    moves = [
        edge
        for state in timers
        for edge in graph.outgoing[state]
        if isinstance(edge.moment.handler, EventHandler)
        and graph.component[edge.target] == graph.component[state]
    ]
    if not moves:
        return
    all_ways = {name: [edge for edge in edges if acts(graph, edge)] for name, edges in graph.outgoing.items()}
    free_ways = {name: [edge for edge in edges if not edge.commits] for name, edges in all_ways.items()}
    coming = _coming_back(moves, all_ways)
    free = _coming_back([edge for edge in moves if not edge.commits], free_ways)
    follow = _Following(graph, free_ways)
    for edge in moves:
        if id(edge) in coming:
            idle = id(edge) in free and follow.comes_as_it_went(edge)
            yield Restart(edge, timers[edge.source], idle)


def acts(graph: Graph, edge: Edge) -> bool:
    """Say whether a move is one of a state that acts, by its own body."""
    return edge.moment.handler is None and graph.states[edge.source].kind == "acting"


def _coming_back(moves: list[Edge], ways: Mapping[str, list[Edge]]) -> set[int]:
    """Return the moves whose target leads back to their source, by the `id` of the edge."""
    onward = {name: [edge.target for edge in edges] for name, edges in ways.items()}
    # States that can reach each other are reached by the same moves. Group numbers fall along a
    # way.
    number = components(onward)
    by = [0] * len(onward)
    for index, edge in enumerate(moves):
        by[number[edge.target]] |= 1 << index
    for name in sorted(onward, key=lambda name: -number[name]):
        for target in onward[name]:
            by[number[target]] |= by[number[name]]
    return {id(edge) for index, edge in enumerate(moves) if by[number[edge.source]] >> index & 1}


class _Field(NamedTuple):
    """What is known of a field on a way.

    `same` is the field of the first state of which it is a copy, or the literal that it is; None
    otherwise. `made_of` are the fields of the first state from which it is made.
    """

    name: str
    same: str | KnownValue | None
    made_of: frozenset[str]


class _At(NamedTuple):
    """What is known in a state on a way.

    `read` are the fields of the first state on which a condition on the way depends.
    """

    state: str
    fields: frozenset[_Field]
    read: frozenset[str]


class _Following:
    """Follows the fields of a state along the ways that an event starts."""

    def __init__(self, graph: Graph, ways: Mapping[str, list[Edge]]) -> None:
        self._graph = graph
        self._ways = ways
        self._moves = HandedMoves(graph)
        self._onward: dict[str, list[HandedMove]] = {}
        self._left = _MOVES_OF_ALL

    def comes_as_it_went(self, first: Edge) -> bool:
        """Say whether a way back changes nothing on which the next time depends."""
        start = self._start(first)
        waiting = [(start, move, move) for move in self._of(first)]
        seen: set[tuple[_At, int]] = set()
        most = min(_MOVES_OF_ONE_EVENT, self._left)
        for at, move, begun in waiting:
            self._left -= 1
            after = _after(at, move)
            if after.state == first.source:
                if _comes_again(after, begun):
                    return True
            elif (after, id(begun)) not in seen:
                seen.add((after, id(begun)))
                moves = self._free_moves(after.state)
                if len(waiting) + len(moves) > most:
                    return False
                waiting += [(after, onward, begun) for onward in moves]
        return False

    def _free_moves(self, name: str) -> list[HandedMove]:
        """Return the moves of a state on ways without a commit. They are found once."""
        if name not in self._onward:
            gotos = {id(edge.goto) for edge in self._ways[name]}
            moves = self._moves.of(self._graph.states[name])
            self._onward[name] = [move for move in moves if id(move.goto) in gotos]
        return self._onward[name]

    def _start(self, first: Edge) -> _At:
        state, handler = self._graph.states[first.source], first.moment.handler
        exprs = [timer.when for timer in state.timers]
        if isinstance(handler, EventHandler) and handler.guard is not None:
            exprs.append(handler.guard)
        read = frozenset[str]().union(*(fields_of(StepFlow(()).value(expr)) for expr in exprs))
        fields = frozenset(_Field(each.name, each.name, frozenset((each.name,))) for each in state.fields)
        return _At(first.source, fields, read)

    def _of(self, edge: Edge) -> Iterator[HandedMove]:
        moves = self._moves.of(self._graph.states[edge.source])
        return (move for move in moves if move.goto is edge.goto)


def _after(at: _At, move: HandedMove) -> _At:
    before = {field.name: field for field in at.fields}

    def made_of(value: Value) -> frozenset[str]:
        fields = (before[name].made_of for name in fields_of(value) if name in before)
        return frozenset[str]().union(*fields)

    def same(value: Value) -> str | KnownValue | None:
        if isinstance(value, CopiedField):
            return before[value.field].same if value.field in before else None
        return value if isinstance(value, KnownValue) else None

    fields = frozenset(_Field(name, same(value), made_of(value)) for name, value in move.values.items())
    read = at.read.union(*(made_of(requirement.of) for requirement in move.requirements))
    return _At(move.goto.state, fields, read)


def _comes_again(after: _At, begun: HandedMove) -> bool:
    """Say whether all that is read came back as it went, or as a literal with which it goes on."""
    same = {field.name: field.same for field in after.fields}
    literals: dict[Value, Any] = {
        CopiedField(name): value.value for name, value in same.items() if isinstance(value, KnownValue)
    }
    return all(
        isinstance(same.get(name), KnownValue) or same.get(name) == name for name in after.read
    ) and all(holds(requirement, literals) is not False for requirement in begun.requirements)
