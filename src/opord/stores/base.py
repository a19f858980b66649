"""The promise of a store: a short list of verbs, each with what is atomic about it.

A store keeps rows and does not know what contracts mean. All instants are integers, microseconds
since 1970 UTC by the store's own clock. All verbs are plain blocking calls; the engine runs them on
its store thread. Every verb happens as a whole, or raises and changes nothing. If an error leaves
it open whether it happened, the verb may be called again with the same arguments.

Three numbers guard a run: its `epoch` grows with every claim, its `seq` with every record, its
`arrivals` with every message put into its inbox. A writer names the numbers that it has seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Result, Stale, WasPruned
from opord.kernel.rows import (
    DueNeed,
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
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.stores.bell import Bell, Ring
from opord.stores.errors import (
    ContractConflict,
    RowDamaged,
    StoreDamaged,
    StoreDenied,
    StoreError,
    StoreMissing,
    StoreMisused,
    StoreMoved,
    StoreOtherServer,
    StoreRefused,
    StoreTwoNames,
    StoreUnavailable,
    StoreUnsupported,
    check_system,
)
from opord.stores.filters import RunFilter
from opord.stores.finding import Finding
from opord.stores.outbox import Outbox
from opord.stores.permits import Permits
from opord.stores.seen import KeptFor, LiveVersion, Move, Progress, Stray, Tally, UnreadRow, WorkerRow
from opord.values.types import Digest, Duration, Instant, Key, RunId

__all__ = [
    "Applied",
    "Claimed",
    "ContractConflict",
    "DUE_READ",
    "KEPT_READ",
    "EndedRun",
    "EventKey",
    "Exists",
    "Head",
    "InboxRow",
    "Kept",
    "KeptFor",
    "LiveVersion",
    "KeyTaken",
    "Move",
    "NotStored",
    "Outbox",
    "Permits",
    "Progress",
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
    "StoreTransaction",
    "StoreUnsupported",
    "check_system",
    "Stray",
    "Tally",
    "StoreDamaged",
    "StoreDenied",
    "StoreError",
    "StoreMissing",
    "StoreMisused",
    "StoreRefused",
    "StoreTwoNames",
    "StoreMoved",
    "StoreOtherServer",
    "StoreUnavailable",
    "StoredContract",
    "Tombstone",
    "UnreadRow",
    "ValueRow",
    "WasPruned",
    "WorkerRow",
    "Write",
]


DUE_READ: Final = 1000
"""Number of runs of a contract, label and priority that `due_needs` and `resting` read."""

KEPT_READ: Final = 1000
"""Number of runs with waiting messages that `kept_for` reads."""


class Claimed(list[RunRow]):
    """The runs that a claim has taken.

    `before` counts the runs that a worker still held under a lease that had ended, by worker.
    """

    def __init__(self, rows: Iterable[RunRow] = (), before: Iterable[str | None] = ()) -> None:
        """Hold the rows; `before` has the worker of each, None if nobody held it."""
        super().__init__(rows)
        self.before: Counter[str] = Counter(worker for worker in before if worker is not None)


class StoreTransaction(Protocol):
    """An open transaction, in which a program writes its own tables and the store its changes.

    It is ended by `commit` or `roll_back`. Where writes take turns, no other begins before that.
    """

    @property
    def connection(self) -> Any:
        """What the program writes through; `opord.TransactionCall` says what it is."""
        ...

    @property
    def view(self) -> Store:
        """The store as it is within the transaction: its verbs read what was written in it."""
        ...

    @property
    def arrivals(self) -> int:
        """How many messages had come for the run that moves here when the transaction began.

        It is 0 without such a run.
        """
        ...

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Apply every change that still fits, and return each result; see `Store.apply`.

        They become durable with the transaction.
        """
        ...

    def commit(self) -> None:
        """Make durable all that was written.

        Raises:
            StoreUnavailable: it is open whether it is durable.
            StoreError: the database refused it, for example by a constraint that is deferred to
                the end. Nothing was written.
        """
        ...

    def roll_back(self, *, in_use: bool = False) -> None:
        """Undo all that was written.

        With `in_use`, the program may still use the connection, and is interrupted. This may be
        called by any thread, again, and after the end.
        """
        ...

    def in_the_way(self, error: BaseException) -> str:
        """Say what was in the way if a program's error is not its own fault; else empty.

        After another transaction, a full disk or a lost connection, the same again may succeed.
        """
        ...


