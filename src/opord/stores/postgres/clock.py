"""The server's clock, as read here between two looks at it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from opord.values.types import Instant

LOOK_EVERY_S: Final = 1.0
"""How old a look at the server's clock is before the next one counts, in seconds."""


DRIFT: Final = 200e-6
"""How far two clocks may drift apart in a second, in seconds; clocks of computers drift less."""


class ServerClock:
    """Tells the server's time by this machine's monotonic clock.

    A worker never uses its machine's own wall clock, which may be wrong. Each look is off by at
    most half of its round trip. A look that took long, perhaps through an outage, says less than an
    older one that was quick, and does not count.
    """

    def __init__(self, given: Callable[[], int] | None) -> None:
        """Tell the time by `given`, in microseconds, if it is not None. Tests stop and move it."""
        self._given = given
        self._ahead_us = 0
        self._off_us = math.inf
        self._looked_at = 0.0

    @property
    def given(self) -> int | None:
        """The instant that statements have to use; None if they use the server's clock."""
        return None if self._given is None else self._given()

    def now(self) -> Instant:
        """Return the server's time in microseconds since 1970 UTC."""
        if self._given is not None:
            return Instant(self._given())
        return Instant(time.monotonic_ns() // 1000 + self._ahead_us)

    def look(self, said: int, began_ns: int) -> None:
        """Note what the server's clock said in a statement that began at `began_ns`, monotonic."""
        ended_ns = time.monotonic_ns()
        age_s = ended_ns / 1e9 - self._looked_at
        if math.isfinite(self._off_us) and age_s < LOOK_EVERY_S:
            return
        ahead_us = said - (began_ns + ended_ns) // 2000
        off_us = (ended_ns - began_ns) / 2000
        known_off_us = self._off_us + age_s * DRIFT * 1e6
        was_set = abs(ahead_us - self._ahead_us) > off_us + known_off_us
        if off_us <= known_off_us or was_set:
            self._ahead_us, self._off_us, self._looked_at = ahead_us, off_us, ended_ns / 1e9
