"""Leases: how sure a flight may be that it still holds its run, and the renewal of a lease before a call."""

from __future__ import annotations

from opord.drive.host import Carrier
from opord.drive.interrupts import Lost
from opord.kernel.run import Run
from opord.values.types import Instant


class Lease:
    """The lease of a run that is carried on."""

    def __init__(self, host: Carrier, run: Run) -> None:
        self._host = host
        self._run = run
        self._sure_until = 0.0

    def begins(self, now: Instant) -> None:
        """Let the lease be counted from an instant of the store's clock, which is now."""
        self._run.wake_at = now + self._host.lease_us
        self._sure_until = self._host.monotonic() + self._host.lease_us / 1e6

    async def make_sure(self) -> None:
        """Make sure that the lease still runs: a write may have been durable long before its answer came.

        Else somebody else may have taken the run over and finished what this flight is about to call. When the
        store's clock was set back, a lease seems by it to last longer than it does.

        Raises:
            Lost: somebody else holds the run.
        """
        run, host = self._run, self._host
        while host.now() >= (run.wake_at or 0) or host.monotonic() >= self._sure_until:
            self.begins(host.now())
            if not await host.renew(run.id, run.epoch):
                raise Lost(None)
