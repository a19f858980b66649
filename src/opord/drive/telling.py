"""Tell the workers of this process about a run that was moved from outside."""

from __future__ import annotations

from opord.drive.host import Host
from opord.kernel.run import Run


def tell_moved(host: Host, run: Run, *, seized: bool) -> None:
    """Report that a run has been moved. `seized` is true if it was taken from its holder."""
    if seized:
        host.drop(run.id)
    if run.status == "running" and run.worker is None:
        host.nudge()
    else:
        host.due(run.wake_at)
