"""A run in rows: what the kernel hands to a store and gets back. Plain data on both sides.

All instants are integers, microseconds since 1970 UTC. Bodies are canonical JSON texts.
"""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias, assert_never, get_args

import msgspec

from opord.contract import Outcome
from opord.kernel.records import RecordKind, known_kind
from opord.values.types import Digest, Instant, RunId

Status: TypeAlias = Literal["running", "waiting", "in_doubt", "stalled", "ended"]

_STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}


def known_status(stored: object) -> Status | None:
    """Return the status of a run, as stored; None if the row is damaged, or of a newer version."""
    return _STATUSES.get(stored) if isinstance(stored, str) else None


def has_ended(status: Status) -> bool:
    """Whether nothing moves a run of this status any more."""
    match status:
        case "ended":
            return True
        case "running" | "waiting" | "in_doubt" | "stalled":
            return False
        case _:
            assert_never(status)


def is_held(status: Status) -> bool:
    """Whether a run of this status is held until a person mends something: only its phase may still move it."""
    match status:
        case "stalled":
            return True
        case "running" | "waiting" | "in_doubt" | "ended":
            return False
        case _:
            assert_never(status)


InboxKind: TypeAlias = Literal["event", "evidence"]

RunOutcome: TypeAlias = Outcome | Literal["terminated"]
"""How a run ended: as its last state says, or by an administrator's word."""

_OUTCOMES: dict[str, RunOutcome] = {
    **{outcome: outcome for outcome in get_args(Outcome)},
    "terminated": "terminated",
}


def known_outcome(stored: object) -> RunOutcome | None:
    """Return how a run ended, as stored; None if it did not, or in a way that this version does not know."""
    return _OUTCOMES.get(stored) if isinstance(stored, str) else None


class Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Plain data that a store keeps or gives, in JSON an array in the order of its members.

    Structs, for many are made for each step, and a named tuple takes four times as long to make.
    """

    def replace(self, **changes: Any) -> Self:
        """Return the same with some members changed."""
        return msgspec.structs.replace(self, **changes)

    def members(self) -> dict[str, Any]:
        """Return the members by their names."""
        return msgspec.structs.asdict(self)

    def columns(self) -> tuple[Any, ...]:
        """Return the members in their order."""
        return msgspec.structs.astuple(self)


class RecordRow(Row, frozen=True):
    """One journal record: `body` is its canonical JSON, `hash` the SHA-256 of the body in hex.

    `kind` is as stored, and a newer version may know more kinds than this one. Readers ask for `known_kind`.
    """

    seq: int
    at: Instant
    kind: str
    body: str
    hash: Digest

    @property
    def known_kind(self) -> RecordKind | None:
        """The kind, or None if this version does not know it."""
        return known_kind(self.kind)


class InboxRow(Row, frozen=True):
    """A message that waits for its run: a kept event, or evidence. `id` is unique; `body` canonical JSON."""

    id: str
    arrived: int
    kind: InboxKind
    body: str


class EventKey(Row, frozen=True):
    """An event's key within a run, and the digest of the content that it came with."""

    event: str
    key: str
    content: str


class UsedKey(Row, frozen=True):
    """A key of an action that took effect in a run: digest of the arguments, and the result as JSON text."""

    action: str
    key: str
    args: str
    result: str


class ValueRow(Row, frozen=True, order=True):
    """A large value of a run, which records and rows refer to: `body` is canonical JSON, `digest` its SHA-256 in hex."""

    digest: Digest
    body: str


class Head(Row, frozen=True):
    """What changes as a run moves. `body` is the kernel's own canonical JSON, opaque to the store.

    `wake_at` is the instant from which a worker should look at the run: now when it can go on, the time of
    its next timer or attempt, the end of its lease while a worker holds it; None if nothing but a message moves it.
    """

    state: str
    status: Status
    outcome: RunOutcome | None
    since: int
    wake_at: int | None
    worker: str | None
    reason: str | None
    body: str


class RunRow(Row, frozen=True):
    """A run as stored."""

    run: RunId
    contract: Digest
    name: str
    version: int
    started_at: Instant
    input: str
    epoch: int
    seq: int
    hash: Digest
    arrivals: int
    head: Head


class Start(Row, frozen=True):
    """A new run: its row (epoch 1 if it is born held by a worker, else 0; arrivals 0), its first records, and its values."""

    row: RunRow
    records: tuple[RecordRow, ...]
    values: tuple[ValueRow, ...] = ()


class Write(Row, frozen=True):
    """One atomic change to one run, made only if `epoch`, `seq` (and `arrivals`, unless None) are still so.

    `new_epoch` is `epoch`, or one more to fence off a worker that holds the run. `records` continue the
    journal from `seq`. `head` is the new head; None leaves it. `take` removes messages from the inbox,
    `put` adds some (and raises `arrivals` by as many). `event_keys` are claimed for good; if one is there
    already with any content the whole write is refused as `KeyTaken`. `used_keys` are remembered. `values` are
    those that the records are the first to refer to; one that is there already stays as it is.
    """

    run: RunId
    epoch: int
    seq: int
    arrivals: int | None
    new_epoch: int
    records: tuple[RecordRow, ...] = ()
    head: Head | None = None
    take: tuple[str, ...] = ()
    put: tuple[InboxRow, ...] = ()
    event_keys: tuple[EventKey, ...] = ()
    used_keys: tuple[UsedKey, ...] = ()
    values: tuple[ValueRow, ...] = ()


class Kept(Row, frozen=True):
    """All that is kept of one run: its row, its whole journal, its waiting messages, the keys it has used, its values."""

    row: RunRow
    records: tuple[RecordRow, ...]
    inbox: tuple[InboxRow, ...]
    event_keys: tuple[EventKey, ...]
    used_keys: tuple[UsedKey, ...]
    values: tuple[ValueRow, ...] = ()


class Tombstone(Row, frozen=True):
    """What stays of a pruned run: its key, so that no other run takes it, and where its story went.

    `input` is a digest by which the same start is known again; `archive` is the file that has the story, None where the
    run was deleted without one. The key may be forgotten from `forget_at` on.
    """

    run: RunId
    contract: Digest
    name: str
    version: int
    started_at: Instant
    input: str
    state: str
    outcome: str | None
    ended_at: Instant
    pruned_at: Instant
    forget_at: Instant
    archive: str | None


class EndedRun(Row, frozen=True):
    """A run that has ended: its name and the instant of its end; `since` and `number` are its place in the listing."""

    run: RunId
    ended_at: Instant
    since: int
    number: int


class Prune(Row, frozen=True):
    """A run to be deleted if its `epoch`, `seq`, `arrivals` and `hash` are still so, and what is to stay of it."""

    epoch: int
    seq: int
    arrivals: int
    hash: Digest
    tombstone: Tombstone


class StoredContract(Row, frozen=True):
    """A contract as stored: `sources` is canonical JSON, a list of [file name, text], its own file first.

    `digest` is that of its content in the form `form`. `also` are its digests in older forms: records, archives and workers
    of older versions go by them, and mean the same contract.
    """

    digest: Digest
    name: str
    version: int
    sources: str
    form: int = 1
    also: tuple[str, ...] = ()
