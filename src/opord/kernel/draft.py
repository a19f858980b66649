"""A draft: the changes to one run that are to become durable together, and the records that say so.

Each record is canonical JSON: it names the run, its own number, the time, the worker, the epoch, the digest
of the contract and the hash of the record before it, so that a journal can be checked from end to end.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from opord.kernel.instants import text
from opord.kernel.rows import EventKey, Head, InboxRow, RecordRow, RunRow, SettledKey, Start, Write
from opord.kernel.run import Run

_encode = msgspec.json.Encoder(order="sorted").encode


class Draft:
    """Collects changes to `run`, made by `worker` (or by whoever sends) at the instant `at`."""

    __slots__ = (
        "at",
        "at_text",
        "base_epoch",
        "base_seq",
        "event_keys",
        "put",
        "records",
        "run",
        "settled",
        "take",
        "worker",
    )

    def __init__(self, run: Run, at: int, worker: str) -> None:
        self.run = run
        self.at = at
        self.at_text = ""
        self.worker = worker
        self.base_epoch = run.epoch
        self.base_seq = run.seq
        self.records: list[RecordRow] = []
        self.take: list[str] = []
        self.put: list[InboxRow] = []
        self.event_keys: list[EventKey] = []
        self.settled: list[SettledKey] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.records or self.take or self.put)

    def record(self, kind: str, **said: Any) -> int:
        """Put a record on the journal's end; members that are None are left out. Return its number."""
        run = self.run
        run.seq += 1
        body = {name: value for name, value in said.items() if value is not None} if None in said.values() else said
        body["run"] = run.id
        body["seq"] = run.seq
        body["at"] = self.at_text = self.at_text or text(self.at)
        body["kind"] = kind
        body["worker"] = self.worker
        body["epoch"] = run.epoch
        body["contract"] = run.program.digest
        body["prev"] = run.hash
        written = _encode(body)
        run.hash = sha256(written).hexdigest()
        self.records.append(RecordRow(run.seq, self.at, kind, written.decode(), run.hash))
        return run.seq

    def seize(self) -> None:
        """Take the run away from whoever holds it: its epoch grows, so that the holder's writes fail."""
        if self.run.epoch == self.base_epoch:
            self.run.epoch += 1
        self.run.worker = None

    def start(self) -> Start:
        """Return the draft of a new run as a change for the store."""
        run = self.run
        row = RunRow(
            run.id,
            run.program.digest,
            run.program.name,
            run.program.version,
            run.started_at,
            run.input_text,
            run.epoch,
            run.seq,
            run.hash,
            0,
            run.head(),
        )
        return Start(row, tuple(self.records))

    def write(self, *, arrivals: int | None = None, head: bool = True) -> Write:
        """Return the draft as a change for the store, to be made if the run is still as it was at the beginning."""
        run = self.run
        kept: Head | None = run.head() if head else None
        return Write(
            run.id,
            self.base_epoch,
            self.base_seq,
            arrivals,
            run.epoch,
            tuple(self.records),
            kept,
            tuple(self.take),
            tuple(self.put),
            tuple(self.event_keys),
            tuple(self.settled),
        )
