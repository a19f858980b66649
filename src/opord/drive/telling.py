"""Telling those who carry runs on here what they may want to know of one that was moved from outside."""

from __future__ import annotations

from opord.drive.host import Host
from opord.kernel.run import Run


def tell_moved(host: Host, run: Run, *, seized: bool) -> None:
    """Say that a run has been moved; `seized`: it was taken from whoever held it."""
    if seized:
        host.drop(run.id)
    if run.status == "running" and run.worker is None:
        host.nudge()
    else:
        host.due(run.wake_at)
