"""The built-in types: one strict conversion each from outside, to rest and back."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn
from uuid import UUID

from opord.values import duration
from opord.values.arith import decimal_fits
from opord.values.canonical import dumps, loads
from opord.values.guard import INT_MAX, INT_MIN, BadValue, check_plain, check_text, short
from opord.values.printing import base64_text

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,2200}(\.[0-9]{1,2200})?([eE][+-]?[0-9]{1,6})?")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Scalar:
    """The conversions of a built-in type; `load` is None if the rest form is the value itself."""

    accept: Callable[[Any], Any]
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any] | None = None


def expected(what: str, value: object) -> NoReturn:
    """Refuse a value: `expected int, got a text`."""
    raise BadValue("", f"expected {what}, got {short(value)}")


def check_bool(value: Any) -> Any:
    """Accept true and false only: no number passes for them."""
    if type(value) is not bool:
        expected("bool", value)
    return value


def check_int(value: Any) -> Any:
    """Accept an integer of 64 bits; `true` and `1.0` are not integers."""
    if type(value) is not int:
        expected("int", value)
    if not INT_MIN <= value <= INT_MAX:
        raise BadValue("", "the integer is outside the 64-bit range")
    return value


def check_float(value: Any) -> Any:
    """Accept a finite float, or an integer, which becomes a float."""
    if type(value) is int:
        return float(check_int(value))
    if type(value) is not float:
        expected("float", value)
    if not math.isfinite(value):
        raise BadValue("", f"expected a finite float, got {value}")
    return value


def check_str(value: Any) -> Any:
    """Accept a text of whole characters without NUL."""
    if type(value) is not str:
        expected("str", value)
    if not value.isascii() or "\0" in value:
        check_text(value)
    return value


def _accept_json(value: Any) -> Any:
    check_plain(value)
    return loads(dumps(value))  # a copy: the caller may go on changing the original


def _dump_json(value: Any) -> Any:
    check_plain(value)
    return value


def _accept_decimal(value: Any) -> Any:
    if type(value) is int:
        return Decimal(check_int(value))
    if type(value) is str:
        if not _DECIMAL.fullmatch(value):
            raise BadValue("", "expected a decimal as a text such as `19.90`")
        value = Decimal(value)
    elif type(value) is not Decimal:
        expected("decimal as a text", value)
    _check_decimal(value)
    return value


def _dump_decimal(value: Any) -> Any:
    if type(value) is int:
        return str(check_int(value))
    if type(value) is not Decimal:
        expected("decimal", value)
    _check_decimal(value)
    return str(value)


def _check_decimal(value: Decimal) -> None:
    if not decimal_fits(value):
        raise BadValue("", "expected a finite decimal within 1E-1000 and 1E1000")


def _accept_bytes(value: Any) -> Any:
    if type(value) is bytes:
        return value
    if type(value) is not str:
        expected("bytes as base64 text", value)
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BadValue("", "expected bytes as base64 text, with padding") from None
    if base64_text(content) != value:
        raise BadValue("", "expected base64 in its canonical form: the last character holds stray bits")
    return content


def _dump_bytes(value: Any) -> Any:
    if type(value) is not bytes:
        expected("bytes", value)
    return base64_text(value)


def _accept_datetime(value: Any) -> Any:
    if type(value) is datetime:
        return duration.in_utc(value)
    if type(value) is not str:
        expected("datetime as RFC 3339 text", value)
    return duration.parse_instant(value)


def _dump_datetime(value: Any) -> Any:
    if type(value) is not datetime:
        expected("datetime", value)
    return duration.format_instant(value)


def _accept_date(value: Any) -> Any:
    if type(value) is date:
        return value
    if type(value) is not str:
        expected("date as text", value)
    return duration.parse_date(value)


def _dump_date(value: Any) -> Any:
    if type(value) is not date:
        expected("date", value)
    return value.isoformat()


def _accept_duration(value: Any) -> Any:
    if type(value) is timedelta:
        return value
    if type(value) is not str:
        expected("duration as text", value)
    return duration.parse_duration(value)


def _dump_duration(value: Any) -> Any:
    if type(value) is not timedelta:
        expected("duration (timedelta)", value)
    return duration.format_duration(value)


def _accept_uuid(value: Any) -> Any:
    if type(value) is UUID:
        return value
    if type(value) is not str or not _UUID.fullmatch(value):
        raise BadValue("", "expected a uuid as text, such as `0190c5a0-7b7c-7000-8000-000000000000`")
    return UUID(value)


def _dump_uuid(value: Any) -> Any:
    if type(value) is not UUID:
        expected("uuid", value)
    return str(value)


SCALARS: Final[dict[str, Scalar]] = {
    "bool": Scalar(check_bool, check_bool),
    "int": Scalar(check_int, check_int),
    "float": Scalar(check_float, check_float),
    "str": Scalar(check_str, check_str),
    "json": Scalar(_accept_json, _dump_json),
    "decimal": Scalar(_accept_decimal, _dump_decimal, Decimal),
    "bytes": Scalar(_accept_bytes, _dump_bytes, base64.b64decode),
    "datetime": Scalar(_accept_datetime, _dump_datetime, datetime.fromisoformat),
    "date": Scalar(_accept_date, _dump_date, date.fromisoformat),
    "duration": Scalar(_accept_duration, _dump_duration, duration.parse_duration),
    "uuid": Scalar(_accept_uuid, _dump_uuid, UUID),
}
