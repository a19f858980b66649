"""How many requests a second a principal may make: a bucket for each, in this process.

A bucket holds `burst` requests and is filled with `rate` a second.
"""

from __future__ import annotations

import math
from typing import Final

from opord.server.limits import HttpLimits
from opord.server.problems import Problem

BUCKETS_MOST: Final = 10_000
"""With more buckets than this, those that are full again are forgotten."""


class Rates:
    """The buckets of all principals that have asked of late."""

    def __init__(self, limits: HttpLimits) -> None:
        if limits.rate is not None and not (0 < limits.rate < math.inf and limits.burst >= 1):
            raise ValueError(
                f"expected a rate above 0 and a burst of at least 1, got: {limits.rate} and {limits.burst}"
            )
        self._rate, self._burst = limits.rate, limits.burst
        self._empty_until: dict[str, float] = {}
        """When each bucket was, or will be, empty if nothing had been in it at the start.

        At `now`, it holds `(now - empty_until) * rate` requests, and `burst` at most.
        """

    def take(self, principal: str, now_s: float) -> None:
        """Take one request out of the bucket of a principal.

        Raises:
            Problem: it is empty.
        """
        if self._rate is None:
            return
        full_s = self._burst / self._rate
        since = max(self._empty_until.get(principal, -math.inf), now_s - full_s)
        has = (now_s - since) * self._rate
        if has < 1 - _ROUNDED:
            raise self._over(principal, wait_s=(1 - has) / self._rate)
        if len(self._empty_until) >= BUCKETS_MOST and principal not in self._empty_until:
            self._forget(now_s - full_s)
        self._empty_until[principal] = since + 1 / self._rate

    def _forget(self, full_since: float) -> None:
        left = {name: since for name, since in self._empty_until.items() if since > full_since}
        # However many ask at once, the table has an end: those who asked first begin anew.
        self._empty_until = dict([*left.items()][-BUCKETS_MOST // 2 :])

    def _over(self, principal: str, wait_s: float) -> Problem:
        wait = max(1, math.ceil(wait_s))
        return Problem(
            "rate_limited",
            f"{principal} may make {self._rate:g} requests a second, and {self._burst} at once; send this one again later",
            headers=(
                (b"retry-after", b"%d" % wait),
                (
                    b"ratelimit-policy",
                    f'"principal";q={self._burst};w={math.ceil(self._burst / (self._rate or 1))}'.encode(),
                ),
                (b"ratelimit", b'"principal";r=0;t=%d' % wait),
            ),
        )


_ROUNDED: Final = 1e-6
"""How far a bucket may be off by rounding."""
