"""A run in rows: the plain data that the kernel and a store exchange.

All instants are integers, microseconds since 1970 UTC. Bodies are canonical JSON texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias, assert_never, get_args

import msgspec

from opord.contract import Outcome
from opord.kernel.calls_under_way import CallUnderWay
from opord.kernel.records import RecordKind, known_kind
from opord.kernel.scheduling import NO_LABEL
from opord.values.types import START_OF_TIME, Digest, Instant, Key, RunId

Status: TypeAlias = Literal["running", "waiting", "in_doubt", "stalled", "ended"]

_STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}


def known_status(word: object) -> Status | None:
    """Return the status of a run, as stored; None if the row is damaged or of a newer version."""
    return _STATUSES.get(word) if isinstance(word, str) else None


def has_ended(status: Status) -> bool:
    """Say whether a run of this status has ended, so that nothing moves it."""
    match status:
        case "ended":
            return True
        case "running" | "waiting" | "in_doubt" | "stalled":
            return False
        case _:
            assert_never(status)


def is_held(status: Status) -> bool:
    """Say whether a run of this status waits until a person mends something.

    Only its phase may move it.
    """
    match status:
        case "stalled":
            return True
        case "running" | "waiting" | "in_doubt" | "ended":
            return False
        case _:
            assert_never(status)


class WorkerSign(NamedTuple):
    """The last sign of life of a worker: until when it is alive, and what keeps it from going on.

    `trouble` is empty if nothing does. `calls` are the calls of effects that it is making, by their
    runs, if they have lasted a while.
    """

    alive_until: Instant
    trouble: str = ""
    calls: Mapping[str, CallUnderWay] = MappingProxyType({})


StoredNeed: TypeAlias = Literal["doubt", "stalled", "alarm", "collision"]
"""The needs that follow from a run alone, in the order in which `Head.needs` has them."""

DueNeed: TypeAlias = Literal["overdue", "unserved"]
"""The needs that depend on the clock and on the workers that are alive."""

NeedReason: TypeAlias = Literal[StoredNeed, DueNeed]
"""Why a run needs somebody; `needs.py` says when."""

NeedFilter: TypeAlias = Literal[NeedReason, "any"]

NEED_REASONS: Final[tuple[NeedReason, ...]] = get_args(NeedReason)

_STORED_NEEDS: dict[str, StoredNeed] = {reason: reason for reason in get_args(StoredNeed)}


def known_needs(words: object) -> tuple[StoredNeed, ...]:
    """Return the needs of a run, as stored. Words that this version does not know are left out."""
    if not isinstance(words, str):
        return ()
    return tuple(_STORED_NEEDS[word] for word in words.split() if word in _STORED_NEEDS)


InboxKind: TypeAlias = Literal["event", "evidence"]

RunOutcome: TypeAlias = Outcome | Literal["terminated"]
"""How a run ended: as its last state says, or by an administrator's word."""

_OUTCOMES: dict[str, RunOutcome] = {
    **{outcome: outcome for outcome in get_args(Outcome)},
    "terminated": "terminated",
}
RUN_OUTCOMES: Final[tuple[RunOutcome, ...]] = (*_OUTCOMES.values(),)


def known_outcome(word: object) -> RunOutcome | None:
    """Return how a run ended, as stored.

    The result is None if it has not, or in a way unknown to this version.
    """
    return _OUTCOMES.get(word) if isinstance(word, str) else None


class Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Plain data of a store, in JSON an array in the order of its members.

    They are structs because each step makes many, and a named tuple takes four times as long to
    make. Rows are never parts of a cycle, so the garbage collector need not look at them.
    """

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some members changed."""
        return msgspec.structs.replace(self, **changes)

    def members(self) -> dict[str, Any]:
        """Return the members by their names."""
        return msgspec.structs.asdict(self)

    def columns(self) -> tuple[Any, ...]:
        """Return the members in their order."""
        return msgspec.structs.astuple(self)


class RecordRow(Row, frozen=True):
    """One journal record. `body` is its canonical JSON, `hash` the SHA-256 of the body in hex.

    `kind` is as stored; a newer version may know more kinds than this one. Readers use
    `known_kind`.
    """

    seq: int
    at: Instant
    kind: str
    body: str
    hash: Digest

    @property
    def known_kind(self) -> RecordKind | None:
        """The kind; None if this version does not know it."""
        return known_kind(self.kind)


