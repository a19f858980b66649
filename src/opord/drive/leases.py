"""How sure a flight may be that it still holds its run: by the store's clock, and by one that never jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opord.drive.leaving import Lost
from opord.kernel.run import Run

if TYPE_CHECKING:
    from opord.engine.worker import Worker


class Lease:
    """The lease of a run that is carried on."""

    def __init__(self, worker: Worker, run: Run) -> None:
        self._worker = worker
        self._run = run
        self._sure_until = 0.0

    def begins(self, now: int) -> None:
        """Let the lease be counted from an instant of the store's clock, which is now."""
        self._run.wake_at = now + self._worker.lease_us
        self._sure_until = self._worker.world.monotonic() + self._worker.lease_us / 1e6

    async def make_sure(self) -> None:
        """Make sure that the lease still runs: a write may have been durable long before its answer came.

        Else somebody else may have taken the run over and settled what this flight is about to call. When the
        store's clock was set back, a lease seems by it to last longer than it does.

        Raises:
            Lost: somebody else holds the run.
        """
        run, worker = self._run, self._worker
        while worker.store.now() >= (run.wake_at or 0) or worker.world.monotonic() >= self._sure_until:
            self.begins(worker.store.now())
            held = [(run.id, run.epoch)]
            if await worker.commits.call(worker.store.renew, worker.name, held, ttl_us=worker.lease_us):
                raise Lost(None)
