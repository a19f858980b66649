"""Find where the values of fields come from: the input, an answer of a call, or somewhere else.

Conditions are ignored. A field that can have several values is `one of` them. A literal is left out
if there are other values, because it usually means that nothing is there yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import assert_never

from opord.contract import State
from opord.language.flow.carried import reduced
from opord.language.flow.graph import Graph
from opord.language.flow.handed import HandedMoves
from opord.language.flow.value_flow import (
    UNREAD,
    CopiedField,
    KnownValue,
    MadeValue,
    OutsideValue,
    StepFlow,
    Value,
    make_value,
)

ANSWER = MadeValue("answer")
OTHER = MadeValue("other")

# A field with more values than this counts as what can be read from all of them.
_VALUES_MAX = 8
_SIZE_MAX = 60
# After this number of moves, nothing is said about any field.
_MOVES_MAX = 100_000
PRINTING = frozenset({"text", "+", "wrap", "record", "with", "variant", "list", "pure", "holding"})
"""If a value is made in one of these ways, each of its parts can be read from it."""
# Parts of a value. A part of an answer is an answer.
_PARTS = frozenset({"attribute", "part", "unwrap", "index", "slice"})
_CONVERSIONS = frozenset({"str", "int", "float", "decimal"})
_CALCULATIONS = frozenset({"-", "*", "/", "//", "%"})


class Origins:
    """The values of the fields of every state that a run can reach."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._moves = HandedMoves(graph)
        self._values: dict[str, dict[str, list[Value]]] = {}
        self._waiting: deque[str] = deque()
        for state in graph.contract.states:
            if state.initial:
                flow = StepFlow(())
                self._arrive(
                    state,
                    {
                        each.name: flow.value(each.default)
                        for each in state.fields
                        if each.default is not None
                    },
                    {},
                )
        moves_left = _MOVES_MAX
        while self._waiting:
            state = graph.states[self._waiting.popleft()]
            fields = self.of(state)
            if fields is not None:
                moves = self._moves.of(state)
                moves_left -= len(moves)
                if moves_left < 0:
                    self._values.clear()
                    return
                for move in moves:
                    self._arrive(graph.states[move.goto.state], move.values, fields)

    def of(self, state: State) -> dict[str, Value] | None:
        """Return the values of a state's fields, by name; None if no way to it could be read."""
        values = self._values.get(state.name)
        return None if values is None else {name: _one_of(several) for name, several in values.items()}

    def _arrive(self, state: State, values: Mapping[str, Value], fields: Mapping[str, Value]) -> None:
        values_by_field = self._values.get(state.name)
        changed = values_by_field is None
        if values_by_field is None:
            values_by_field = self._values[state.name] = {each.name: [] for each in state.fields}
        for name, several in values_by_field.items():
            for value in _several(original(values.get(name, UNREAD), fields)):
                changed = _add(several, value) or changed
        if changed and state.name not in self._waiting:
            self._waiting.append(state.name)


def _add(several: list[Value], value: Value) -> bool:
    """Add a value to those of a field; return whether that has changed them."""
    if isinstance(value, MadeValue) and value.size > _SIZE_MAX:
        value = _holding(value)
    if value in several:
        return False
    if len(several) == 1 and _is_held(several[0]) and _holding(_one_of([*several, value])) == several[0]:
        return False
    several.append(value)
    if len(several) > _VALUES_MAX or (len(several) == 2 and _is_held(several[0])):
        several[:] = [_holding(_one_of(several))]
    return True


def _is_held(value: Value) -> bool:
    return isinstance(value, MadeValue) and value.how == "holding"


def _holding(value: Value) -> Value:
    """Reduce a value to the inputs, and the fields of inputs, that can be read from it."""
    readable = readable_from(value)
    return ANSWER if readable is None else make_value("holding", *sorted(filter(is_path, readable), key=repr))


def _several(value: Value) -> tuple[Value, ...]:
    return value.parts if isinstance(value, MadeValue) and value.how == "one of" else (value,)


def _one_of(values: list[Value]) -> Value:
    several = [value for value in values if not isinstance(value, KnownValue)] or values[:1]
    if not several:
        return ANSWER  # its states are not reached, so nothing is said about it
    return several[0] if len(several) == 1 else make_value("one of", *several)


def original(value: Value, fields: Mapping[str, Value]) -> Value:
    """Return a value of a step, made of where the values of its fields come from."""
    match value:
        case KnownValue():
            return value
        case CopiedField(field):
            return fields.get(field, OTHER)
        case MadeValue(how="outside", names=(_, source)):
            return ANSWER if source == "answer" else OTHER
        case MadeValue(how="large"):
            return ANSWER  # too much to follow, so nothing is said about it
        case MadeValue(how=how, parts=parts, names=names):
            return _made(how, tuple(original(part, fields) for part in parts), names)
        case OutsideValue():
            return ANSWER  # it could not be read, so nothing is said about it
        case _:
            assert_never(value)


def _made(how: str, parts: tuple[Value, ...], names: tuple[str, ...]) -> Value:
    if how in ("attribute", "part", "unwrap"):
        return _one_of([reduced(how, (part,), names) for part in _several(parts[0])])
    return reduced(how, parts, names)


# --- What can be read from a value ----------------------------------------------------------------


def readable_from(value: Value) -> frozenset[Value] | None:
    """Return the values that can be read from a value; None if it belongs to one run alone."""
    if not isinstance(value, MadeValue):
        return frozenset()
    match value:
        case MadeValue(how="answer" | "run"):
            return None
        case MadeValue(how="one of", parts=parts) | MadeValue(how="??", parts=parts):
            return _in_all(parts)
        case MadeValue(how="if", parts=(_, yes, no)):
            return _in_all((yes, no))
        case MadeValue(how="built-in", parts=(of,), names=(name,)) if name in _CONVERSIONS:
            return _with(value, (of,))
        case MadeValue(how=how, parts=parts) if how in PRINTING:
            return _with(value, parts)
        case MadeValue(how=how, parts=(of, *_)) if how in _PARTS:
            return None if readable_from(of) is None else frozenset((value,))
        case MadeValue(how=how, parts=parts) if how in _CALCULATIONS:
            return None if any(readable_from(part) is None for part in parts) else frozenset((value,))
        case _:  # open: how values are made; of others, only the value as a whole can be read
            return frozenset((value,))


def _with(value: Value, parts: tuple[Value, ...]) -> frozenset[Value] | None:
    readable = [readable_from(part) for part in parts]
    if None in readable:
        return None
    return frozenset((value,)).union(*(each for each in readable if each is not None))


def _in_all(parts: tuple[Value, ...]) -> frozenset[Value] | None:
    readable = [each for each in map(readable_from, parts) if each is not None]
    return frozenset.intersection(*readable) if readable else None


def is_path(value: Value) -> bool:
    """Say whether a value is an input, or a field of one."""
    return isinstance(value, MadeValue) and (
        value.how == "input" or (value.how == "attribute" and is_path(value.parts[0]))
    )


def paths_in(value: Value) -> Iterator[MadeValue]:
    """Yield the inputs, and the fields of inputs, from which a value is made."""
    if isinstance(value, MadeValue):
        if is_path(value):
            yield value
        else:
            for part in value.parts:
                yield from paths_in(part)
