"""Decide whether a round through acting states changes anything: are all fields the same after it?

A round has two questions. First: is each field the same after the round, possibly under other names
on the way, or always the same literal? Second: can the round repeat with these literals, or does a
condition on the way (`if first`) show that it is the last one?
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from opord.language.flow.components import components
from opord.language.flow.known_values import UNSAID, Worths, holds, proved, worth_of
from opord.language.flow.value_flow import (
    CopiedField,
    Handover,
    KnownValue,
    MadeValue,
    OutsideValue,
    Value,
    fields_of,
)

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
        case MadeValue(how="unwrap", parts=(of,)):
            yield from _sources(of)
        case KnownValue() | MadeValue() | OutsideValue():
            yield from ((field, False) for field in fields_of(value))
        case _:
            assert_never(value)


def _size(value: Value) -> int:
    return value.size if isinstance(value, MadeValue) else 1


# --- Can it be made again? ------------------------------------------------------------------------


def _can_be_repeated(round_: list[Handover]) -> bool:
    """Pass the literals around until they are stable; say whether all conditions can hold then."""
    fields: dict[Value, Any] = {}
    for _ in range(min(_ROUNDS_MAX, 1 + max(len(handover.values) for handover in round_))):
        for handover in round_:
            fields = _handed_on(handover, fields)
    for _ in range(2):  # a condition on a field holds for the whole round
        for handover in round_:
            for requirement in handover.requirements:
                if holds(requirement, fields) is False:
                    return False
                # Only what a condition proves of a field itself is looked up again.
                for of, worth in proved(requirement):
                    if isinstance(of, CopiedField):
                        fields.setdefault(of, worth)
            fields = _handed_on(handover, fields)
    return True


def _handed_on(handover: Handover, fields: Worths) -> dict[Value, Any]:
    values = ((name, worth_of(value, fields)) for name, value in handover.values)
    return {CopiedField(name): worth for name, worth in values if worth is not UNSAID}
