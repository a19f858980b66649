"""Read the columns of the store's tables as the rows of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opord.kernel.rows import known_needs, known_outcome, known_status
from opord.stores.base import Head, RowDamaged, RunRow, StoredContract, WorkerRow
from opord.values.types import Digest, RunId


def run_row(columns: Sequence[Any]) -> RunRow:
    """Read the columns of `sql.RUN_ROW`.

    Raises:
        RowDamaged: it has a word or a contract that cannot be; `readable` is what is left of it.
    """
    run, digest, name, version, started_at, text, epoch, seq, hash_, arrivals, priority, label, *rest = (
        columns
    )
    head = Head(*rest)
    row = RunRow(
        run, digest, name, version, started_at, text, epoch, seq, hash_, arrivals, head, priority, label
    )
    wrong = _wrong(row)
    if wrong:
        damage = RowDamaged(f"a row is damaged: {wrong}")
        damage.readable = row.replace(
            contract=digest or Digest(""), input="", hash=Digest(""), head=head.replace(reason=None, body="")
        )
        damage.after = RunId(run)
        raise damage
    return row


def _wrong(row: RunRow) -> str:
    """Say what cannot be in a row; return an empty text if all can."""
    head = row.head
    if row.contract is None:
        return f"the tables name two contracts for the run {row.run}"
    if known_status(head.status) is None:
        return f"the run {row.run} has the status {head.status!r}"
    if head.outcome is not None and known_outcome(head.outcome) is None:
        return f"the run {row.run} has the outcome {head.outcome!r}"
    if head.needs and not known_needs(head.needs):
        return f"the run {row.run} has the need {head.needs!r}"
    return ""


def run_rows(table: Sequence[Sequence[Any]]) -> list[RunRow]:
    """Read many rows; see `run_row`."""
    return [run_row(columns) for columns in table]


def worker_rows(table: Sequence[Sequence[Any]]) -> list[WorkerRow]:
    """Read the rows of workers."""
    return [
        WorkerRow(worker, tuple(contracts), alive_until, trouble, calls, tuple(labels))
        for worker, contracts, alive_until, trouble, calls, labels in table
    ]


def contract_row(columns: Sequence[Any]) -> StoredContract:
    """Read the columns of `sql.CONTRACT_ROW`."""
    digest, name, version, sources, form, also = columns
    return StoredContract(digest, name, version, sources, form, tuple(also))
