"""Find runs by their data: what a condition asks of a run's input or of its state's fields.

Rows hold data as canonical JSON, so a store can leave out most runs by looking for a text in them
(`texts_of`), without knowing what the text means. `fits` then decides on the rows that are left.

Large values are stored apart from the row. A row that refers to one may fit, and `fits` is given
the value if the answer depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias, assert_never
from uuid import UUID

import msgspec

from opord.kernel.large import INPUT_VALUES
from opord.kernel.rows import RunRow
from opord.values.canonical import dumps
from opord.values.duration import format_duration, format_instant, in_utc
from opord.values.types import Digest

Plain: TypeAlias = str | int | float | bool | Decimal | None

LARGE_IN_INPUT: Final = f'"{INPUT_VALUES}":'
LARGE_IN_BODY: Final = '"values":'
_INFINITE: Final = float("inf")


class DataIs(NamedTuple):
    """A condition: what stands at a place of a run's data is one of `wanted`.

    `path` leads from a field of the run's state or, if the state has no such field, from a
    parameter of the input, to a member: names of members, and numbers of list elements from 0. A
    place that does not exist counts as `none`.
    """

    path: tuple[str, ...]
    wanted: tuple[Plain, ...]


def data_is(path: str, value: Any) -> DataIs:
    """Return the condition that the value at `path`, `order.customer`, equals a Python value.

    Raises:
        ValueError: the path has an empty name, or the value is a list, a map or a record.
    """
    return DataIs(_steps(path), (_plain(value),))


def data_reads(path: str, text: str) -> DataIs:
    """Return the condition that the value at `path` reads as a text, as somebody types it.

    `900` fits a number and a text, `true` a bool and a text, `none` and `null` also what is not
    there.

    Raises:
        ValueError: the path has an empty name.
    """
    wanted: list[Plain] = [text]
    if text in ("true", "false"):
        wanted.append(text == "true")
    elif text in ("none", "null"):
        wanted.append(None)
    else:
        number = _number(text)
        if number is not None and number.is_finite():
            wanted.append(number)
    return DataIs(_steps(path), tuple(wanted))


def data_is_any(path: str, values: Iterable[Any]) -> DataIs:
    """Return the condition that the value at `path` equals one of several Python values.

    Raises:
        ValueError: the path has an empty name, or a value is a list, a map or a record.
    """
    return DataIs(_steps(path), tuple(_plain(value) for value in values))


def any_of_data(conditions: Iterable[DataIs]) -> tuple[DataIs, ...]:
    """Join conditions on one place into one: any of their values."""
    wanted: dict[tuple[str, ...], tuple[Plain, ...]] = {}
    for one in conditions:
        wanted[one.path] = (*wanted.get(one.path, ()), *one.wanted)
    return tuple(DataIs(path, values) for path, values in wanted.items())


def texts_of(condition: DataIs) -> tuple[str, ...]:
    """Return texts of which the input or the body of a run that fits holds at least one.

    The result is empty if there are no such texts, so that every row has to be looked at.
    """
    texts = [_texts_of(wanted) for wanted in condition.wanted]
    if not all(texts):
        return ()
    return (*chain.from_iterable(texts), LARGE_IN_INPUT, LARGE_IN_BODY)


def fits(condition: DataIs, row: RunRow, values: Mapping[str, Any]) -> bool | Digest:
    """Say whether a run fits.

    `values` has large values in plain form by their digests. If the answer depends on one that is
    not there, its digest is returned.
    """
    body = msgspec.json.decode(row.head.body) if row.head.body else {}
    fields, field_values = body.get("data", {}), _below(body.get("values", {}), "data")
    place, first = condition.path, condition.path[0]
    if (isinstance(fields, dict) and first in fields) or _touches(field_values, first):
        found = _found(fields, field_values, place, values)
    else:
        given = msgspec.json.decode(row.input) if row.input else {}
        found = _found(given, given.get(INPUT_VALUES, {}), place, values)
    if isinstance(found, _Unknown):
        return found.digest
    return any(_same(found, wanted) for wanted in condition.wanted)


class _Unknown(NamedTuple):
    """A value that has not been read."""

    digest: Digest


def _steps(path: str) -> tuple[str, ...]:
    steps = tuple(path.split("."))
    if not all(steps):
        raise ValueError(f"expected names joined by points, got: {path!r}")
    return steps


def _plain(value: Any) -> Plain:
    """Return a value in its JSON form. A decimal stays, to be compared as a number."""
    match value:
        case float() | Decimal() if value != value or value in (_INFINITE, -_INFINITE):
            raise ValueError(f"expected a finite number, got: {value!r}")
        case None | str() | bool() | int() | float() | Decimal():
            return value
        case datetime():
            return format_instant(in_utc(value))
        case date():
            return value.isoformat()
        case timedelta():
            return format_duration(value)
        case UUID():
            return str(value)
        case _:  # open: what a program asks for
            raise ValueError(
                f"expected a text, a number, a bool, an instant, a duration, a uuid or None, got: {value!r}"
            )


def _texts_of(wanted: Plain) -> tuple[str, ...]:
    """Return texts of which JSON with this value holds one; none if there are no such texts."""
    match wanted:
        case bool():
            return ("true" if wanted else "false",)
        case None:
            return ()
        case str():
            return (dumps(wanted),)
        case int() | float() | Decimal():
            return _number_texts(Decimal(str(wanted)))
        case _:
            assert_never(wanted)


def _number_texts(number: Decimal) -> tuple[str, ...]:
    """Return texts of which each form of a number holds one: `900`, `900.0`, `9.00E+2`, `9e2`."""
    # By hand, because arithmetic on decimals rounds to the digits of its context.
    _, digits, exponent = number.as_tuple()
    kept = len("".join(map(str, digits)).rstrip("0")) or 1
    plain = Decimal((0, digits[:kept], int(exponent) + len(digits) - kept if number else 0))
    first, *rest = map(str, digits[:kept])
    scientific = (f"{first}.{''.join(rest)}",) if rest else (f"{first}.0", f"{first}E", f"{first}e")
    return (format(plain, "f"), *scientific)


def _below(values: Mapping[str, str], place: str) -> dict[str, str]:
    """Return the places of large values below a place, from there on."""
    return {name[len(place) + 1 :]: digest for name, digest in values.items() if name.startswith(f"{place}.")}


def _touches(values: Mapping[str, str], first: str) -> bool:
    return any(place == first or place.startswith(f"{first}.") for place in values)


def _found(plain: Any, large: Mapping[str, str], path: Sequence[str], values: Mapping[str, Any]) -> Any:
    """Return what stands at a place; None if nothing does, `_Unknown` if it was not read."""
    for depth in range(1, len(path) + 1):
        digest = large.get(".".join(path[:depth]))
        if digest is not None:
            if digest not in values:
                return _Unknown(Digest(digest))
            return _member(values[digest], path[depth:])
    return _member(plain, path)


def _member(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
        else:
            return None
    return value


def _same(found: Any, wanted: Plain) -> bool:
    """Say whether a value in JSON form is a wanted one. Numbers are compared by their worth."""
    match wanted:
        case bool() | None:
            return found is wanted
        case str():
            return isinstance(found, str) and found == wanted
        case int() | float():
            return _is_number(found) and found == wanted
        case Decimal():
            return (_is_number(found) or isinstance(found, str)) and _number(str(found)) == wanted
        case _:
            assert_never(wanted)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
