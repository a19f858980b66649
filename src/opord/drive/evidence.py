"""Keep evidence: what a worker learned of an action's attempt after it lost the run."""

from __future__ import annotations

import logging

from opord.drive.errors import RunPruned, RunUnknown
from opord.drive.host import Host
from opord.drive.reading import read
from opord.drive.telling import tell_moved
from opord.kernel import inbox, recording
from opord.kernel.answers import Applied
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence
from opord.values.types import RunId

log = logging.getLogger("opord.client")


async def keep_late(host: Host, run_id: RunId, evidence: Evidence) -> None:
    """Keep what a worker learned of an attempt after it lost the run. It ends an open doubt."""
    while True:
        try:
            run = await read(host, run_id)
        except RunUnknown:
            return
        except RunPruned as gone:
            log.warning("%s: a late outcome of %s comes too late to be kept: %s", run_id, evidence.call, gone)
            return
        draft = Draft(run, host.now(), host.name)
        intent = run.intent
        concerns = intent is not None and intent.seq == evidence.intent and intent.outcome is None
        if run.worker is not None and not concerns:
            # Another worker holds the run, and this evidence changes nothing for it. The evidence
            # joins the journal when the run rests.
            draft.put.append(inbox.inbox_row(draft.run, host.new_id(), draft.at, evidence))
            write = draft.write(head=False)
        elif inbox.adopt(draft, evidence):
            draft.seize()
            recording.runnable(draft)
            write = draft.write()
        elif run.worker is not None:
            draft = Draft(await read(host, run_id), host.now(), host.name)
            draft.put.append(inbox.inbox_row(draft.run, host.new_id(), draft.at, evidence))
            write = draft.write(head=False)
        else:
            write = draft.write()
        host.hook("before evidence", run_id)
        if isinstance(await host.apply(write), Applied):
            log.info("%s: a late outcome of %s is kept as evidence", run_id, evidence.call)
            tell_moved(host, run, seized=run.worker is None and concerns)
            return
