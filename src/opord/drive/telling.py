"""Tell the workers of this process about a run that was moved, and the log about alarms."""

from __future__ import annotations

import logging

from opord.drive.host import Host
from opord.kernel.alarms import alarm_text
from opord.kernel.draft import Draft
from opord.kernel.run import Run

log: logging.Logger = logging.getLogger("opord.client")


def tell_alarms(draft: Draft) -> None:
    """Report the alarms that a durable draft has raised, each once."""
    alarms, draft.alarms = draft.alarms, []
    for alarm in alarms:
        run = draft.run.id
        log.warning(
            "%s: alarm: %s (key %s); look at it with `opord runs show %s`, then `opord runs acknowledge %s --reason …`",
            *(run, alarm_text(alarm), alarm.key, run, run),
        )


def tell_moved(host: Host, run: Run, *, seized: bool) -> None:
    """Report that a run has been moved. `seized` is true if it was taken from its holder."""
    if seized:
        host.drop(run.id)
    if run.status == "running" and run.worker is None:
        host.nudge()
    else:
        host.due(run.wake_at)
