"""Times as people type them: how long (`90d`, `4w`, `1h30m`), and when (an age, or an instant)."""

from __future__ import annotations

import re
from typing import NamedTuple

from opord.kernel.instants import from_datetime, microseconds
from opord.values.duration import parse_duration, parse_instant
from opord.values.guard import BadValue
from opord.values.types import START_OF_TIME, Duration, Instant

_WEEKS = re.compile(r"(\d{1,9})w(.*)", re.ASCII)


class Moment(NamedTuple):
    """A point in time: an age before now, in microseconds, or an instant. One of them is None."""

    age_us: Duration | None
    instant: Instant | None

    def at(self, now: Instant) -> Instant:
        """Return the instant, by a clock."""
        if self.instant is not None:
            return self.instant
        return Instant(max(now - (self.age_us or 0), START_OF_TIME))


def moment(text: str) -> Moment:
    """Read an age or an instant.

    Raises:
        ValueError: it is neither.
    """
    age_us = span(text)
    if age_us is not None:
        return Moment(age_us, None)
    try:
        return Moment(None, max(from_datetime(parse_instant(text)), START_OF_TIME))
    except BadValue:
        raise ValueError(f"expected 90d, 12h, 4w or 2026-01-31T00:00:00Z, got: {text!r}") from None


def span(argument: str) -> Duration | None:
    """Return a duration in microseconds; None if it is not a duration, or is negative."""
    weeks = _WEEKS.fullmatch(argument)
    rest = weeks[2] if weeks is not None else argument
    try:
        span = microseconds(parse_duration(rest)) if rest or weeks is None else 0
    except BadValue:
        return None
    if span < 0 or rest.startswith("-"):
        return None
    return Duration(span + (int(weeks[1]) * 7 * 86_400_000_000 if weeks is not None else 0))
