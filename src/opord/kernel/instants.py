"""Instants in the kernel: integers, microseconds since 1970 UTC, and their two other forms.

Results get their type by a comment instead of a call of `Instant` or `Duration`, which costs time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from opord.values.types import Duration, Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

LAST_INSTANT = (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The latest instant that can be written; later ones are replaced by it."""


def to_datetime(instant: int) -> datetime:
    """Return the instant as an aware UTC datetime."""
    return _EPOCH + instant * _MICROSECOND  # four times as fast as timedelta(microseconds=…)


def from_datetime(moment: datetime) -> Instant:
    """Return the instant of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND  # type: ignore[return-value]


def microseconds(span: timedelta) -> Duration:
    """Return a duration in microseconds."""
    return span // _MICROSECOND  # type: ignore[return-value]


def in_words(instant: int) -> str:
    """Return the instant for people, to the second."""
    written = text(instant)
    return f"{written[:10]} {written[11:19]} UTC"


_latest: tuple[int, str] = (-1, "")


def text(instant: int) -> str:
    """Return the instant as RFC 3339 with six digits of a second. The texts sort as instants do."""
    # Most instants of a busy second differ only in the fraction, and strftime is slow. One tuple,
    # so that threads never see half of it.
    global _latest
    if instant < 0:
        return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    second, fraction = divmod(instant, 1_000_000)
    latest, prefix = _latest
    if second != latest:
        prefix = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
        _latest = (second, prefix)
    return f"{prefix}.{fraction:06d}Z"


def parse(stamp: str) -> Instant:
    """Return the instant that a text of `text` means."""
    return from_datetime(datetime.fromisoformat(stamp))


def capped(instant: int) -> Instant:
    """Limit an instant to the range that can be written."""
    return max(0, min(instant, LAST_INSTANT))  # type: ignore[return-value]
