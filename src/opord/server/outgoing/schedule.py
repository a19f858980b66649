"""When a message is tried again, and when it is given up."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from opord.values.types import Instant

PAUSES_S: Final = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800)
"""How long after each failed attempt the next one is made, in seconds; the last one repeats."""

SPREAD: Final = 0.2
"""By how much of itself a pause is longer or shorter, at random."""

GIVEN_UP_S: Final = 3 * 24 * 3600
"""How long after its first attempt a message is given up, in seconds."""

ASKED_S_MOST: Final = 24 * 3600
"""The longest pause that a receiver can ask for with `Retry-After`, in seconds."""


def next_try(
    attempts: int, first_at: Instant, now: Instant, *, asked_s: float, random: Callable[[], float]
) -> Instant | None:
    """Return when a message is tried again after `attempts` attempts; None gives it up.

    `asked_s` is what the receiver asked for. There is always one more attempt at the very end of
    the time.
    """
    end = Instant(first_at + GIVEN_UP_S * 1_000_000)
    if now >= end:
        return None
    pause_s = PAUSES_S[min(attempts, len(PAUSES_S)) - 1] * (1 + SPREAD * (2 * random() - 1))
    wanted = now + int(max(pause_s, min(asked_s, ASKED_S_MOST)) * 1_000_000)
    return Instant(min(wanted, end))


def asked_pause_s(header: str, now_s: float) -> float:
    """Return the pause that a header `Retry-After` asks for, in seconds; 0 if it asks for none."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    pause_s = (at - datetime.fromtimestamp(now_s, UTC)).total_seconds()
    return pause_s if math.isfinite(pause_s) and pause_s > 0 else 0.0
