"""Decide whether a round through acting states changes anything: are all fields the same after it?

A round has two questions. First: is each field the same after the round, possibly under other names
on the way, or always the same literal? Second: can the round repeat with these literals, or does a
condition on the way (`if first`) show that it is the last one?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, assert_never

from opord.contract import (
    ConstantPattern,
    ElsePattern,
    NonePattern,
    OkPattern,
    Pattern,
    SomePattern,
    VariantPattern,
    VariantRef,
)
from opord.language.flow.components import components
from opord.language.flow.value_flow import (
    CopiedField,
    Handover,
    KnownValue,
    MadeValue,
    OutsideValue,
    Requirement,
    Value,
    fields_of,
)


class _Unsaid:
    """The mark for an unknown value."""


UNSAID: Final = _Unsaid()


@dataclass(frozen=True, slots=True)
class _WithFields:
    """A variant with fields; only its name is known."""

    ref: VariantRef


# A literal may take several rounds to pass through all fields. After this number the search stops.
_ROUNDS_MAX = 8


def changes_nothing(round_: list[Handover]) -> bool:
    """Say whether a run can repeat this round forever with the same fields each time."""
    return _comes_back(round_) and _can_be_repeated(round_)


# --- Does each field come back as it went? --------------------------------------------------------


def _comes_back(round_: list[Handover]) -> bool:
    """Say whether each field that depends on itself comes back unchanged, to its own name."""
    nodes = [(index, name) for index, handover in enumerate(round_) for name, _ in handover.values]
    number = {node: str(place) for place, node in enumerate(nodes)}
    made_of: dict[str, list[tuple[str, bool]]] = {}
    for index, handover in enumerate(round_):
        for name, value in handover.values:
            # The value of a field comes from the fields that the move before it filled.
            before = index - 1 if index else len(round_) - 1
            made_of[number[index, name]] = [
                (number[before, field], same) for field, same in _sources(value) if (before, field) in number
            ]
    group = components({node: [source for source, _ in sources] for node, sources in made_of.items()})
    for node, sources in made_of.items():
        if any(not same and group[source] == group[node] for source, same in sources):
            return False
    places: set[tuple[int, int]] = set()
    circling = _circling(made_of, group)
    for index, name in nodes:
        node = number[index, name]
        if node in circling:
            place = (index, group[node])
            if place in places:
                return False
            places.add(place)
    return True


def _circling(made_of: dict[str, list[tuple[str, bool]]], group: dict[str, int]) -> set[str]:
    """Return the fields that come back to themselves through other fields."""
    return {
        node
        for node, sources in made_of.items()
        if any(group[source] == group[node] for source, _ in sources)
    }


def _sources(value: Value) -> Iterator[tuple[str, bool]]:
    """Yield the fields from which a value is made, each with whether the value is that field.

    A record in which `with` replaces parts by literals still counts as that field.
    """
    match value:
        case CopiedField(field):
            yield field, True
        case MadeValue(how="with", parts=(of, *changes), names=names):
            base = list(_sources(of))
            yield from base
            for name, change in zip(names, changes, strict=True):
                if change != MadeValue("attribute", (of,), (name,), fields_of(of), 1 + _size(of)):
                    yield from ((field, False) for field in fields_of(change))
        case KnownValue() | MadeValue() | OutsideValue():
            yield from ((field, False) for field in fields_of(value))
        case _:
            assert_never(value)


def _size(value: Value) -> int:
    return value.size if isinstance(value, MadeValue) else 1


# --- Can it be made again? ------------------------------------------------------------------------


def _can_be_repeated(round_: list[Handover]) -> bool:
    """Pass the literals around until they are stable; say whether all conditions can hold then."""
    fields: dict[str, Any] = {}
    for _ in range(min(_ROUNDS_MAX, 1 + max(len(handover.values) for handover in round_))):
        for handover in round_:
            fields = _handed_on(handover, fields)
    for _ in range(2):  # a condition on a field holds for the whole round
        for handover in round_:
            for requirement in handover.requirements:
                if _holds(requirement, fields) is False:
                    return False
                _learn(requirement, fields)
            fields = _handed_on(handover, fields)
    return True


def _handed_on(handover: Handover, fields: Mapping[str, Any]) -> dict[str, Any]:
    values = ((name, _worth(value, fields)) for name, value in handover.values)
    return {name: worth for name, worth in values if worth is not UNSAID}


def _learn(requirement: Requirement, fields: dict[str, Any]) -> None:
    """Note the value of a field that a condition proves on its own."""
    match requirement:
        case Requirement(of=CopiedField(field), holds=holds, pattern=None):
            fields[field] = holds
        case Requirement(of=MadeValue(how="not", parts=(CopiedField(field),)), holds=holds, pattern=None):
            fields[field] = not holds
        case Requirement(
            of=MadeValue(how="==", parts=(CopiedField(field), KnownValue(value))), holds=True, pattern=None
        ):
            fields[field] = value
        case Requirement(of=CopiedField(field), pattern=ConstantPattern(values=(value,))):
            fields[field] = value
        case Requirement(of=CopiedField(field), pattern=NonePattern()):
            fields[field] = None
        case Requirement():
            pass  # it proves no value of a field
        case _:
            assert_never(requirement)


def _holds(requirement: Requirement, fields: Mapping[str, Any]) -> bool | None:
    worth = _worth(requirement.of, fields)
    if worth is UNSAID:
        return None
    if requirement.pattern is None:
        return bool(worth) is requirement.holds
    if isinstance(requirement.pattern, ElsePattern):
        answers = [_takes(pattern, worth) for pattern in requirement.before]
        return False if True in answers else None if None in answers else True
    return _takes(requirement.pattern, worth)


def _takes(pattern: Pattern, worth: Any) -> bool | None:
    """Say whether a pattern takes a value; None if that is not known."""
    match pattern:
        case NonePattern():
            return worth is None
        case SomePattern():
            return worth is not None
        case ConstantPattern(values=values):
            return worth in values
        case VariantPattern(variants=variants):
            ref = worth.ref if isinstance(worth, _WithFields) else worth
            return ref in variants if isinstance(ref, VariantRef) else None
        case ElsePattern() | OkPattern():
            return None  # the rest of the cases is not known, and `ok` takes no value
        case _:
            assert_never(pattern)


def _worth(value: Value, fields: Mapping[str, Any]) -> Any:
    """Return the known part of a value: a literal, a variant, or the known fields of a record."""
    match value:
        case KnownValue(value=worth):
            return worth
        case CopiedField(field):
            return fields.get(field, UNSAID)
        case MadeValue(how="attribute", parts=(of,), names=(name,)):
            record = _worth(of, fields)
            return record.get(name, UNSAID) if isinstance(record, dict) else UNSAID
        case MadeValue(how="variant", names=(type, name)):
            return _WithFields(VariantRef(type, name))
        case MadeValue(how="record", parts=parts, names=names):
            return _record({}, names, parts, fields)
        case MadeValue(how="with", parts=(of, *changes), names=names):
            record = _worth(of, fields)
            return _record(record if isinstance(record, dict) else {}, names, changes, fields)
        case MadeValue(how=how, parts=parts) if how in _OPERATORS:
            return _operate(how, [_worth(part, fields) for part in parts])
        case MadeValue() | OutsideValue():
            return UNSAID
        case _:
            assert_never(value)


def _record(
    base: dict[str, Any], names: tuple[str, ...], parts: Any, fields: Mapping[str, Any]
) -> dict[str, Any]:
    worths = {name: _worth(part, fields) for name, part in zip(names, parts, strict=True)}
    return {name: worth for name, worth in (base | worths).items() if worth is not UNSAID}


_OPERATORS = frozenset({"not", "and", "or", "==", "!=", "<", "<=", ">", ">="})
_ORDERED = (int, float, Decimal, timedelta, str)


def _operate(op: str, worth: list[Any]) -> Any:
    match op, worth:
        case "and", _:
            return False if False in worth else UNSAID if UNSAID in worth else True
        case "or", _:
            return True if True in worth else UNSAID if UNSAID in worth else False
        case _ if any(each is UNSAID or isinstance(each, dict | _WithFields) for each in worth):
            return UNSAID
        case "not", [of]:
            return not of
        case "==", [left, right]:
            return left == right
        case "!=", [left, right]:
            return left != right
        case _, [left, right] if isinstance(left, _ORDERED) and isinstance(right, _ORDERED):
            return _compared(op, left, right)
        case _:  # open: what cannot be computed here stays unknown
            return UNSAID


def _compared(op: str, left: Any, right: Any) -> Any:
    try:
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]
    except TypeError:
        return UNSAID