class Store(Protocol):
    """A place where runs live.

    `readers` is how many threads may call reading verbs at once beside the writer; 0 if all calls
    take turns. A reading call sees all that was durable when it began.

    `writers` is how many threads may write at once, each a batch of other runs. The other verbs may
    then be called beside them, on as many threads as there are readers. It is 0 if writes take
    turns. Then a write takes as long as a disk and not as a network, so that a quick one may be
    made on the thread of an event loop.
    """

    readers: int
    writers: int

    @property
    def permits(self) -> Permits:
        """The permits of limits."""
        ...

    @property
    def outbox(self) -> Outbox:
        """The messages to other programs."""
        ...

    def finding(self) -> Finding:
        """Return what finds live runs by their data."""
        ...

    def identity(self) -> str:
        """Return the name that this store got when it was made. Copies of the store share it."""
        ...

    def now(self) -> Instant:
        """Return the store's clock, in microseconds since 1970 UTC. Leases and timers use it."""

    def put_contract(self, contract: StoredContract) -> None:
        """Keep a contract's text.

        Repeating a digest is fine; of several texts with one digest, the newest is kept.

        A stored contract of that name and version is the same one if its digest is among
        `contract.also`: from now on it has both digests. Another one is replaced if it is not
        needed: no run or pruned run was started with it, and no live worker serves it.

        Raises:
            ContractConflict: the stored contract of that name and version is still needed.
        """

    def contract(self, digest: Digest) -> StoredContract | None:
        """Return the contract of that digest, of any form of digest."""

    def contracts(self) -> list[StoredContract]:
        """Return all contracts, by name and version."""

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        """Apply every change of the batch that still fits, durably, in one transaction.

        Return each result.

        In a head, `needs` agrees with the status: it has `stalled` or `collision` if the run is
        stalled, and only then.

        The changes are independent: one that does not fit does not affect the others. A batch names
        each run at most once. When this returns, the applied changes survive the loss of the
        process and of power.
        """

    def transaction(self, held: tuple[RunId, int, int] | None = None) -> StoreTransaction | None:
        """Begin a transaction for a program.

        `held` is a run that it will move, with the epoch and the sequence number that it has. Until
        the end nobody else moves it. The result is None if the run has others now.
        """
        ...

    def join(self, connection: Any, wait_for: Callable[[Awaitable[Any]], Any]) -> Store:
        """Return the store as it is within the open transaction of a program's own connection.

        What is written becomes durable with that transaction. `wait_for` waits for an awaitable of
        the program's event loop, from another thread.

        Raises:
            TypeError: the store takes no such connection.
            StoreRefused: it is no connection to this store, or no transaction is open on it.
        """
        ...

    def at_once(self) -> AbstractContextManager[None]:
        """In this block, verbs on this thread raise `StoreUnavailable` instead of a long wait."""

    def claim(
        self,
        worker: str,
        contracts: Collection[str],
        *,
        limit: int,
        ttl_us: Duration,
        labels: Labels = UNLABELLED,
    ) -> Claimed:
        """Take up to `limit` due runs of these contracts (digests) that have one of these labels.

        Runs of the highest priority come first, and among them the longest due. The cost depends on
        how many contracts, labels and priorities there are, not on how many runs wait.

        A run is due if its `wake_at` has come. Each gets `worker`, an `epoch` one higher, and
        `wake_at` = now + `ttl_us`, the end of the lease. No two claims ever return the same run
        with the same epoch.
        """

    def renew(self, worker: str, claims: Sequence[tuple[RunId, int]], *, ttl_us: Duration) -> list[RunId]:
        """Move the leases of the held (run, epoch) pairs to now + `ttl_us`.

        Return the runs no longer held by `worker`.
        """

    def release(self, worker: str, claims: Sequence[tuple[RunId, int]]) -> None:
        """Give the held (run, epoch) pairs back: no worker, `wake_at` = now.

        Any worker may then claim them.
        """

    def next_wake(self, contracts: Collection[str], *, labels: Labels = UNLABELLED) -> Instant | None:
        """Return the earliest `wake_at` of the runs of these contracts and labels.

        The result is None if no run has one.
        """

    def any_held(
        self, contracts: Collection[str], *, within_us: Duration, labels: Labels = UNLABELLED
    ) -> bool:
        """Say whether a worker holds a run of these contracts and labels by a lease that ends soon.

        Soon means before now + `within_us`.
        """

    def load(self, run: RunId) -> RunRow | None:
        """Return a run; None if there is no such run.

        Raises:
            RowDamaged: its row is not what was written; `left` is what can be read of it.
        """

    def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> list[RunRow]:
        """Return up to `limit` runs, newest start first, beginning after the run `after`.

        What `where.needs` asks is decided by the rows, the store's clock and its workers that are
        alive; `kernel.needs` says how.

        The order is that in which the store took the starts. A pruned run keeps its place as long
        as its key is kept. If there is no run `after`, the list is empty. `after` may be that of a
        `RowDamaged`.

        Raises:
            RowDamaged: a row is not what was written; with a `limit` of 1, `left` is what can be
                read of it.
        """

    def due_needs(self, reason: DueNeed, *, limit: int) -> list[RunRow]:
        """Return up to `limit` runs that are overdue or unserved, the longest due first.

        A look costs the same, however many runs are due: it reads the `DUE_READ` runs of each
        contract, label and priority that have been due the longest.
        """
        ...

    def resting(self, *, limit: int) -> list[RunRow]:
        """Return up to `limit` runs that rest between two attempts of a call, the next due first.

        Such a run is `waiting`, no worker holds it, and its `head.body` has a value at
        `pending.tries` or at `pending.intent`. A look costs the same, however many runs wait: it
        reads the `DUE_READ` runs of each contract, label and priority that have the earliest
        `wake_at`.
        """
        ...

    def kept_for(self, *, before: Instant, limit: int) -> list[KeptFor]:
        """Return up to `limit` runs whose first waiting message arrived before an instant.

        The run that was started first comes first. A look costs the same, however many messages
        wait and however large they are: of the runs with messages it reads the `KEPT_READ` that
        were started first, and of each the arrival of its first message.
        """
        ...

    def unserved_versions(self) -> list[LiveVersion]:
        """Return the versions and labels of runs that have not ended and that no live worker takes.

        It reads an index entry for each run of these versions.
        """
        ...

    def counts(self) -> dict[Status, int]:
        """Return how many runs are in each status. A status without runs may be left out."""
        ...

    def tally(self) -> Tally:
        """Count the runs of each contract by status, and by the needs that are on record.

        It reads an index entry for each ended run, and the head of each other one.
        """
        ...

    def ends(self, runs: Sequence[RunId]) -> list[tuple[RunId, RunRow | None]]:
        """Return those of these runs that have ended, and None for those that do not exist.

        Raises:
            RowDamaged: a row is not what was written.
        """

    def progress(self, runs: Sequence[RunId]) -> list[Progress]:
        """Return where these runs are, those that exist. Cheap, however large they are."""
        ...

    def moves(self, since: Instant, *, limit: int) -> list[Move]:
        """Return the records of all runs that were written since an instant, oldest first.

        If there are more than `limit`, only the newest of them are returned. A record is stamped
        before it is durable, so one may come to light after others with a later instant.
        """
        ...

    def journal(self, run: RunId, *, after: int = 0, limit: int = 1000) -> list[RecordRow]:
        """Return up to `limit` records with a `seq` above `after`, in order."""

    def inbox(self, run: RunId) -> list[InboxRow]:
        """Return the messages that wait, in order of arrival."""

    def waiting(self, run: RunId) -> int:
        """Return the number of messages that wait. Cheap, however large they are."""

    def waiting_bytes(self, run: RunId) -> int:
        """Return the total size, in bytes of UTF-8, of the bodies of the messages that wait."""

    def event_key(self, run: RunId, event: str, key: Key) -> EventKey | None:
        """Return the record of an event key of this run; None if the key was not used."""

    def used_key(self, run: RunId, action: str, key: Key) -> UsedKey | None:
        """Return the used key of an action in this run, with its result.

        The result is None if no action took effect under it.
        """

    def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        """Return the large values of a run with these digests, those that exist.

        If `digests` is None, return all of them.
        """
        ...

    def kept(self, run: RunId, *, unread: list[UnreadRow] | None = None) -> Kept | None:
        """Return all that is stored of a run at one instant; None if there is no such run.

        With `unread`, rows that cannot be read are left out and listed there. A damaged row of the
        run itself is returned with what is left of it; it may be shown, but never carried on from.

        Raises:
            RowDamaged: a row is not what was written, and there is no `unread`.
        """
        ...

    def strays(self) -> list[Stray]:
        """Return what is stored of runs that cannot be listed because a row is missing.

        Reads the whole store.
        """
        ...

    def ended(
        self, before: Instant, *, limit: int, contract: str | None = None, after: EndedRun | None = None
    ) -> list[EndedRun]:
        """Return up to `limit` runs that ended before an instant, roughly oldest first.

        A run with an open alarm, which a person still has to look at, is left out, and so is one
        of which a message waits in the outbox. The list begins after `after`. `contract` is the
        name of their contract; None means any.
        """
        ...

    def prune(self, batch: Sequence[Prune]) -> list[bool]:
        """Delete the runs of the batch that have ended and have not changed, in one transaction.

        A run that needs somebody stays, and so does one of which a message waits in the outbox.

        All their rows are deleted, and each leaves its tombstone. The answer says for each run
        whether this call deleted it.
        """
        ...

    def tombstone(self, run: RunId) -> Tombstone | None:
        """Return what is left of a pruned run.

        The result is None if no run of that name was pruned, or its key was forgotten.
        """
        ...

    def forget(self, *, limit: int) -> int:
        """Forget up to `limit` keys of pruned runs whose time is over, the longest over first.

        Return the number.
        """
        ...

    def rewrite(self, run: RunId, change: Callable[[Kept], Kept | None]) -> Kept | None:
        """Replace all that is stored of a run by what `change` returns.

        Return what was there before.

        Reading and writing happen in one transaction without other writers. The new rows have the
        same records by number, kind and time. The epoch grows by one, so a worker that holds the
        run loses it. If `change` returns None, the run stays as it is. For a run that does not
        exist the result is None.
        """
        ...

    def compact(self) -> None:
        """Remove all traces of overwritten data from the store's files.

        Parts that another process is reading may stay.
        """
        ...

    def heartbeat(
        self,
        worker: str,
        contracts: Collection[str],
        *,
        ttl_us: Duration,
        trouble: str = "",
        calls: str = "",
        labels: Labels = UNLABELLED,
    ) -> None:
        """Record that `worker` is alive until now + `ttl_us` and serves these contracts and labels.

        `trouble` and `calls` are kept as given, until its next heartbeat; see `WorkerRow`.
        """

    def release_dead(self, dead: WorkerRow, *, within_us: Duration) -> int:
        """Release the runs of a dead worker and forget the worker.

        Return the number of released runs.

        Nothing happens if the worker has written a heartbeat since `dead` was read. Only leases
        that end at most `within_us` microseconds from `dead.alive_until` are released.
        """
        ...

    def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        """Return the workers that are alive now.

        With `gone`, also those that no longer are; they are kept for some days.
        """
        ...

    def changes(self) -> int:
        """Return a number that changes whenever another handle changes the store. Cheap."""

    def bell(self, ring: Ring) -> Bell | None:
        """Return a bell that rings after another handle has made work, or has ended a run.

        It may ring for this handle's own writes too. None means that no rings can be heard here.
        """
        ...

    def close(self) -> None:
        """Close the store. No verb may be called afterwards."""
