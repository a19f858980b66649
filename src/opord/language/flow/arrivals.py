"""Find what is known of a state's fields when a run comes to it: literals, and the input."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from functools import reduce

from opord.contract import Action, State
from opord.language.flow.carried import CHANGED, KnownFields, StepValues, Topic, settled, topics_in
from opord.language.flow.graph import Graph
from opord.language.flow.handed import HandedMove, HandedMoves, Work, followed, key_value
from opord.language.flow.value_flow import StepFlow, Value, fields_of

# If a state is entered with more different known fields than this, the later ones become one, with
# what all of them know.
_ARRIVALS_MAX = 24


class Needed:
    """What the steps from each state on read: fields of the state, and topics of conditions.

    A field counts if a condition before a move to one of `states` depends on it, or the key of a
    commit of `actions`. Only what is found before the work is spent counts.
    """

    def __init__(
        self,
        graph: Graph,
        moves: HandedMoves,
        states: Collection[str],
        actions: Mapping[str, Action],
        work: Work,
    ) -> None:
        fields: dict[str, set[str]] = {name: set() for name in states}
        topics: dict[str, set[Topic]] = {name: set() for name in states}
        into: dict[str, list[tuple[str, HandedMove]]] = {name: [] for name in states}
        for name in states:
            if not work.spend(0):
                break
            for move in moves.of(graph.states[name]):
                work.spend(move.cost)
                read = _read_by(move, states, actions)
                fields[name].update(*map(fields_of, read))
                topics[name] |= topics_in(read)
                if move.goto.state in into:
                    into[move.goto.state].append((name, move))
        waiting = deque(states)
        queued = set(states)
        while waiting and work.spend(len(into[waiting[0]])):
            target = waiting.popleft()
            queued.discard(target)
            for source, move in into[target]:
                more_fields = fields[source].union(
                    *(fields_of(move.values[name]) for name in fields[target] if name in move.values)
                )
                asked = topics[source] | topics[target]
                if more_fields != fields[source] or asked != topics[source]:
                    fields[source], topics[source] = more_fields, asked
                    if source not in queued:
                        queued.add(source)
                        waiting.append(source)
        self.fields: dict[str, tuple[str, ...]] = {
            name: tuple(sorted(names)) for name, names in fields.items()
        }
        self.topics = topics


def _read_by(move: HandedMove, states: Collection[str], actions: Mapping[str, Action]) -> list[Value]:
    read = [requirement.of for requirement in move.requirements] if move.goto.state in states else []
    for end in move.ends:
        if end is not None and end.site.name in actions:
            calling = move.calling(end.site)
            read.append(key_value(actions[end.site.name], calling.args))
            read += (requirement.of for requirement in calling.requirements)
    return read


class Arrivals:
    """The known fields with which a run can come to each state."""

    def __init__(
        self, graph: Graph, moves: HandedMoves, states: Collection[str], needed: Needed, work: Work
    ) -> None:
        self._graph = graph
        self._moves = moves
        self._states = states
        self._needed = needed
        self._at: dict[str, list[KnownFields]] = {}
        self._waiting: deque[tuple[str, KnownFields]] = deque()
        for state in graph.contract.states:
            if state.initial and state.name in states:
                self._arrive(state.name, self._initial(state))
        while self._waiting:
            name, at = self._waiting.popleft()
            if at in self._at[name] and not self._go_on(name, at, work):
                return

    def of(self, state: State) -> list[KnownFields]:
        """List the known fields with which a run can enter a state."""
        return self._at.get(state.name, [])

    def _initial(self, state: State) -> dict[str, Value]:
        flow = StepFlow(())
        return {
            each.name: CHANGED if each.default is None else flow.value(each.default) for each in state.fields
        }

    def _go_on(self, name: str, at: KnownFields, work: Work) -> bool:
        """Arrive where the moves from a state lead; return False when the work is spent."""
        known_fields = tuple((field, value) for field, value in at.fields if value != CHANGED)
        moves = [move for move in self._moves.of(self._graph.states[name]) if move.goto.state in self._states]
        for move, step in followed(moves, StepValues(KnownFields(known_fields), first=True), work):
            if step is not None:
                fields = self._needed.fields[move.goto.state]
                values = {field: step.value(move.values.get(field, CHANGED)) for field in fields}
                self._arrive(move.goto.state, values)
        return work.spend(0)

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
