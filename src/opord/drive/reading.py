"""Read a run by its name, or say what became of a run that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opord.drive.errors import RunPruned, RunUnknown, RunUnreadable
from opord.drive.host import Host
from opord.drive.near_runs import near_run
from opord.kernel.legality import NotRebuilt, body_by_journal
from opord.kernel.rows import RecordRow, RunRow, ValueRow
from opord.kernel.run import Run, load_run, with_body
from opord.kernel.unread import program_by_row, run_by_row
from opord.values.canonical import loads
from opord.values.types import Digest, RunId
from opord.values.vault import SecretUnreadable

RECORDS_AT_ONCE: Final = 1000
"""Number of records that are read at a time."""


async def read(host: Host, run_id: RunId) -> Run:
    """Return a run, decoded.

    Raises:
        RunUnknown: there is no run of that name.
        RunUnreadable, SecretUnreadable: what is stored of it cannot be read.
        RunPruned: it has ended and was pruned.
    """
    return await decoded(host, await read_row(host, run_id))


async def decoded(host: Host, row: RunRow) -> Run:
    """Return a run from its row, decoded.

    Raises:
        RunUnreadable, SecretUnreadable: what is stored of it cannot be read.
    """
    program = await host.program(row.contract)
    values = await fetched(host, row)
    try:
        return load_run(program, row, values, cache=host.cache)
    except SecretUnreadable:
        raise
    except Exception as error:
        raise RunUnreadable(row.run, str(error)) from error


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


async def read_by_journal(host: Host, run_id: RunId) -> Run:
    """Return a run whose row cannot be read, by its journal, to end it. It cannot be carried on.

    Raises:
        RunUnknown: there is no run of that name.
        RunUnreadable: its journal does not say what it is, or it carries secrets.
        ContractUnreadable: the contract cannot be read, so neither can the journal.
        RunPruned: it has ended and was pruned.
    """
    row = await host.left_of(run_id) or await read_row(host, run_id)
    records: list[RecordRow] = []
    while page := await host.records(run_id, after=len(records), limit=RECORDS_AT_ONCE):
        records += page
    digests = {digest for record in records for digest in _values_of(record)}
    values = await host.values(run_id, digests) if digests else []
    try:
        body, last = body_by_journal(await host.program(row.contract), row, records, values)
    except NotRebuilt as error:
        raise RunUnreadable(run_id, f"its row is damaged, and {error}") from error
    return with_body(program_by_row(row), row.replace(hash=last), body)


def _values_of(record: RecordRow) -> Iterable[Digest]:
    """Return the digests of the large values that a record refers to."""
    try:
        return dict(loads(record.body).get("values", {})).values()
    except (ValueError, TypeError, AttributeError):
        return ()  # the look at the journal says so


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
