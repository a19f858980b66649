"""Clean up after dead workers: end leases that would last too long because the clock was set back.

A lease ends at an instant. When the clock goes back by an hour, the lease ends an hour late. A
living worker renews its leases by the new time; a dead one does not. A worker is dead if its
heartbeat reaches further ahead than any lease may last and it stays silent longer than a living
worker would. The reaper releases its runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from opord.engine.store_writer import StoreWriter
from opord.stores.base import Store, WorkerRow
from opord.values.types import Duration

log: logging.Logger = logging.getLogger("opord.worker")

LONGEST_LEASE_S = 600
"""No lease is longer than ten minutes.

A heartbeat that reaches further ahead was written under another clock.
"""

LONGEST_LEASE_US = Duration(LONGEST_LEASE_S * 1_000_000)

SILENCE_S = LONGEST_LEASE_US / 3e6
"""A living worker writes three heartbeats in a lease, so it is never silent for longer than this.
"""

REAP_EVERY_S = SILENCE_S / 5
"""How often the reaper runs. Seldom, because clocks are seldom set back."""


class DeadWorkerReaper:
    """Finds workers whose heartbeat reaches too far ahead; releases the runs of silent ones.

    `monotonic` is a clock that never jumps. It measures the silence.
    """

    def __init__(self, store: Store, writer: StoreWriter, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._writer = writer
        self._monotonic = monotonic
        self._silent_since: dict[WorkerRow, float] = {}
        self._next_round_at = monotonic() + REAP_EVERY_S

    async def run_if_due(self) -> int:
        """Release the runs of dead workers if a round is due.

        Return the number of released runs.
        """
        now = self._monotonic()
        if now < self._next_round_at:
            return 0
        self._next_round_at = now + REAP_EVERY_S
        far = self._store.now() + LONGEST_LEASE_US
        rows = [row for row in await self._writer.call(self._store.workers) if row.alive_until > far]
        self._silent_since = {row: self._silent_since.get(row, now) for row in rows}
        freed = 0
        for row, since in self._silent_since.items():
            if now - since < SILENCE_S:
                continue
            count = await self._writer.call(self._store.release_dead, row, within_us=LONGEST_LEASE_US)
            log.warning(
                "%s died before the clock was set back; the %d runs that it held are free", row.worker, count
            )
            freed += count
        return freed
