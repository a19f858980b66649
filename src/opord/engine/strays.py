"""Leases that no clock ends in time: those of workers that died before the clock was set back.

A lease ends at an instant. When the clock goes back by an hour, it ends an hour late. Who lives renews its leases by the
new time, and says so; who is dead does not. A worker that is said to be alive further ahead than any lease lasts, and says
nothing more for as long as any living one would be silent, is buried: what it held is given back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from opord.engine.store_writer import StoreWriter
from opord.stores.base import Store, WorkerRow

log = logging.getLogger("opord.worker")

LONGEST_LEASE_S = 600
"""No lease is longer than ten minutes: who is alive further ahead has seen another clock."""

LONGEST_LEASE_US = LONGEST_LEASE_S * 1_000_000

SILENCE_S = LONGEST_LEASE_US / 3e6
"""Whoever lives says so three times in a lease: so long is a living one silent at the most."""

LOOK_EVERY_S = SILENCE_S / 5
"""How often it is looked: seldom, since clocks are seldom set back."""


class Strays:
    """Watches for workers whose word reaches too far ahead; a clock that never jumps tells how long they are silent."""

    def __init__(self, store: Store, writer: StoreWriter, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._writer = writer
        self._monotonic = monotonic
        self._silent_since: dict[WorkerRow, float] = {}
        self._next_look = monotonic() + LOOK_EVERY_S

    async def look(self) -> int:
        """Bury those that have been silent for long enough, if it is time to look; return how many runs were given back."""
        now = self._monotonic()
        if now < self._next_look:
            return 0
        self._next_look = now + LOOK_EVERY_S
        far = self._store.now() + LONGEST_LEASE_US
        seen = [row for row in await self._writer.call(self._store.workers) if row.alive_until > far]
        self._silent_since = {row: self._silent_since.get(row, now) for row in seen}
        freed = 0
        for row, since in self._silent_since.items():
            if now - since < SILENCE_S:
                continue
            held = await self._writer.call(self._store.bury, row, within_us=LONGEST_LEASE_US)
            log.warning(
                "%s died before the clock was set back; the %d runs it held are free", row.worker, held
            )
            freed += held
        return freed
