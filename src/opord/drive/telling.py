"""Tell the workers of this process about a run that was moved, and the log about open needs."""

from __future__ import annotations

import logging

from opord.drive.host import Host
from opord.drive.logged import about_need
from opord.kernel.draft import Draft
from opord.kernel.open_needs import opened_needs
from opord.kernel.run import Run
from opord.story.needs import need_line

log: logging.Logger = logging.getLogger("opord.needs")


def tell_opened(host: Host, draft: Draft) -> None:
    """Report the needs that a durable draft has opened, each once."""
    if not draft.opened:
        return
    opened, draft.opened = draft.opened, ()
    for need in opened_needs(draft.run, opened):
        log.warning("%s", need_line(need), extra=about_need(need))
        host.need_opened(need)


def tell_moved(host: Host, run: Run, *, seized: bool) -> None:
    """Report that a run has been moved. `seized` is true if it was taken from its holder."""
    if seized:
        host.drop(run.id, run.epoch)
    if run.status == "running" and run.worker is None:
        host.nudge()
    else:
        host.due(run.wake_at)
