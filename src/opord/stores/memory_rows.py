"""The rows of a store in memory."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field

import apsw

from opord.stores.base import (
    EventKey,
    InboxRow,
    RecordRow,
    RunRow,
    StoredContract,
    Tombstone,
    UsedKey,
    ValueRow,
    WorkerRow,
)
from opord.stores.memory_permits import LimitTables
from opord.values.types import RunId


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
