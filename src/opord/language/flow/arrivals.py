"""Find what is known of a state's fields when a run comes to it: literals, and the input."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from functools import reduce

from opord.contract import Action, State
from opord.language.flow.carried import CHANGED, KnownFields, StepValues, inputs_in, settled
from opord.language.flow.graph import Graph
from opord.language.flow.handed import HandedMove, HandedMoves, key_value
from opord.language.flow.value_flow import StepFlow, Value, fields_of

# If a state is entered with more different known fields than this, the later ones become one, with
# what all of them know.
_ARRIVALS_MAX = 8
# After this number of moves, no more arrivals are looked for.
_MOVES_MAX = 15_000


class Needed:
    """What the steps from each state on read: fields of the state, and inputs in conditions.

    A field counts if a condition depends on it, or the key of a commit of `actions`.
    """

    def __init__(
        self, graph: Graph, moves: HandedMoves, states: Collection[str], actions: Mapping[str, Action]
    ) -> None:
        fields: dict[str, set[str]] = {name: set() for name in states}
        inputs: dict[str, set[str]] = {name: set() for name in states}
        into: dict[str, list[tuple[str, HandedMove]]] = {name: [] for name in states}
        for name in states:
            for move in moves.of(graph.states[name]):
                read = _read_by(move, actions)
                fields[name].update(*map(fields_of, read))
                inputs[name] |= inputs_in(read)
                if move.goto.state in into:
                    into[move.goto.state].append((name, move))
        waiting = deque(states)
        while waiting:
            target = waiting.popleft()
            for source, move in into[target]:
                more_fields = fields[source].union(
                    *(fields_of(move.values[name]) for name in fields[target] if name in move.values)
                )
                more_inputs = inputs[source] | inputs[target]
                if more_fields != fields[source] or more_inputs != inputs[source]:
                    fields[source], inputs[source] = more_fields, more_inputs
                    waiting.append(source)
        self.fields = {name: tuple(sorted(names)) for name, names in fields.items()}
        self.inputs = inputs


def _read_by(move: HandedMove, actions: Mapping[str, Action]) -> list[Value]:
    read = [requirement.of for requirement in move.requirements]
    for end in move.ends:
        if end is not None and end.site.name in actions:
            calling = move.calling(end.site)
            read.append(key_value(actions[end.site.name], calling.args))
            read += (requirement.of for requirement in calling.requirements)
    return read


class Arrivals:
    """The known fields with which a run can come to each state."""

    def __init__(self, graph: Graph, moves: HandedMoves, states: Collection[str], needed: Needed) -> None:
        self._graph = graph
        self._moves = moves
        self._states = states
        self._needed = needed
        self._at: dict[str, list[KnownFields]] = {}
        self._waiting: deque[tuple[str, KnownFields]] = deque()
        for state in graph.contract.states:
            if state.initial and state.name in states:
                self._arrive(state.name, self._initial(state))
        moves_left = _MOVES_MAX
        while self._waiting and moves_left > 0:
            name, at = self._waiting.popleft()
            if at in self._at[name]:
                moves_left -= self._go_on(name, at)

    def of(self, state: State) -> list[KnownFields]:
        """List the known fields with which a run can enter a state."""
        return self._at.get(state.name, [])

    def _initial(self, state: State) -> dict[str, Value]:
        flow = StepFlow(())
        return {
            each.name: CHANGED if each.default is None else flow.value(each.default) for each in state.fields
        }

    def _go_on(self, name: str, at: KnownFields) -> int:
        """Arrive where the moves from a state lead; return the number of moves."""
        known_fields = tuple((field, value) for field, value in at.fields if value != CHANGED)
        moves = self._moves.of(self._graph.states[name])
        for move in moves:
            if move.goto.state in self._states:
                step = StepValues(KnownFields(known_fields), first=True)
                if step.meets(move.requirements):
                    self._arrive(
                        move.goto.state, {field: step.value(value) for field, value in move.values.items()}
                    )
        return len(moves)

    def _arrive(self, name: str, values: dict[str, Value]) -> None:
        fields = ((field, settled(values.get(field, CHANGED))) for field in self._needed.fields[name])
        at = KnownFields(tuple(fields))
        arrivals = self._at.setdefault(name, [])
        if at in arrivals:
            return
        if len(arrivals) >= _ARRIVALS_MAX:
            joined = reduce(_common, arrivals[_ARRIVALS_MAX:], at)
            if arrivals[_ARRIVALS_MAX:] == [joined]:
                return
            arrivals[_ARRIVALS_MAX:] = [joined]
            at = joined
        else:
            arrivals.append(at)
        self._waiting.append((name, at))


def _common(one: KnownFields, other: KnownFields) -> KnownFields:
    """Return what two arrivals in a state both know."""
    return KnownFields(
        tuple(
            (name, mine if mine == value else CHANGED)
            for (name, mine), (_, value) in zip(one.fields, other.fields, strict=True)
        )
    )
