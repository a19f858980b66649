"""Durations, instants and dates as text.

A duration is written in hours, minutes, seconds, milliseconds and microseconds, the largest first,
without those that are zero: `48h`, `1h30m`, `250ms`, `0s`, `-5m`. Days (`7d`) are read too. An
instant is RFC 3339 in UTC with `Z`, to the microsecond.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from opord.values.guard import BadValue

_UNITS_US: Final = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_DURATION: Final = re.compile(
    r"(-?)(?=\d)(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,15})m(?!s))?(?:(\d{1,15})s)?(?:(\d{1,18})ms)?(?:(\d{1,20})us)?",
    re.ASCII,
)
_WEIGHTS_US: Final = (86_400_000_000, *_UNITS_US.values())
_INSTANT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,6})0*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MICROSECOND: Final = timedelta(microseconds=1)


def format_duration(value: timedelta) -> str:
    """Write a duration in its one canonical form."""
    rest = value // _MICROSECOND
    if not rest:
        return "0s"
    text = "-" if rest < 0 else ""
    rest = abs(rest)
    for unit, weight in _UNITS_US.items():
        count, rest = divmod(rest, weight)
        if count:
            text += f"{count}{unit}"
    return text


def parse_duration(text: str) -> timedelta:
    """Read a duration: each unit at most once, the largest first, as in `1h30m`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadValue("", "expected a duration such as `48h`, `1h30m` or `250ms`")
    total = sum(
        int(count) * weight for count, weight in zip(match.groups()[1:], _WEIGHTS_US, strict=True) if count
    )
    try:
        return timedelta(microseconds=-total if match[1] else total)
    except OverflowError:
        raise BadValue("", "the duration is out of range: at most 999,999,999 days") from None


def format_instant(value: datetime) -> str:
    """Write an instant in UTC as RFC 3339. Refuse a naive datetime: it does not name an instant."""
    if value.tzinfo is not UTC:
        value = in_utc(value)
    return value.isoformat()[:-6] + "Z"


def in_utc(value: datetime) -> datetime:
    """Return the same instant in UTC; refuse a datetime without an offset."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise BadValue("", "expected a datetime with its offset, got a naive one; use datetime.now(UTC)")
    try:
        return value.astimezone(UTC).replace(fold=0)
    except OverflowError:
        raise BadValue("", "the datetime is out of range in UTC: the years 1 to 9999") from None


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant, with `Z` or an offset, and convert it to UTC.

    Digits beyond the microsecond must be zero.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise BadValue("", "expected a datetime in RFC 3339 with an offset, such as `2026-01-31T12:00:00Z`")
    day, clock, fraction, offset = match.groups()
    try:
        value = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0'):0<6}{offset.upper()}")
    except ValueError as error:
        raise BadValue("", f"no such instant: {error}") from None
    return in_utc(value).replace(tzinfo=UTC)


def parse_date(text: str) -> date:
    """Read a date, `2026-01-31`."""
    if _DATE.fullmatch(text) is None:
        raise BadValue("", "expected a date such as `2026-01-31`")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadValue("", f"no such date: {error}") from None
