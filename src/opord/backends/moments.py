"""Times as people type them: how long (`90d`, `4w`, `1h30m`), and when (an age, or an instant)."""

from __future__ import annotations

import re
from typing import NamedTuple

from opord.kernel.instants import LAST_INSTANT, from_datetime, microseconds
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

    def ahead(self, now: Instant) -> Instant:
        """Return the instant, with an age taken as a time from now on."""
        if self.instant is not None:
            return self.instant
        return Instant(min(now + (self.age_us or 0), LAST_INSTANT))


class Range(NamedTuple):
    """A range of time, as typed. An end that is None is open.

    `ahead` says that it lies ahead: its ages count from now on.
    """

    text: str
    first: Moment | None
    before: Moment | None
    ahead: bool = False

    def at(self, now: Instant) -> tuple[Instant | None, Instant | None]:
        """Return its two ends, by a clock.

        Raises:
            ValueError: it ends before it begins.
        """
        first, before = (
            None if end is None else end.ahead(now) if self.ahead else end.at(now)
            for end in (self.first, self.before)
        )
        if first is not None and before is not None and first >= before:
            raise ValueError(f"{self.text} ends before it begins; write the earlier end first")
        return first, before


def past(text: str) -> Range:
    """Read `7d` (within the last 7 days), `..2d` (before that), or `7d..2d`; also with instants.

    Raises:
        ValueError: it is none of them.
    """
    first, before = _ends(text)
    return Range(text, first, before)


def coming(text: str) -> Range:
    """Read `2h` (within the next 2 hours), `2h..` (after that), or `2h..1d`; also with instants.

    Raises:
        ValueError: it is none of them.
    """
    if ".." not in text:
        return Range(text, None, moment(text), ahead=True)
    return Range(text, *_ends(text), ahead=True)


def _ends(text: str) -> tuple[Moment | None, Moment | None]:
    first, dots, before = text.partition("..")
    if dots and not first and not before:
        raise ValueError(f"expected a range with an end, as in 7d..2d or ..2d, got: {text!r}")
    if not dots:
        return moment(first), None
    return moment(first) if first else None, moment(before) if before else None


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
