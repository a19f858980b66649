"""The rows of a store in memory."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

import apsw

from opord.stores.base import (
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
