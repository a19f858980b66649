"""The protocol between a runtime and the code that carries runs: clocks, rows, wake-ups.

A host is an engine over a store, an activity of a cluster, or a simulation. This room and the
kernel decide what happens to a run. A host reads, writes and wakes; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Coroutine, Sequence
from typing import Any, Protocol

from opord.drive.hooks import Point
from opord.drive.observing import Observer
from opord.kernel.answers import Result
from opord.kernel.large import ValueCache
from opord.kernel.limits import Limit, Permit, Wait
from opord.kernel.open_needs import OpenNeed
from opord.kernel.program import Program
from opord.kernel.rows import (
    EventKey,
    InboxRow,
    RecordRow,
    RunRow,
    Start,
    Tombstone,
    UsedKey,
    ValueRow,
    Write,
)
from opord.kernel.run import Run
from opord.values.types import Digest, Duration, Instant, Key, RunId


class Host(Protocol):
    """What is needed to act on runs. Instants are microseconds since 1970 UTC."""

    @property
    def name(self) -> str:
        """The name of this process in leases and journals."""
        ...

    # --- time, randomness, names ------------------------------------------------------------------

    def now(self) -> Instant:
        """Return the time by the store's clock. Leases and timers use this clock."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of a clock that never jumps."""
        ...

    def random(self) -> float:
        """Return a random number from [0, 1), evenly distributed."""
        ...

    def new_id(self) -> str:
        """Return a unique id. Ids sort by the time they were made."""
        ...

    def hook(self, point: Point, run: RunId, /) -> None:
        """Report that a run has reached a crash point. In production nothing listens."""
        ...

    # --- contracts --------------------------------------------------------------------------------

    def own(self, program: Program) -> Program:
        """Return a program as this host runs it, with its secrets protected.

        Raises:
            EngineError: it has secrets, and there is no key.
        """
        ...

    def program(self, contract: Digest) -> Awaitable[Program]:
        """Return the program of a contract by its digest.

        Raises:
            EngineError: there is no such contract, or it cannot be read here.
        """
        ...

    def contract_names(self) -> Awaitable[Collection[str]]:
        """Return the names of the stored contracts, as of some moment of this process."""
        ...

    # --- rows -------------------------------------------------------------------------------------

    def apply(self, change: Start | Write, /) -> Awaitable[Result]:
        """Apply a change if the run is still as the change expects.

        The answer comes when the change is durable or refused.
        """
        ...

    def load(self, run: RunId) -> Awaitable[RunRow | None]:
        """Return a run as it is now."""
        ...

    def left_of(self, run: RunId) -> Awaitable[RunRow | None]:
        """Return what can be read of a run whose row is damaged; None if it is not damaged."""
        ...

    def tombstone(self, run: RunId) -> Awaitable[Tombstone | None]:
        """Return what is left of a pruned run; None if there is no tombstone."""
        ...

    def records(self, run: RunId, *, after: int, limit: int) -> Awaitable[list[RecordRow]]:
        """Return up to `limit` records of a run with a `seq` above `after`, in order."""
        ...

    def inbox(self, run: RunId) -> Awaitable[list[InboxRow]]:
        """Return the messages that wait for a run, in order of arrival."""
        ...

    def waiting(self, run: RunId) -> Awaitable[int]:
        """Return the number of messages that wait for a run."""
        ...

    def waiting_bytes(self, run: RunId) -> Awaitable[int]:
        """Return the total size, in bytes, of the messages that wait for a run."""
        ...

    def event_key(self, run: RunId, event: str, key: Key) -> Awaitable[EventKey | None]:
        """Return the record of an event key of a run; None if the key was not used."""
        ...

    def used_key(self, run: RunId, action: str, key: Key) -> Awaitable[UsedKey | None]:
        """Return the used key of an action in a run, with its result.

        The result is None if no action took effect under it.
        """
        ...

    def values(self, run: RunId, digests: Collection[str]) -> Awaitable[list[ValueRow]]:
        """Return the large values of a run that have these digests."""
        ...

    @property
    def cache(self) -> ValueCache:
        """The large values that were fetched before."""
        ...

    def need_opened(self, need: OpenNeed) -> None:
        """Note that a run needs a person, once what opened the need is durable."""
        ...

    # --- carrying runs in this process ------------------------------------------------------------

    def lease_at_birth(self, contract: str, label: str) -> Duration | None:
        """Return the first lease of a new run of a contract with a label, in microseconds.

        The result is None if this host does not take such runs.
        """
        ...

    def launch(self, run: Run) -> None:
        """Start to carry a durable run that this host holds."""
        ...

    def drop(self, run: RunId, epoch: int) -> None:
        """Cancel a flight of this host whose run was moved from outside to that epoch.

        A flight of a later epoch has claimed the run since, and goes on.
        """
        ...

    def nudge(self) -> None:
        """Make a worker look now for runs that can go on."""
        ...

    def due(self, instant: Instant | None) -> None:
        """Note that a run becomes due at an instant."""
        ...


