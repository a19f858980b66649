"""How the language prints values in texts."""

from __future__ import annotations

import base64
import enum
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from opord.values.duration import format_duration, format_instant


def text(value: Any) -> str:
    """Print a value as `{value}` in a text does.

    A bool is `true`, an instant RFC 3339, a duration `48h`, bytes base64, an enum or a failure the
    name of its variant. Numbers, dates and uuids are as Python prints them.
    """
    if type(value) is str:
        return value
    printer = _PRINTERS.get(type(value))
    if printer is not None:
        return printer(value)
    if isinstance(value, enum.Enum):
        return str(value._value_)
    variant = getattr(value, "opord_variant", None)
    if isinstance(variant, str):
        return variant or type(value).__name__
    raise TypeError(f"a {type(value).__qualname__} has no printed form")


def base64_text(value: bytes) -> str:
    """Write bytes in base64, with padding."""
    return base64.b64encode(value).decode()


_PRINTERS: Final[dict[type, Callable[[Any], str]]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: repr,
    Decimal: str,
    datetime: format_instant,
    date: date.isoformat,
    timedelta: format_duration,
    UUID: str,
    bytes: base64_text,
}
