"""Limits as plain data: how many calls or runs at once, how many in a span of time, by what key.

A limit belongs to a contract, or to one call of it. Whoever makes a limited call, or carries a run
of a limited contract, holds a permit of each of its limits meanwhile. What has no permit waits in a
queue: one for each limit and key.
"""

from __future__ import annotations

from typing import NamedTuple

from opord.kernel.rows import Row, RunRow
from opord.values.types import Digest, Duration, Instant, RunId

KEY_BYTES = 200
"""Maximum size of the key of a limit in bytes of UTF-8. A longer one is replaced by its digest."""


class Limit(Row, frozen=True):
    """A limit of a contract, or of one of its calls if `call` is not empty.

    - `at_once` is how many permits may be held at once; None means any number.
    - `rate` is how many may be in use in any span of `window_us` microseconds; None means any. A
      permit is in use from when it is given until that span after it was given back: so no span of
      that length has more than `rate` calls, wherever in its permit's time each call is made.
    - `by` is the path of the key, in the parameters of the call or the input of the run. Each key
      has the whole limit for itself. Empty means that all have it together.
    - `id` is the store's number for it, 0 before it is stored.
    """

    contract: str
    call: str
    at_once: int | None
    rate: int | None
    window_us: Duration
    by: str = ""
    id: int = 0

    @property
    def name(self) -> str:
        """The limit's name: that of the contract, or of the call behind it and a dot."""
        return f"{self.contract}.{self.call}" if self.call else self.contract

    def __str__(self) -> str:
        """Return what it allows in words, as in "20 at once, 50 per second, by customer_id"."""
        parts = [] if self.at_once is None else [f"{self.at_once} at once"]
        if self.rate is not None:
            seconds = self.window_us / 1e6
            span = {1.0: "second", 60.0: "minute", 3600.0: "hour"}.get(seconds, f"{seconds:g} s")
            parts.append(f"{self.rate} per {span}")
        if self.by:
            parts.append(f"by {self.by}")
        return ", ".join(parts)


class Permit(Row, frozen=True):
    """A permit that is wanted or held: its own name, its limit by number, and the key."""

    id: str
    limit: int
    key: str


class Returned(Row, frozen=True):
    """A permit that is given back. `used` is true if what it was for may have begun."""

    permit: Permit
    used: bool


class Wait(Row, frozen=True):
    """A run that waits in a queue: for a permit of one limit, and maybe of its contract's, too.

    The first in the queue is the one with the highest priority, then the one that has waited the
    longest (`since`). `also` is the second limit by number, 0 if there is none. The wait is over
    once the run's `epoch` is another one.
    """

    run: RunId
    epoch: int
    limit: int
    key: str
    contract: Digest
    label: str
    priority: int
    since: Instant
    also: int = 0
    also_key: str = ""


class Admitted(NamedTuple):
    """Runs that were claimed out of the queues, each with its permits."""

    runs: list[tuple[RunRow, tuple[Permit, ...]]]


class LimitUse(NamedTuple):
    """How much of a limit is in use: permits that are held, and runs that wait, over all keys.

    `keys` is the number of keys that have either.
    """

    limit: Limit
    held: int
    waiting: int
    keys: int


class Left(NamedTuple):
    """How many permits of a limit and key are left, and when more may be without any given back.

    `left` is None for any number; `next_at` is None if only a permit that is given back helps.
    """

    left: int | None
    next_at: Instant | None


def left_of(limit: Limit, *, held: int, spent: int, next_at: Instant | None) -> Left:
    """Return what is left of a limit and key.

    `held` permits are held, and `spent` ones were given back less than a window ago; the first of
    these counts no more from `next_at` on.
    """
    by_number = None if limit.at_once is None else limit.at_once - held
    by_rate = None if limit.rate is None else limit.rate - held - spent
    left = min((one for one in (by_number, by_rate) if one is not None), default=None)
    if left is None or left > 0:
        return Left(left, None)
    if by_number is not None and by_number <= 0:
        return Left(0, None)
    return Left(0, next_at if spent else None)
