"""The promise of a store: a short list of verbs, each a sentence on what is atomic.

A store keeps rows and knows nothing of what contracts mean. All instants are integers, microseconds
since 1970 UTC by the store's own clock. All verbs are plain blocking calls; the engine runs them on
its store thread. Every verb either happens as a whole or raises and leaves nothing behind, and may be
called again with the same arguments after an error that left open whether it happened.

A run is guarded by three numbers: its `epoch` grows with every claim, its `seq` with every record, its
`arrivals` with every message put into its inbox. Whoever writes names the numbers it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Result, Stale, WasPruned
from opord.kernel.rows import (
    EndedRun,
    EventKey,
    Head,
    InboxRow,
    Kept,
    Prune,
    RecordRow,
    RunRow,
    Start,
    Status,
    StoredContract,
    Tombstone,
    UsedKey,
    ValueRow,
    Write,
)
from opord.values.types import Digest, Instant, RunId

__all__ = [
    "Applied",
    "ContractConflict",
    "EndedRun",
    "EventKey",
    "Exists",
    "Head",
    "InboxRow",
    "Kept",
    "KeyTaken",
    "NotStored",
    "Prune",
    "RecordRow",
    "Result",
    "RowDamaged",
    "RunFilter",
    "RunRow",
    "UsedKey",
    "Stale",
    "Start",
    "Status",
    "Store",
    "Stray",
    "StoreDamaged",
    "StoreError",
    "StoreMissing",
    "StoreRefused",
    "StoreTwoNames",
    "StoreUnavailable",
    "StoredContract",
    "Tombstone",
    "Unread",
    "ValueRow",
    "WasPruned",
    "WorkerRow",
    "Write",
]


class StoreError(Exception):
    """Base of what a store raises."""


class StoreUnavailable(StoreError):
    """The store cannot answer now (full, locked, read-only, gone); the same call may succeed later.

    `kind` is one of "full", "locked", "readonly", "io", "gone", "two_names". Nothing of the call was done, or it was
    done as a whole: calling it again shows which.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class StoreDamaged(StoreError):
    """The store's content is not what it wrote; nobody should write on."""


class RowDamaged(StoreDamaged):
    """One row is not what was written; the rows of other runs can be read and written.

    `left` is what can still be read of a run, to be shown and never to go on from; None where nobody asked for one alone.
    `after` stands for it where a listing is gone on with, for its name may be what cannot be read.
    """

    left: RunRow | None = None
    after: RunId | None = None


class Unread(NamedTuple):
    """Something kept of a run that cannot be read: the table it is in, of a record its number, and why."""

    table: str
    seq: int | None
    why: str


class Stray(NamedTuple):
    """What is kept of a run that cannot be listed: its name, as far as that is known, and what is missing."""

    run: str
    why: str


class StoreRefused(StoreError):
    """The store cannot be opened as asked: wrong place, wrong version, an unsafe setting."""


class StoreTwoNames(StoreRefused):
    """The store's file has, or may have, several names, so that those who use it would not see each other's writes."""


