"""Read a run by its name, or say what became of a run that is not there."""

from __future__ import annotations

from opord.drive.errors import RunPruned, RunUnknown, RunUnreadable
from opord.drive.host import Host
from opord.drive.near_runs import near_run
from opord.kernel.rows import RunRow, ValueRow
from opord.kernel.run import Run, load_run
from opord.kernel.unread import run_by_row
from opord.values.types import RunId
from opord.values.vault import SecretUnreadable


async def read(host: Host, run_id: RunId) -> Run:
    """Return a run, decoded.

    Raises:
        RunUnknown: there is no run of that name.
        RunUnreadable, SecretUnreadable: what is stored of it cannot be read.
        RunPruned: it has ended and was pruned.
    """
    row = await read_row(host, run_id)
    program = await host.program(row.contract)
    values = await fetched(host, row)
    try:
        return load_run(program, row, values, cache=host.cache)
    except SecretUnreadable:
        raise
    except Exception as error:
        raise RunUnreadable(run_id, str(error)) from error


async def read_by_row(host: Host, run_id: RunId) -> Run:
    """Return a run without its data; only its row is read.

    Raises:
        RunUnknown: there is no run of that name.
        RunUnreadable: its row cannot be read.
        RunPruned: it has ended and was pruned.
    """
    row = await read_row(host, run_id)
    try:
        return run_by_row(row)
    except Exception as error:
        raise RunUnreadable(run_id, str(error)) from error


async def read_row(host: Host, run_id: RunId) -> RunRow:
    """Return a run as stored.

    Raises:
        RunUnknown, RunPruned: no run of that name is stored.
    """
    row = await host.load(run_id)
    if row is None:
        raise await missing(host, run_id)
    return row


async def fetched(host: Host, row: RunRow) -> list[ValueRow]:
    """Fetch the large values that a stored run refers to, except those in the cache."""
    unknown = host.cache.missing(row)
    return await host.values(row.run, unknown) if unknown else []


async def missing(host: Host, run_id: RunId) -> RunUnknown | RunPruned:
    """Return the error for a missing run: unknown, or pruned if a tombstone is left."""
    tombstone = await host.tombstone(run_id)
    if tombstone is not None:
        return RunPruned(tombstone)
    return RunUnknown(run_id, await near_run(host, run_id))
