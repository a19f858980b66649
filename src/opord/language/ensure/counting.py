"""Counters: whether the rounds of a cycle are counted, so that they come to an end.

A *counter* is an `int` that the states of a cycle hand on: a field, or a part of a record in a
field. No move of the cycle lowers it, and some raise it (or the other way round). On the way, some
moves are possible only below a limit that stays the same in the cycle. Then no run takes both a
move that raises it and a move under the limit without end.

What `==` keeps apart is no limit: a step can jump over it, or begin beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, assert_never

from opord.contract import INT, Contract, Named, Type
from opord.language.ensure.spots import Spot
from opord.language.flow.carried import CHANGED, reduced
from opord.language.flow.graph import Edge
from opord.language.flow.known_values import SOMETHING, proved
from opord.language.flow.value_flow import (
    CopiedField,
    KnownValue,
    Leaving,
    MadeValue,
    OutsideValue,
    Requirement,
    StepFlow,
    Value,
    fields_of,
)

Side: TypeAlias = Literal["above", "below"]
"""Where the limit of a counter stands."""


class Bound(NamedTuple):
    """What a condition says of an `int`: a limit stands above it, or below it."""

    of: Value
    side: Side
    limit: Value


@dataclass(frozen=True, slots=True, eq=False)
class CycleMove:
    """A move between two spots, with the values that it hands on and the bounds it is under."""

    source: Spot
    target: Spot
    edge: Edge
    values: Mapping[str, Value]
    bounds: tuple[Bound, ...]


class Counter(NamedTuple):
    """The moves of a cycle that raise (or lower) a counter, and those that are under its limit."""

    steps: frozenset[CycleMove]
    limited: frozenset[CycleMove]


class Counting:
    """Finds the counters of the cycles of a contract.

    `spend` is told how many moves are looked at; it raises an exception where they are too many.
    """

    def __init__(self, contract: Contract, spend: Callable[[int], None]) -> None:
        self._spend = spend
        self._types: dict[tuple[str, str], Type] = {
            (each.name, field.name): field.type for each in contract.records for field in each.fields
        }
        self._fields: dict[tuple[str, str], Type] = {
            (state.name, field.name): field.type for state in contract.states for field in state.fields
        }
        self._leavings: dict[int, dict[int, Leaving]] = {}

    def move(self, source: Spot, target: Spot, edge: Edge) -> CycleMove:
        """Return a move with its values and bounds."""
        leaving = self._leaving(edge)
        if leaving is None:
            return CycleMove(source, target, edge, {}, ())
        bounds = tuple(bound for each in leaving.requirements for bound in bounds_of(each))
        return CycleMove(source, target, edge, dict(leaving.values), bounds)

    def _leaving(self, edge: Edge) -> Leaving | None:
        key = id(edge.moment.handler or edge.moment.body)
        if key not in self._leavings:
            flow = StepFlow(edge.moment.body)
            self._leavings[key] = {id(leaving.goto): leaving for leaving in flow.leavings}
        return self._leavings[key].get(id(edge.goto))

    def counters(self, cycle: Sequence[CycleMove]) -> Iterator[Counter]:
        """Yield the counters of a cycle, whose spots can all reach each other by its moves."""
        into: dict[Spot, list[CycleMove]] = {}
        for move in cycle:
            into.setdefault(move.target, []).append(move)
        tried: set[tuple[Spot, Value, Side]] = set()
        for move in cycle:
            for bound in move.bounds:
                if (move.source, bound.of, bound.side) in tried:
                    continue
                counted = self._carried_back(bound.of, move.source, into)
                if counted is None:
                    tried.add((move.source, bound.of, bound.side))
                    continue
                tried |= {(spot, of, bound.side) for spot, of in counted.items()}
                counter = self._counter(cycle, into, counted, bound.side)
                if counter is not None:
                    yield counter

    def _counter(
        self,
        cycle: Sequence[CycleMove],
        into: Mapping[Spot, list[CycleMove]],
        counted: Mapping[Spot, Value],
        side: Side,
    ) -> Counter | None:
        up = side == "above"
        self._spend(len(cycle))
        steps = set()
        for move in cycle:
            change = _change(handed(counted[move.target], move))
            assert change is not None
            if change.least < 0 if up else change.most > 0:
                return None
            if change.least > 0 if up else change.most < 0:
                steps.add(move)
        limited = {
            move
            for move in cycle
            for bound in move.bounds
            if bound.of == counted[move.source]
            and bound.side == side
            and stays_the_same(bound.limit, move.source, into)
        }
        return Counter(frozenset(steps), frozenset(limited)) if steps and limited else None

    def _carried_back(
        self, of: Value, at: Spot, into: Mapping[Spot, list[CycleMove]]
    ) -> dict[Spot, Value] | None:
        """Return what becomes an `int` of a spot, at each spot of the cycle.

        None if some move gives it a value that is not made of one `int` before by a constant step.
        """
        found = {at: of}
        waiting = [at]
        while waiting:
            spot = waiting.pop()
            if self._type(spot.state, found[spot]) != INT:
                return None
            self._spend(len(into[spot]))
            for move in into[spot]:
                change = _change(handed(found[spot], move))
                if change is None:
                    return None
                if move.source not in found:
                    found[move.source] = change.of
                    waiting.append(move.source)
                elif found[move.source] != change.of:
                    return None
        return found

    def _type(self, state: str, of: Value) -> Type | None:
        """Return the type of a field, or of a part of one."""
        match of:
            case CopiedField(field):
                return self._fields.get((state, field))
            case MadeValue(how="attribute", parts=(record,), names=(name,)):
                type = self._type(state, record)
                return self._types.get((type.name, name)) if isinstance(type, Named) else None
            case MadeValue() | KnownValue() | OutsideValue():
                return None
            case _:
                assert_never(of)


def stays_the_same(value: Value, at: Spot, into: Mapping[Spot, list[CycleMove]]) -> bool:
    """Say whether a value, as it is seen at a spot, is the same on every round of a cycle."""
    if not _is_settled(value):
        return False
    found = {at: value}
    waiting = [at] if fields_of(value) else []
    while waiting:
        spot = waiting.pop()
        for move in into[spot]:
            before = handed(found[spot], move)
            if not _is_settled(before):
                return False
            if move.source not in found:
                found[move.source] = before
                waiting.append(move.source)
            elif found[move.source] != before:
                return False
    return True


def _is_settled(value: Value) -> bool:
    """Say whether nothing of a value comes from outside.

    A pure is outside as well: a promise takes no word for what the code of a handler answers.
    """
    match value:
        case MadeValue(how="pure" | "large" | "beyond"):
            return False
        case MadeValue(outside=outside, parts=parts):
            return not outside and all(map(_is_settled, parts))
        case KnownValue() | CopiedField():
            return True
        case OutsideValue():
            return False
        case _:
            assert_never(value)


def handed(value: Value, move: CycleMove) -> Value:
    """Express a value of a move's target by the values of its source."""
    match value:
        case CopiedField(field):
            return move.values.get(field, CHANGED)
        case MadeValue(how=how, parts=parts, names=names) if parts:
            return reduced(how, tuple(handed(part, move) for part in parts), names)
        case MadeValue() | KnownValue() | OutsideValue():
            return value  # literals and the input are the same everywhere
        case _:
            assert_never(value)


