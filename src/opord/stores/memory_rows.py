"""The rows of a store in memory."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import apsw

from opord.kernel.outgoing import MOVES, NEEDS_TOLD
from opord.kernel.rows import has_ended, known_needs
from opord.stores.base import (
    EndedRun,
    EventKey,
    InboxRow,
    Move,
    Progress,
    RecordRow,
    RunRow,
    StoredContract,
    Tombstone,
    UsedKey,
    ValueRow,
    WorkerRow,
)
from opord.stores.memory_permits import LimitTables
from opord.stores.outbox import kept_back, subscriptions
from opord.stores.sqlite.permits import executes_on
from opord.values.types import Instant, RunId


@dataclass(slots=True)
class Rows:
    """The rows that all handles share.

    Dicts keep the order of the starts, which is the order of listings.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    contracts: dict[str, StoredContract] = field(default_factory=dict)
    runs: dict[str, RunRow] = field(default_factory=dict)
    journals: dict[str, list[RecordRow]] = field(default_factory=dict)
    inboxes: dict[str, list[InboxRow]] = field(default_factory=dict)
    messages: set[tuple[str, str]] = field(default_factory=set)
    event_keys: dict[tuple[str, str, str], EventKey] = field(default_factory=dict)
    used_keys: dict[tuple[str, str, str], UsedKey] = field(default_factory=dict)
    values: dict[str, dict[str, ValueRow]] = field(default_factory=dict)
    workers: dict[str, WorkerRow] = field(default_factory=dict)
    tombstones: dict[RunId, Tombstone] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    highest: int = 0
    identity: str = field(default_factory=lambda: uuid.uuid4().hex)
    changes: int = 0
    tables: apsw.Connection | None = None
    limits: LimitTables = field(default_factory=LimitTables)

    def progress(self, runs: Iterable[RunId]) -> list[Progress]:
        """Return where runs are; see `Store.progress`."""
        rows = filter(None, map(self.runs.get, runs))
        return [Progress(row.run, row.seq, row.arrivals, row.head.status) for row in rows]

    def moves(self, since: Instant, limit: int) -> list[Move]:
        """Return the newest records; see `Store.moves`."""
        with self.lock:
            records = [(run, one) for run, of_run in self.journals.items() for one in of_run]
        moves = [Move(one.at, RunId(run), one.seq, one.kind) for run, one in records if one.at >= since]
        return sorted(moves)[-limit:]

    def ended(self, before: Instant, contract: str | None, after: EndedRun | None) -> list[EndedRun]:
        """Return the runs that may be pruned; see `Store.ended`."""
        with self.lock:
            ended = [row for row in self.runs.values() if has_ended(row.head.status) and not row.head.needs]
            waiting = self.told_of([row.run for row in ended])
            candidates = [
                EndedRun(row.run, self._ended_at(row), row.head.since, self.numbers[row.run])
                for row in ended
                if contract in (None, row.name) and row.run not in waiting
            ]
        candidates.sort(key=lambda ended: (ended.since, ended.number))
        place = (after.since, after.number) if after is not None else (-1, 0)
        return [one for one in candidates if one.ended_at < before and (one.since, one.number) > place]

    def _ended_at(self, row: RunRow) -> Instant:
        if row.head.outcome != "terminated":
            return row.head.since
        at = [record.at for record in self.journals[row.run] if record.kind == "terminated"]
        return max(at, default=row.head.since)

    def told_of(self, runs: Collection[RunId]) -> set[RunId]:
        """Return those of these runs of which a message waits in the outbox."""
        return kept_back(executes_on(self.limits.connection), runs) if self.limits.made else set()

    def tell(self, before: RunRow | None, after: RunRow, records: Sequence[RecordRow]) -> None:
        """Write the messages of a change into the outbox, as the triggers of a database do."""
        if not self.limits.made:
            return
        executes = executes_on(self.limits.connection)
        for number, told in subscriptions(executes).items():
            if told.contracts and after.name not in told.contracts:
                continue
            moves = told.moves or (told.ends and has_ended(after.head.status))
            messages = [("move", one.seq, one.at) for one in records if moves and one.kind in MOVES]
            if told.needs:
                messages += [("alarm", one.seq, one.at) for one in records if one.kind == "alarm"]
                new = set(known_needs(after.head.needs))
                new -= set(known_needs(before.head.needs) if before is not None else ())
                at = records[-1].at if records else after.head.since
                messages += [(need, after.seq, at) for need in NEEDS_TOLD if need in new]
            for what, seq, at in sorted(messages, key=lambda one: one[1]):
                executes("write_message", (number, after.run, seq, what, at))
