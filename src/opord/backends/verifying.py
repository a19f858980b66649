"""Verify runs on any runtime: a backend reads what is stored of them, the kernel judges it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from opord.backends.base import Backend, Reading, RunFilter, Verified
from opord.backends.shown import Shown
from opord.drive.errors import ContractUnreadable, RunPruned, RunUnknown
from opord.kernel.legality import Problem, verify_chain, verify_kept
from opord.kernel.legality import verify as judge
from opord.kernel.program import Program
from opord.kernel.rows import known_needs
from opord.stores.base import RowDamaged
from opord.values.types import RunId

WHOLE = ("journal", "large_values")
"""The tables that are needed to follow a run from record to record."""


async def verify(backend: Backend, run: str | None) -> AsyncIterator[Verified]:
    """Verify a run, or all runs, newest start first.

    Raises:
        RunUnknown, RunPruned: there is no such run.
    """
    shown = Shown(backend)
    if run is not None:
        yield await examine(shown, await backend.kept(RunId(run)))
        return
    async for row in shown.rows(RunFilter()):
        try:
            yield await examine(shown, await backend.kept(row.run))
        except RunPruned:
            continue
        except RunUnknown:
            # A name that is not valid text cannot be looked up.
            damage = shown.damage_of(row)
            if damage is not None:
                yield Verified(row.run, 0, [Problem(None, "row", damage)], (), row.head.status)
    for stray in await backend.strays():
        yield Verified(RunId(stray.run), 0, [Problem(None, "row", stray.why)], (), None)


async def examine(shown: Shown, reading: Reading) -> Verified:
    """Verify a run as it was read."""
    content = reading.kept
    row = content.row
    problems = [
        Problem(one.seq, "row" if one.table == "runs" else one.table, one.why) for one in reading.unread
    ]
    unread = {one.table for one in reading.unread}
    try:
        if unread:
            problems += _as_far_as_read(await shown.program(row), reading, unread)
        else:
            problems += verify_kept(await shown.program(row), content, now=reading.now)
    except (ContractUnreadable, RowDamaged) as wrong:
        problems.append(Problem(None, "contract", only_chain(wrong)))
        if not unread.intersection(("runs", *WHOLE)):
            problems += verify_chain(await shown.by_row(row), row, content.records, content.values)
    return Verified(row.run, len(content.records), problems, known_needs(row.head.needs), row.head.status)


def _as_far_as_read(program: Program, reading: Reading, unread: set[str]) -> list[Problem]:
    """Verify a run of which some tables cannot be read, if the others are enough to follow it."""
    if unread.intersection(("runs", *WHOLE)):
        return []
    content = reading.kept
    inbox = content.inbox if "inbox" not in unread else None
    return judge(program, content.row, content.records, inbox, content.values, now=reading.now)


def only_chain(wrong: Exception) -> str:
    """Say that only the chain of records was verified."""
    return f"{wrong}; the chain of its records was checked, but not against the contract"
