"""Tell whether a flight still holds its run, and renew its lease before a call."""

from __future__ import annotations

from opord.drive.host import Carrier
from opord.drive.interrupts import Lost
from opord.kernel.run import Run
from opord.values.types import Instant


class Lease:
    """The lease of a held run."""

    __slots__ = ("_host", "_run", "_sure_until")

    def __init__(self, host: Carrier, run: Run) -> None:
        self._host = host
        self._run = run
        self._sure_until = 0.0

    def begins(self, now: Instant) -> None:
        """Start the lease at `now`, the current instant of the store's clock."""
        # Inlined instead of `Instant(...)`: this runs for each write.
        self._run.wake_at = now + self._host.lease_us  # type: ignore[assignment]
        self._sure_until = self._host.monotonic() + self._host.lease_us / 1e6

    async def make_sure(self) -> None:
        """Make sure that the lease is still valid; renew it if not.

        A write may have been durable long before its answer came. Without this check, another
        worker may have taken the run over and finished what this flight is about to call. The
        monotonic clock is checked as well: if the store's clock was set back, a lease looks longer
        than it is.

        Raises:
            Lost: another worker holds the run.
        """
        run, host = self._run, self._host
        while host.now() >= (run.wake_at or 0) or host.monotonic() >= self._sure_until:
            self.begins(host.now())
            if not await host.renew(run.id, run.epoch):
                raise Lost(None)
