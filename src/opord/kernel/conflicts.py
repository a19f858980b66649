"""Write conflicts: decide which changes of a batch still apply, given what is stored of their runs.

The answer is the same for every store, so it is computed here. A store may use any faster way to
find that a whole batch applies. If a change does not apply, it collects the facts and calls
`judge`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Result, Stale, WasPruned
from opord.kernel.rows import (
    EventKey,
    Kept,
    Prune,
    RecordRow,
    RunRow,
    Start,
    StoredContract,
    Tombstone,
    Write,
    has_ended,
)
from opord.values.types import Digest, RunId


@dataclass(slots=True)
class Facts:
    """What is stored about the runs of a batch, as far as the batch needs it.

    - `hashes` has the hash of the record with the (run, seq) that a change would write last.
    - `messages` are the (run, id) that a change would put and that were put before, whether or not
      they were taken since.
    - `tombstones` are those of runs that a change would start.
    - `unstored` are the contracts of such runs that are not stored.
    """

    rows: dict[RunId, RunRow] = field(default_factory=dict)
    hashes: dict[tuple[RunId, int], Digest] = field(default_factory=dict)
    messages: set[tuple[str, str]] = field(default_factory=set)
    event_keys: Mapping[tuple[str, str, str], EventKey] = field(default_factory=dict)
    tombstones: Mapping[RunId, Tombstone] = field(default_factory=dict)
    unstored: Collection[str] = ()


def check_batch(batch: Sequence[Start | Write]) -> None:
    """Refuse a malformed batch.

    Raises:
        ValueError: a run is named twice, records do not continue the journal, or an epoch skips a
            number.
    """
    runs: set[str] = set()
    for change in batch:
        if type(change) is Write:
            run, seq, records = change.run, change.seq, change.records
            if not 0 <= change.new_epoch - change.epoch <= 1:
                raise ValueError(f"run {run}: epoch {change.epoch} cannot become {change.new_epoch}")
        elif type(change) is Start:
            run, seq, records = change.row.run, 0, change.records
            if change.row.seq != len(records) or change.row.hash != (records[-1].hash if records else ""):
                raise ValueError(f"run {run}: the row of a start does not agree with its records")
        else:
            raise TypeError(f"expected a Start or a Write, got: {type(change).__name__}")
        if run in runs:
            raise ValueError(f"run {run} is named twice in one batch")
        runs.add(run)
        # Checking both ends is enough: the journal's index refuses any other fault in between.
        if records and (records[0].seq != seq + 1 or records[-1].seq != seq + len(records)):
            numbers = ", ".join(str(record.seq) for record in records)
            raise ValueError(f"run {run}: expected {len(records)} records from {seq + 1} on, got: {numbers}")


def last_record(change: Start | Write) -> tuple[RunId, int] | None:
    """Return (run, seq) of the last record that the change writes; None if it writes none."""
    if isinstance(change, Start):
        return (change.row.run, len(change.records)) if change.records else None
    return (change.run, change.seq + len(change.records)) if change.records else None


def judge(change: Start | Write, facts: Facts) -> Start | Write | Result:
    """Return the change to make, or the answer if nothing is to be made.

    A change was applied before if its last record is in the journal or, without records, if all its
    messages have been put. This is checked first, because everything else has changed since then.
    """
    if isinstance(change, Start):
        row = facts.rows.get(change.row.run)
        if row is None:
            tombstone = facts.tombstones.get(change.row.run)
            if tombstone is not None:
                return WasPruned(tombstone)
            contract = change.row.contract
            return NotStored(contract) if contract in facts.unstored else change
        return Applied(row.arrivals) if _is_recorded(change, change.records, facts) else Exists(row)
    run = change.run
    row = facts.rows.get(run)
    if row is None:
        return Stale(None)
    there = [message for message in change.put if (run, message.id) in facts.messages]
    if change.records:
        if _is_recorded(change, change.records, facts):
            return Applied(row.arrivals)
    elif there and len(there) == len(change.put):
        return Applied(row.arrivals)
    if (change.epoch, change.seq) != (row.epoch, row.seq):
        return Stale(row)
    if change.arrivals is not None and change.arrivals != row.arrivals:
        return Stale(row)
    for key in change.event_keys:
        other = facts.event_keys.get((run, key.event, key.key))
        if other is not None:
            return KeyTaken(other)
    # A message is put only once: one that is or was in the inbox is not put again.
    put = tuple(message for message in change.put if message not in there) if there else change.put
    return change.replace(arrivals=row.arrivals, put=put)


def _is_recorded(change: Start | Write, records: tuple[RecordRow, ...], facts: Facts) -> bool:
    where = last_record(change)
    return where is not None and facts.hashes.get(where) == records[-1].hash


def compare(
    contract: StoredContract, offer: StoredContract
) -> Literal["same", "other text", "newer digest", "other"]:
    """Compare a contract that is put with the one that is stored under its name and version."""
    if offer.digest in (contract.digest, *contract.also):
        return "same" if offer.sources == contract.sources else "other text"
    return "newer digest" if contract.digest in offer.also else "other"


def check_rewrite(old: Kept, new: Kept) -> None:
    """Refuse a rewrite that would change more than texts.

    Raises:
        ValueError: a record, a message or a key is missing, added, or in another place.
    """
    outlines = [
        (
            each.row.run,
            each.row.contract,
            each.row.seq,
            [(record.seq, record.kind, record.at) for record in each.records],
            [message.id for message in each.inbox],
            [(key.event, key.key) for key in each.event_keys],
            [(key.action, key.key) for key in each.used_keys],
        )
        for each in (old, new)
    ]
    if outlines[0] != outlines[1]:
        raise ValueError(
            f"run {old.row.run}: a rewriting keeps all records, messages and keys in their places"
        )


def check_prune(batch: Sequence[Prune]) -> None:
    """Refuse a batch that names a run twice.

    Raises:
        ValueError: a run is named twice.
    """
    runs = [each.tombstone.run for each in batch]
    if len(set(runs)) < len(runs):
        raise ValueError("a run is named twice in one batch to prune")


def may_prune(request: Prune, row: RunRow | None) -> bool:
    """Say whether a stored run has ended, needs nobody, and has not changed since it was read."""
    return (
        row is not None
        and has_ended(row.head.status)
        and not row.head.needs
        and (row.epoch, row.seq, row.arrivals, row.hash)
        == (request.epoch, request.seq, request.arrivals, request.hash)
    )
