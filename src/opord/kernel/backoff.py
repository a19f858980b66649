"""Backoff: how long to wait before another attempt. The random number is an argument."""

from __future__ import annotations

from datetime import timedelta

from opord.contract import Retry
from opord.values.types import Duration

UNEXPECTED_RETRY = Retry(3, timedelta(seconds=1), timedelta(minutes=1))
"""How often an effect is retried after an undeclared ending.

The same holds for an action without `retry` after an answer that does not fit.
"""


def backoff_us(retry: Retry | None, failures: int, spread: float) -> Duration:
    """Return the pause before the next attempt, in microseconds: exponential with full jitter.

    `failures` counts the attempts so far; `spread` is a random number from [0, 1). Full jitter
    spreads attempts best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
    2015).
    """
    retry = retry or UNEXPECTED_RETRY
    base, cap = retry.base.total_seconds(), retry.cap.total_seconds()
    longest = min(cap, base * 2.0 ** min(failures - 1, 60))
    return Duration(int(longest * spread * 1_000_000))


def surprise_us(surprises: int, spread: float) -> Duration:
    """Return the pause after an undeclared ending, in microseconds: at least a second."""
    base = Duration(int(UNEXPECTED_RETRY.base.total_seconds() * 1_000_000))
    return max(base, backoff_us(UNEXPECTED_RETRY, surprises, spread))