class InboxRow(Row, frozen=True):
    """A message that waits for its run: an event or evidence.

    `id` is unique; `body` is canonical JSON.
    """

    id: str
    arrived: Instant
    kind: InboxKind
    body: str


class EventKey(Row, frozen=True):
    """An event's key within a run, and the digest of its content.

    The id of a delivery is kept in the same way, under `delivery_name` of its event.
    """

    event: str
    key: Key
    content: str


def delivery_name(event: str) -> str:
    """Return the name under which ids of deliveries of an event are kept. No event has it."""
    return f"@{event}"


def event_of(name: str) -> str:
    """Return the event of a stored key, which may be that of a delivery."""
    return name.removeprefix("@")


class UsedKey(Row, frozen=True):
    """A key of an action that took effect in a run, with its result as JSON text.

    `args` is the digest of the arguments.
    """

    action: str
    key: Key
    args: str
    result: str


class ValueRow(Row, frozen=True, order=True):
    """A large value of a run: `body` is canonical JSON, `digest` its SHA-256 in hex.

    Records and rows refer to it by the digest.
    """

    digest: Digest
    body: str


class Head(Row, frozen=True):
    """The part of a run that changes as it moves.

    `body` is the kernel's own canonical JSON, opaque to the store.

    `wake_at` is the instant from which a worker should look at the run: now if it can go on, the
    time of its next timer or attempt, or the end of its lease while a worker holds it. None means
    that only a message moves it.

    `needs` are the words of what the run needs from a person, with spaces between; see `needs.py`.
    """

    state: str
    status: Status
    outcome: RunOutcome | None
    since: Instant
    wake_at: Instant | None
    worker: str | None
    reason: str | None
    body: str
    needs: str = ""


class RunRow(Row, frozen=True):
    """A run as stored.

    `priority` and `label` say when and where it is carried, and never change; `label` is empty if
    it has none. See `scheduling.py`.
    """

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
    priority: int = 0
    label: str = NO_LABEL


class Start(Row, frozen=True):
    """A new run: its row, its first records, and its values.

    In the row, `epoch` is 1 if a worker holds the run from the start, else 0; `arrivals` is 0.
    """

    row: RunRow
    records: tuple[RecordRow, ...]
    values: tuple[ValueRow, ...] = ()


class Write(Row, frozen=True):
    """One atomic change to one run, made only if the run has not changed since it was read.

    - `epoch`, `seq` and `arrivals` (unless None) must still match.
    - `new_epoch` is `epoch`, or one more to fence off a worker that holds the run.
    - `records` continue the journal from `seq`.
    - `head` is the new head; None keeps the old one.
    - `take` removes messages from the inbox; `put` adds some, and raises `arrivals` by their
      number.
    - `event_keys` are claimed for good. If one is already used, with any content, the whole write
      is refused as `KeyTaken`.
    - `used_keys` are remembered.
    - `values` are those that these records are the first to refer to. An existing value stays as it
      is.
    - `since` is when the run had entered the state that it was in. It is for those who measure; no
      store reads it.
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
    since: Instant = START_OF_TIME


class Kept(Row, frozen=True):
    """All that is stored of one run: row, journal, waiting messages, used keys and large values."""

    row: RunRow
    records: tuple[RecordRow, ...]
    inbox: tuple[InboxRow, ...]
    event_keys: tuple[EventKey, ...]
    used_keys: tuple[UsedKey, ...]
    values: tuple[ValueRow, ...] = ()


class Tombstone(Row, frozen=True):
    """What is left of a pruned run: its key, which stays taken, and the place of its history.

    `input` is a digest that identifies a repeated start. `archive` is the file that has the
    history; None if the run was deleted without an archive. The key may be forgotten from
    `forget_at` on.
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
    """A run that has ended: its name and the instant of its end.

    `since` and `number` are its place in the listing.
    """

    run: RunId
    ended_at: Instant
    since: Instant
    number: int


class Prune(Row, frozen=True):
    """A run to delete if its `epoch`, `seq`, `arrivals` and `hash` still match; its tombstone."""

    epoch: int
    seq: int
    arrivals: int
    hash: Digest
    tombstone: Tombstone


class StoredContract(Row, frozen=True):
    """A contract as stored.

    `sources` is canonical JSON, a list of [file name, text], its own file first.

    `digest` is that of its content in the form `form`. `also` are its digests in older forms.
    Records, archives and workers of older versions use them for the same contract.
    """

    digest: Digest
    name: str
    version: int
    sources: str
    form: int = 1
    also: tuple[str, ...] = ()