class StoreMissing(StoreError):
    """There is no store at a place, and none was to be made. `why` says what is there instead."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"there is no store at {place}: {why}")
        self.place, self.why = place, why


class ContractConflict(StoreError):
    """A contract with other content is stored under this name and version, and something needs it.

    `stored` and `offered` are the two digests, `needed_by` says in words what keeps the stored one from being replaced, and
    `difference` where the two differ first, if that is known.
    """

    def __init__(
        self, name: str, version: int, stored: str, offered: str, needed_by: str, difference: str = ""
    ) -> None:
        differs = f"{difference} (stored {stored[:12]}, given {offered[:12]})" if difference else ""
        differs = differs or f"stored {stored[:12]}, given {offered[:12]}"
        super().__init__(
            f"contract {name} version {version} is stored with other content, and {needed_by}: {differs}; "
            f"give the changed contract a new version, `contract {name}(…) version {version + 1}`"
        )
        self.name, self.version, self.stored, self.offered = name, version, stored, offered
        self.needed_by, self.difference = needed_by, difference


class WorkerRow(NamedTuple):
    """A worker that has been seen: the digests of the contracts it has handlers for, and until when it is alive."""

    worker: str
    contracts: tuple[str, ...]
    alive_until: Instant


class RunFilter(NamedTuple):
    """Which runs to list; None means any."""

    contract: str | None = None  # its name
    state: str | None = None
    status: Status | None = None
    outcome: str | None = None


class Store(Protocol):
    """Where runs live.

    `readers` is how many threads may call reading verbs at once beside the one that writes; 0 where all take turns.
    Whatever was durable when such a call began, it sees.
    """

    readers: int

    def identity(self) -> str:
        """Return a name that this store was given when it was made, and that copies of it share."""
        ...

    def now(self) -> Instant:
        """Return the store's clock, in microseconds since 1970 UTC. Leases and timers go by it."""

    def put_contract(self, contract: StoredContract) -> None:
        """Keep a contract's text. The same digest again is fine; of several texts with one digest the newest is kept.

        A stored contract of that name and version whose digest is among `contract.also` is the same one: from now on
        it goes by both digests. Another one is replaced if nothing needs it: no run or pruned run was started with it, and no
        live worker serves it.

        Raises:
            ContractConflict: something needs what is stored under that name and version.
        """

    def contract(self, digest: Digest) -> StoredContract | None:
        """Return the contract of that digest, in whichever form the digest is."""

    def contracts(self) -> list[StoredContract]:
        """Return all contracts, by name and version."""

    def apply(self, batch: Sequence[Start | Write], *, wait: bool = True) -> list[Result]:
        """Make every change of the batch that still fits, durably, in one transaction, and say how each went.

        The changes are independent of each other: one that does not fit leaves the others alone. A batch
        names each run at most once. When this returns, what was applied survives the loss of the process and of power.
        With `wait` false it does not wait while somebody else writes, but raises `StoreUnavailable` ("locked")
        at once.
        """

    def claim(self, worker: str, contracts: Collection[str], *, limit: int, ttl_us: int) -> list[RunRow]:
        """Take up to `limit` runs of these contracts (digests) whose `wake_at` has come, the longest due first.

        Each gets `worker`, an `epoch` one higher, and `wake_at` = now + `ttl_us`, the end of the lease. No
        two claims ever return the same run with the same epoch.
        """

    def renew(self, worker: str, held: Sequence[tuple[RunId, int]], *, ttl_us: int) -> list[RunId]:
        """Move the lease of the held (run, epoch) pairs to now + `ttl_us`; return the runs no longer held by `worker`."""

    def release(self, worker: str, held: Sequence[tuple[RunId, int]]) -> None:
        """Give the held (run, epoch) pairs back: no worker, `wake_at` = now, so that any worker may claim them."""

    def next_wake(self, contracts: Collection[str]) -> int | None:
        """Return the earliest `wake_at` of the runs of these contracts; None if there is none."""

    def any_held(self, contracts: Collection[str], *, within_us: int) -> bool:
        """Say whether a worker holds a run of these contracts by a lease that ends before now + `within_us`."""

    def load(self, run: RunId) -> RunRow | None:
        """Return a run.

        Raises:
            RowDamaged: it is not what was written; `left` is what can be read of it.
        """

    def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> list[RunRow]:
        """Return up to `limit` runs, newest start first, those after the run `after` in that order.

        The order is the one in which the store took the starts. A run that was pruned keeps its place in it as long as its
        key is kept. After a run that is not there comes nothing. `after` may be that of a `RowDamaged`.

        Raises:
            RowDamaged: one of them is not what was written; with a `limit` of 1, `left` is what can be read of it.
        """

    def counts(self) -> dict[Status, int]:
        """Return how many runs are in each status; a status that no run is in may be left out."""
        ...

    def journal(self, run: RunId, *, after: int = 0, limit: int = 1000) -> list[RecordRow]:
        """Return up to `limit` records with a `seq` above `after`, in order."""

    def inbox(self, run: RunId) -> list[InboxRow]:
        """Return the messages that wait, in order of arrival."""

    def waiting(self, run: RunId) -> int:
        """Return how many messages wait; cheap, however large they are."""

    def waiting_bytes(self, run: RunId) -> int:
        """Return how many bytes the bodies of the messages that wait have, in UTF-8."""

    def event_key(self, run: RunId, event: str, key: str) -> EventKey | None:
        """Return what an event key of this run was used for."""

    def used_key(self, run: RunId, action: str, key: str) -> UsedKey | None:
        """Return the used key of an action in this run, with its result; None if it took no effect under it."""

    def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        """Return the large values of a run that have these digests, as far as they are there; all of them where None."""
        ...

    def kept(self, run: RunId, *, unread: list[Unread] | None = None) -> Kept | None:
        """Return all that is kept of a run, as it is at one instant.

        With `unread`, what cannot be read is left out and noted there; of the run's own row comes what is left, to be shown
        and never to go on from.

        Raises:
            RowDamaged: some of it is not what was written, and there is no `unread`.
        """
        ...

    def strays(self) -> list[Stray]:
        """Return what is kept of runs that cannot be listed, for a row is missing that others need. Reads the whole store."""
        ...

    def ended(
        self, before: int, *, limit: int, contract: str | None = None, after: EndedRun | None = None
    ) -> list[EndedRun]:
        """Return up to `limit` runs that ended before an instant, those after `after`, about the oldest first.

        `contract` is the name of theirs; None means any.
        """
        ...

    def prune(self, batch: Sequence[Prune]) -> list[bool]:
        """Delete the runs of the batch that have ended and are as named, all that is kept of them, in one transaction.

        Each leaves its tombstone. The answer says of each whether this call deleted it.
        """
        ...

    def tombstone(self, run: RunId) -> Tombstone | None:
        """Return what stays of a pruned run; None if none of that name was pruned, or its key is forgotten."""
        ...

    def forget(self, *, limit: int) -> int:
        """Forget up to `limit` keys of pruned runs whose time is over, the longest over first; return how many."""
        ...

    def rewrite(self, run: RunId, change: Callable[[Kept], Kept | None]) -> Kept | None:
        """Put in the place of all that is kept of a run what `change` makes of it; return what was there.

        It is read and written in one transaction, in which nobody else writes. What is put back has the same
        records by number, kind and time; whoever holds the run is fenced off, for its epoch grows by one. `change`
        answers None to leave the run as it is. None is returned, too, for a run that is not there.
        """
        ...

    def compact(self) -> None:
        """Leave no trace of what was overwritten in the store's files, as far as nobody else reads them now."""
        ...

    def heartbeat(self, worker: str, contracts: Collection[str], *, ttl_us: int) -> None:
        """Say that `worker` is alive until now + `ttl_us` and has handlers for these contracts."""

    def release_dead(self, dead: WorkerRow, *, within_us: int) -> int:
        """Release the runs of a dead worker and forget the worker; return how many runs were released.

        Nothing happens if the worker has written a heartbeat since `dead` was read. Only leases
        that end at most `within_us` microseconds from `dead.alive_until` are released.
        """
        ...

    def workers(self) -> list[WorkerRow]:
        """Return the workers that are alive now."""

    def changes(self) -> int:
        """Return a number that differs from the last one if anybody else changed the store since; cheap."""

    def listen(self, wake: Callable[[], None]) -> Callable[[], None] | None:
        """Have `wake` called after anybody else has changed the store, from whichever thread; return what ends that.

        None: this kind of store cannot tell, and has to be looked at (`changes`).
        """
        ...

    def close(self) -> None:
        """Close it; no verb may be called afterwards."""
