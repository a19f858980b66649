"""The engine as a host: runs live in a store, and all writes go through the store writer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar

from opord.drive import hooks
from opord.drive.observing import Observer
from opord.engine.environment import Environment
from opord.engine.need_calls import NeedCalls
from opord.engine.permits import StorePermits
from opord.engine.programs import Programs
from opord.engine.told import ToldNeeds
from opord.engine.transactions import OpenTransaction
from opord.kernel.large import ValueCache
from opord.kernel.open_needs import OpenNeed
from opord.kernel.program import Program
from opord.kernel.rows import EventKey, InboxRow, RecordRow, RunRow, Tombstone, UsedKey, ValueRow
from opord.kernel.run import Run
from opord.stores.base import Result, RowDamaged, Start, Store, Write
from opord.values.types import NO_TIME, Digest, Duration, Instant, Key, RunId

P = ParamSpec("P")
T = TypeVar("T")


class Hands(Protocol):
    """The worker of this process, as far as the host needs it."""

    def takes(self, contract: str, label: str) -> bool:
        """Say whether this process takes a run of this contract and label, and has room for it."""
        ...

    def launch(self, run: Run) -> None:
        """Carry a run that this process holds."""
        ...

    def drop(self, run_id: RunId, epoch: int | None = None) -> None:
        """Cancel a flight, of no later epoch, whose run another process has moved."""
        ...

    def nudge(self) -> None:
        """Look now for runs that can go on."""
        ...

    def due(self, instant: Instant | None) -> None:
        """Note that a run becomes due at an instant."""
        ...

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that no caller awaits."""
        ...


