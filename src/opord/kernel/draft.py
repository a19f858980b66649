"""A draft: the changes to one run that become durable together, and their records.

Each record is canonical JSON. It names the run, its own number, the time, the worker, the epoch,
the digest of the contract and the hash of the record before it. So a journal can be verified from
end to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from opord.kernel.instants import text
from opord.kernel.large import Large, Split
from opord.kernel.needs import Opened, stored_needs
from opord.kernel.records import RecordBody, encode_record
from opord.kernel.rows import EventKey, Head, InboxRow, RecordRow, RunRow, Start, UsedKey, ValueRow, Write
from opord.kernel.run import Run
from opord.kernel.sealing import sealed_record
from opord.values.types import Digest, Instant


class Draft:
    """Collects changes to `run`, made by `worker` (or by a sender) at the instant `at`.

    `opened` are the needs that it opens. The writer sets `written` once the draft is durable, so
    that nothing is added to it.
    """

    __slots__ = (
        "at",
        "at_text",
        "base_epoch",
        "base_seq",
        "base_since",
        "event_keys",
        "opened",
        "put",
        "records",
        "run",
        "used_keys",
        "take",
        "values",
        "worker",
        "written",
    )

    def __init__(self, run: Run, at: Instant, worker: str) -> None:
        self.run: Run = run
        self.at: Instant = at
        self.at_text: str = ""
        self.worker: str = worker
        self.written: bool = False
        self.base_epoch: int = run.epoch
        self.base_seq: int = run.seq
        self.base_since: Instant = run.since
        self.records: list[RecordRow] = []
        self.take: list[str] = []
        # Most drafts have none of these.
        self.put: tuple[InboxRow, ...] = ()
        self.event_keys: tuple[EventKey, ...] = ()
        self.used_keys: tuple[UsedKey, ...] = ()
        self.opened: tuple[Opened, ...] = ()
        self.values: dict[Digest, str] = {}

    @property
    def empty(self) -> bool:
        """True if there is nothing to write."""
        return not (self.records or self.take or self.put)

    def record(self, body: RecordBody, splits: Mapping[str, Split] | None = None) -> int:
        """Append a record to the journal and return its number.

        `body` has the kind and the members of that kind. `splits` are members too; the record holds
        the small rest of each and refers to the values that were taken out.
        """
        run = self.run
        program = run.program
        run.seq = seq = run.seq + 1
        if splits is not None:
            for name, one in splits.items():
                if one.raw is not None and program.vault is None:
                    setattr(body, name, one.raw)
                else:
                    self._refer(body, name, one)
        if program.vault is not None:
            body = sealed_record(program, run.id, seq, body)
        body.run = run.id
        body.seq = seq
        body.at = self.at_text or self._at_text()
        body.worker = self.worker
        body.epoch = run.epoch
        body.contract = program.digest
        body.prev = run.hash
        raw = encode_record(body)
        run.hash = sha256(raw).hexdigest()  # type: ignore[assignment]
        self.records.append(RecordRow(seq, self.at, body.kind, raw.decode(), run.hash))
        return seq

    def _refer(self, body: RecordBody, name: str, split: Split) -> None:
        """Put the small rest of data into a record, and have it refer to the values taken out."""
        whole = self.run.program.vault is not None  # it is sealed next
        setattr(body, name, split.small if whole else msgspec.Raw(split.encoded()))
        if split.refs:
            body.values = body.values or {}
            body.values |= {f"{name}.{path}": self.keep(large) for path, large in split.refs}

    def keep(self, large: Large) -> str:
        """Have a value stored with the record or row that refers to it, and return its digest."""
        if large.text is not None:
            self.values[large.digest] = large.text
            large.text = None
        return large.digest

    def _at_text(self) -> str:
        self.at_text = text(self.at)
        return self.at_text

    def seize(self) -> None:
        """Take the run from its holder. The epoch grows, so the holder's writes fail."""
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
            run.kept_input(self.keep),
            run.epoch,
            run.seq,
            run.hash,
            0,
            run.head(self.keep, stored_needs(run)),
            *run.scheduling,
        )
        return Start(row, tuple(self.records), self._values() if self.values else ())

    def write(self, *, arrivals: int | None = None, head: bool = True) -> Write:
        """Return the draft as a change for the store.

        It applies only if the run has not changed.
        """
        run = self.run
        new_head: Head | None = run.head(self.keep, stored_needs(run)) if head else None
        return Write(
            run.id,
            self.base_epoch,
            self.base_seq,
            arrivals,
            run.epoch,
            tuple(self.records),
            new_head,
            tuple(self.take),
            self.put,
            self.event_keys,
            self.used_keys,
            self._values() if self.values else (),
            self.base_since,
        )

    def _values(self) -> tuple[ValueRow, ...]:
        return tuple(ValueRow(*value) for value in self.values.items())