class Undone(Exception):
    """A transaction may not have become durable; the run shows whether it did.

    `why` says what was in the way. As a rule, the same call may succeed later. But if
    `refused` is set, the database refused to commit what the handler of `call` wrote, with this
    error, and the same call may fail again.
    """

    why: str
    refused: Exception | None
    call: str = ""

    def __init__(self, why: str, refused: Exception | None = None) -> None:
        super().__init__(why)
        self.why, self.refused = why, refused


class Transaction(Protocol):
    """An open transaction of the database in which the runs live.

    Nobody else moves its run meanwhile. It is ended by `commit` or by `roll_back`.
    """

    @property
    def connection(self) -> Any:
        """What a handler writes through."""
        ...

    @property
    def arrivals(self) -> int:
        """How many messages had come for the run when the transaction began."""
        ...

    def in_the_way(self, error: BaseException, /) -> str:
        """Say what was in the way if a handler failed for no reason of its own; else empty.

        That is another transaction, a full disk, or a connection that was lost.
        """
        ...

    async def commit(self, change: Write, /) -> Result:
        """Apply a change, and make it durable together with what was written before.

        If the change does not fit, nothing is written.

        Raises:
            Undone: nothing was written, or nobody knows; `read` the run to see which.
        """
        ...

    async def roll_back(self, *, in_use: bool = False) -> None:
        """Undo what was written. With `in_use`, a handler may still write, and is interrupted.

        It does no harm to call it again, or after `commit`.
        """
        ...


class Limits(Protocol):
    """The limits that a carrier keeps to: permits to make calls, and to carry runs."""

    def of(self, contract: str, call: str, /) -> Limit | None:
        """Return the limit of a call of a contract, or of the contract if `call` is empty."""
        ...

    def admitted(self, run: RunId, epoch: int, /) -> Sequence[Permit]:
        """Return the permits with which a run was admitted, once."""
        ...

    def take(self, permit: Permit, /) -> Awaitable[bool]:
        """Take a permit, and say whether it was given; if not, the run has to wait in its queue."""
        ...

    def give_back(self, permit: Permit, /, *, used: bool) -> None:
        """Give a permit back, soon. `used` is true if what it was for may have begun."""
        ...

    def call_ended(self, permit: Permit, call: str, run: RunId, /) -> None:
        """Give the permit of a call back that has ended, or was given up and then has ended."""
        ...

    def enqueue(self, wait: Wait, /) -> Awaitable[None]:
        """Put a run into a queue. Its holder gives it back next, and then says `nudge`."""
        ...


class Carrier(Host, Protocol):
    """A host that also carries runs; adds what a flight needs.

    `lease_us` is the length of a lease in microseconds. `draining` is true while the host is about
    to stop: it must begin nothing new.
    """

    @property
    def lease_us(self) -> Duration: ...

    @property
    def draining(self) -> bool: ...

    @property
    def limits(self) -> Limits | None:
        """The limits; None if there are none."""
        ...

    @property
    def observer(self) -> Observer | None:
        """Who measures what happens here; None if nobody does."""
        ...

    def renew(self, run: RunId, epoch: int) -> Awaitable[bool]:
        """Renew the lease of a run.

        Return False if this host no longer holds it with that epoch.
        """
        ...

    def transaction(self, run: Run) -> Awaitable[Transaction | None]:
        """Begin a transaction in which a held run moves on.

        The result is None if the run is not as this host knows it: read it again. It waits while
        the store cannot answer.
        """
        ...

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that no caller awaits.

        The host waits for it for a limited time when it stops.
        """
        ...
