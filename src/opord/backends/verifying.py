"""The examination of runs on any runtime: their rows and records are read by a backend's verbs, and judged by the kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator

from opord.backends.base import Backend, RunFilter, Verified
from opord.backends.shown import Shown
from opord.drive.errors import ContractUnreadable
from opord.kernel.legality import Problem, verify_chain
from opord.kernel.legality import verify as judge
from opord.kernel.rows import RunRow
from opord.kernel.views import needs_person


async def verify(backend: Backend, run: str | None) -> AsyncIterator[Verified]:
    """Examine a run, or all, newest start first.

    Raises:
        RunUnknown, RunPruned: there is no such run.
    """
    shown = Shown(backend)
    if run is not None:
        yield await examine(shown, await backend.row(run))
        return
    async for row in shown.rows(RunFilter()):
        yield await examine(shown, row)


async def examine(shown: Shown, row: RunRow) -> Verified:
    """Examine a run; one that moves meanwhile is looked at anew."""
    backend = shown.backend
    while True:
        records = [record async for record in backend.records(row.run)]
        inbox = await backend.inbox(row.run)
        values = await backend.values(row.run)
        again = await backend.row(row.run)
        if (again.seq, again.epoch, again.arrivals, again.head) == (
            row.seq,
            row.epoch,
            row.arrivals,
            row.head,
        ):
            break
        row = again
    needs = False
    try:
        problems = judge(await shown.program(row), row, records, inbox, values)
        if not problems:
            needs = needs_person(await shown.run(row))
    except ContractUnreadable as wrong:
        chain = verify_chain(await shown.by_row(row), row, records, values)
        problems = [Problem(None, "contract", only_chain(wrong)), *chain]
    return Verified(row.run, len(records), problems, needs, row.head.status)


def only_chain(wrong: ContractUnreadable) -> str:
    """Say that a run was followed from record to record alone."""
    return f"{wrong}; its records were followed from end to end, and not held against the contract"