class Writer(Protocol):
    """What a host writes and reads through: the store writer, or one in a transaction."""

    def apply(self, change: Start | Write) -> asyncio.Future[Result]:
        """Write a change; the future is done when it is durable or refused."""
        ...

    def call(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call another verb of the store."""
        ...

    def read(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call a verb that only reads."""
        ...

    def short_read(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call a verb that only reads a few rows."""
        ...

    def transaction(self, held: tuple[RunId, int, int]) -> Awaitable[OpenTransaction | None]:
        """Begin a transaction; see `Store.transaction`."""
        ...


class StoreHost:
    """Implements `drive.host` for a process over a store.

    If the process carries runs, its worker sets `hands`, `permits`, `lease_us` and `draining`.
    `needs` is set if the program wants to know what runs need, `observer` if it measures.
    """

    hands: Hands | None = None
    needs: NeedCalls | None = None
    observer: Observer | None = None
    permits: StorePermits | None = None
    lease_us: Duration = NO_TIME
    draining: bool = False

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        programs: Programs,
        environment: Environment,
        hook: hooks.Hook = hooks.nothing,
    ) -> None:
        self.store = store
        self.writer: Writer = writer
        self.programs = programs
        self.environment = environment
        self.name: str = environment.worker
        # Bound functions without another call in between: each is called several times in a step.
        self.now: Callable[[], Instant] = store.now
        self.monotonic: Callable[[], float] = environment.monotonic
        self.random: Callable[[], float] = environment.random.random
        self.new_id: Callable[[], str] = environment.message_id
        self.apply: Callable[[Start | Write], asyncio.Future[Result]] = writer.apply
        self.cache: ValueCache = ValueCache()
        self.hook = hook
        self.told: ToldNeeds = ToldNeeds()
        self._contract_names: frozenset[str] | None = None

    # --- contracts -------------------------------------------------------------------------------

    def own(self, program: Program) -> Program:
        """Return a program as this process runs it, with its secrets protected."""
        return self.programs.own(program)

    async def program(self, contract: Digest) -> Program:
        """Return the program of a contract by its digest."""
        program = self.programs.compiled(contract)
        if program is not None:
            return program
        return await self.writer.call(self.programs.load, self.store, contract)

    async def contract_names(self) -> Collection[str]:
        """Return the names of the stored contracts, as of the first call."""
        if self._contract_names is None:
            stored = await self.writer.call(self.store.contracts)
            self._contract_names = frozenset(one.name for one in stored)
        return self._contract_names

    # --- rows ------------------------------------------------------------------------------------

    def load(self, run: RunId) -> Awaitable[RunRow | None]:
        """Return a run as it is now."""
        return self.writer.short_read(self.store.load, run)

    async def left_of(self, run: RunId) -> RunRow | None:
        """Return what can be read of a run whose row is damaged; None if it is not damaged."""
        try:
            await self.writer.call(self.store.load, run)
        except RowDamaged as damage:
            return damage.readable
        return None

    def tombstone(self, run: RunId) -> Awaitable[Tombstone | None]:
        """Return what is left of a pruned run; None if there is no tombstone."""
        return self.writer.call(self.store.tombstone, run)

    def records(self, run: RunId, *, after: int, limit: int) -> Awaitable[list[RecordRow]]:
        """Return some records of a run, in order."""
        return self.writer.call(self.store.journal, run, after=after, limit=limit)

    def inbox(self, run: RunId) -> Awaitable[list[InboxRow]]:
        """Return the messages that wait for a run, in order of arrival."""
        return self.writer.call(self.store.inbox, run)

    def waiting(self, run: RunId) -> Awaitable[int]:
        """Return the number of messages that wait for a run."""
        return self.writer.short_read(self.store.waiting, run)

    def waiting_bytes(self, run: RunId) -> Awaitable[int]:
        """Return the total size, in bytes, of the messages that wait for a run."""
        return self.writer.short_read(self.store.waiting_bytes, run)

    def event_key(self, run: RunId, event: str, key: Key) -> Awaitable[EventKey | None]:
        """Return the record of an event key of a run; None if the key was not used."""
        return self.writer.short_read(self.store.event_key, run, event, key)

    def used_key(self, run: RunId, action: str, key: Key) -> Awaitable[UsedKey | None]:
        """Return the used key of an action in a run, with its result.

        The result is None if no action took effect under it.
        """
        return self.writer.short_read(self.store.used_key, run, action, key)

    def values(self, run: RunId, digests: Collection[str]) -> Awaitable[list[ValueRow]]:
        """Return the large values of a run that have these digests."""
        return self.writer.call(self.store.values, run, digests)

    async def renew(self, run: RunId, epoch: int) -> bool:
        """Renew the lease of a run.

        Return False if this process no longer holds it with that epoch.
        """
        claims = [(run, epoch)]
        return not await self.writer.call(self.store.renew, self.name, claims, ttl_us=self.lease_us)

    async def transaction(self, run: Run) -> OpenTransaction | None:
        """Begin a transaction in which a held run moves on; None if the run is not as read."""
        return await self.writer.transaction((run.id, run.epoch, run.seq))

    def need_opened(self, need: OpenNeed) -> None:
        """Tell the program that a run needs a person, and remember that this process tells it."""
        self.told.is_new(need)
        if self.needs is not None:
            self.needs.put(need)

    # --- carrying runs in this process ------------------------------------------------------------

    @property
    def limits(self) -> StorePermits | None:
        """The limits; None if there are none."""
        permits = self.permits
        return permits if permits is not None and permits.known else None

    def lease_at_birth(self, contract: str, label: str) -> Duration | None:
        """Return the first lease of a new run of a contract with a label, in microseconds.

        The result is None if this process does not take such runs.
        """
        return self.lease_us if self.hands is not None and self.hands.takes(contract, label) else None

    def launch(self, run: Run) -> None:
        """Carry a run that this process holds."""
        self._hands.launch(run)

    def drop(self, run: RunId, epoch: int) -> None:
        """Cancel a flight, of no later epoch, whose run was moved from outside."""
        if self.hands is not None:
            self.hands.drop(run, epoch)

    def nudge(self) -> None:
        """Make the worker, if there is one, look now for runs that can go on."""
        if self.hands is not None:
            self.hands.nudge()

    def due(self, instant: Instant | None) -> None:
        """Tell the worker, if there is one, that a run becomes due at an instant."""
        if self.hands is not None:
            self.hands.due(instant)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the worker run a task that no caller awaits."""
        self._hands.in_background(work)

    @property
    def _hands(self) -> Hands:
        if self.hands is None:
            raise RuntimeError("this process has no worker")
        return self.hands
