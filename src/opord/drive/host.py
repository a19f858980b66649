"""What a runtime lends to those who carry a run on or act upon it: time, chance, the rows of a run, and who is told.

A host is an engine over a store, an activity of a cluster, or a simulation. All that decides what happens to a run
stands in this room and in the kernel; a host reads, writes and wakes, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Coroutine
from typing import Any, Protocol

from opord.drive.hooks import Point
from opord.kernel.answers import Result
from opord.kernel.large import ValueCache
from opord.kernel.program import Program
from opord.kernel.rows import EventKey, InboxRow, RunRow, Start, Tombstone, UsedKey, ValueRow, Write
from opord.kernel.run import Run
from opord.values.types import Digest, Instant, RunId


class Host(Protocol):
    """Lends what is needed to act upon runs. Instants are microseconds since 1970 UTC."""

    @property
    def name(self) -> str:
        """The name of this process, in leases and journals."""
        ...

    # --- time, chance, names -------------------------------------------------------------------------

    def now(self) -> Instant:
        """Return the time by the clock of those who keep the rows; leases and timers go by it."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of a clock that never jumps."""
        ...

    def random(self) -> float:
        """Draw a number evenly from [0, 1)."""
        ...

    def new_id(self) -> str:
        """Return a name that nothing else has, in order of time."""
        ...

    def hook(self, point: Point, run: RunId, /) -> None:
        """Say that a run has come to a named point; in production nobody listens."""
        ...

    # --- contracts -----------------------------------------------------------------------------------

    def own(self, program: Program) -> Program:
        """Return a program as this host runs it, its secrets protected.

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

    # --- rows ----------------------------------------------------------------------------------------

    def apply(self, change: Start | Write, /) -> Awaitable[Result]:
        """Make a change if the run is still as the change says; the answer comes when it is durable, or refused."""
        ...

    def load(self, run: RunId) -> Awaitable[RunRow | None]:
        """Return a run as it is now."""
        ...

    def tombstone(self, run: RunId) -> Awaitable[Tombstone | None]:
        """Return what stays of a run that was pruned."""
        ...

    def inbox(self, run: RunId) -> Awaitable[list[InboxRow]]:
        """Return the messages that wait for a run, in order of arrival."""
        ...

    def waiting(self, run: RunId) -> Awaitable[int]:
        """Return how many messages wait for a run."""
        ...

    def waiting_bytes(self, run: RunId) -> Awaitable[int]:
        """Return how many bytes the messages that wait for a run have."""
        ...

    def event_key(self, run: RunId, event: str, key: str) -> Awaitable[EventKey | None]:
        """Return what an event key of a run was used for."""
        ...

    def used_key(self, run: RunId, action: str, key: str) -> Awaitable[UsedKey | None]:
        """Return the used key of an action in a run, with its result; None if it took no effect under it."""
        ...

    def values(self, run: RunId, digests: Collection[str]) -> Awaitable[list[ValueRow]]:
        """Return the large values of a run that have these digests."""
        ...

    @property
    def cache(self) -> ValueCache:
        """The large values that were fetched before."""
        ...

    # --- who carries runs on here --------------------------------------------------------------------

    def lease_at_birth(self, contract: str) -> int | None:
        """Return how long this host may hold a new run of a contract at first, in microseconds; None if it takes none."""
        ...

    def launch(self, run: Run) -> None:
        """Carry a run on that is in this host's hands and durable."""
        ...

    def drop(self, run: RunId) -> None:
        """Break off a flight of this host whose run was moved from outside."""
        ...

    def nudge(self) -> None:
        """Let somebody look at once for runs that can go on."""
        ...

    def due(self, instant: int | None) -> None:
        """Say that a run becomes due at an instant."""
        ...


class Carrier(Host, Protocol):
    """A host that also carries runs on: what a flight needs besides.

    `lease_us` is how long a lease lasts, in microseconds. `draining`: nothing new is to be begun, since the host is about
    to stop.
    """

    @property
    def lease_us(self) -> int: ...

    @property
    def draining(self) -> bool: ...

    def renew(self, run: RunId, epoch: int) -> Awaitable[bool]:
        """Begin the lease of a run anew; false if this host does not hold it by that epoch any more."""
        ...

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that nobody waits for; stopping waits for it a while."""
        ...