# --- Values as a counter and a step ---------------------------------------------------------------


class _Change(NamedTuple):
    """A value that is an earlier one and a number between two constants more."""

    of: Value
    least: int
    most: int


def _change(value: Value) -> _Change | None:
    match value:
        case CopiedField() | MadeValue(how="attribute") if _is_part(value):
            return _Change(value, 0, 0)
        case MadeValue(how="+", parts=(of, KnownValue(value=int() as step))):
            return _moved(of, step)
        case MadeValue(how="+", parts=(KnownValue(value=int() as step), of)):
            return _moved(of, step)
        case MadeValue(how="-", parts=(of, KnownValue(value=int() as step))):
            return _moved(of, -step)
        case MadeValue(how="if", parts=(_, yes, no)):
            one, other = _change(yes), _change(no)
            if one is None or other is None or one.of != other.of:
                return None
            return _Change(one.of, min(one.least, other.least), max(one.most, other.most))
        case CopiedField() | MadeValue() | KnownValue() | OutsideValue():
            return None
        case _:
            assert_never(value)


def _is_part(value: Value) -> bool:
    """Say whether a value is a field of the state, or a part of one."""
    return isinstance(value, CopiedField) or (
        isinstance(value, MadeValue) and value.how == "attribute" and _is_part(value.parts[0])
    )


def _moved(value: Value, step: int) -> _Change | None:
    change = _change(value)
    return None if change is None else _Change(change.of, change.least + step, change.most + step)


def bounds_of(requirement: Requirement) -> Iterator[Bound]:
    """Yield what a condition says of the numbers that it compares."""
    for value, worth in proved(requirement):
        match value:
            case MadeValue(how="<" | "<=" | ">" | ">=" as op, parts=(left, right)) if isinstance(worth, bool):
                less = (op in ("<", "<=")) is worth
                yield from _beside(left, "above" if less else "below", right)
                yield from _beside(right, "below" if less else "above", left)
            case MadeValue(how="==" | "!=" as op, parts=(left, right)) if (op == "==") is worth:
                for of, limit in ((left, right), (right, left)):
                    yield from _beside(of, "above", limit)
                    yield from _beside(of, "below", limit)
            case MadeValue(how="index", parts=(items, index)) if worth is SOMETHING:
                yield from _beside(index, "above", items)
                yield from _beside(index, "below", items)
            case CopiedField() | MadeValue() | KnownValue() | OutsideValue():
                if isinstance(worth, int) and not isinstance(worth, bool):
                    yield from _beside(value, "above", KnownValue(worth))
                    yield from _beside(value, "below", KnownValue(worth))
            case _:
                assert_never(value)


def _beside(value: Value, side: Side, limit: Value) -> Iterator[Bound]:
    change = _change(value)
    if change is not None and change.least == change.most:
        yield Bound(change.of, side, limit)
