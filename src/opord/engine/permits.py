"""The permits of this process: what it holds, asks for and gives back, many in one write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence

from opord.drive.held_calls import HeldCalls
from opord.engine.store_writer import StoreWriter
from opord.kernel.limits import Admitted, Limit, Permit, Returned, Wait
from opord.stores.base import Store
from opord.story.counting import counted
from opord.values.types import Duration, Instant, RunId

log: logging.Logger = logging.getLogger("opord.worker")

MOST: int = 500
"""How many permits are asked for in one write."""


class StorePermits:
    """Keeps to the limits that are in the store, for the worker `name`: those that are `known`.

    The limits are read at the start and then with each heartbeat, so that a change is known to all
    workers within a third of a lease.
    """

    def __init__(self, store: Store, writer: StoreWriter, name: str, held: HeldCalls) -> None:
        self._store = store
        self._writer = writer
        self._name = name
        self._held_calls = held
        self.known: dict[tuple[str, str], Limit] = {}
        self._held: set[str] = set()
        self._returned: list[Returned] = []
        self._wanted: list[tuple[Permit, asyncio.Future[bool]]] = []
        self._admitted: dict[tuple[RunId, int], tuple[Permit, ...]] = {}
        self._pump: asyncio.Task[None] | None = None

    @property
    def any(self) -> bool:
        """Say whether there is any limit."""
        return bool(self.known)

    async def keep(self, limits: Sequence[Limit], contracts: Collection[str]) -> None:
        """Put limits into the store, and say what that changes.

        Those that the store has of these contracts besides hold on: another worker needs them.
        """
        await self.read()
        changed = []
        for one in limits:
            before = self.of(one.contract, one.call)
            if before is not None and before.replace(id=0) == one:
                continue
            changed.append(one)
            if before is None:
                log.info("the limit %s is new: %s", one.name, one)
            else:
                log.warning("the limit %s is now %s for all workers; it was %s", one.name, one, before)
        self._tell_of_others(limits, contracts)
        if changed:
            await self._writer.call(self._store.permits.put_limits, changed)
            await self.read()

    def _tell_of_others(self, limits: Sequence[Limit], contracts: Collection[str]) -> None:
        names = {one.name for one in limits}
        for one in self.known.values():
            if one.contract in contracts and one.name not in names:
                log.info(
                    "the limit %s (%s) is in the store and not in the settings of this worker; it holds here too, "
                    "and `opord limits drop %s` forgets it",
                    one.name, one, one.name,
                )  # fmt: skip

    async def read(self) -> None:
        """Read the limits anew."""
        limits = await self._writer.read(self._store.permits.limits)
        self.known = {(one.contract, one.call): one for one in limits}

    async def sweep(self) -> None:
        """Take back the permits of workers that have died."""
        if self.known:
            freed = await self._writer.call(self._store.permits.sweep, self._name, [*self._held])
            if freed:
                log.info("took back %s that nobody uses any more", counted(freed, "permit"))

    # --- for those who carry runs ----------------------------------------------------------------

    def of(self, contract: str, call: str, /) -> Limit | None:
        """Return the limit of a call of a contract, or of the contract if `call` is empty."""
        return self.known.get((contract, call))

    def admitted(self, run: RunId, epoch: int, /) -> Sequence[Permit]:
        """Return the permits with which a run was admitted, once."""
        return self._admitted.pop((run, epoch), ())

    async def take(self, permit: Permit, /) -> bool:
        """Take a permit, and say whether it was given; if not, the run has to wait in its queue."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._held.add(permit.id)
        self._wanted.append((permit, future))
        self._exchange_soon()
        try:
            given = await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: self._abandoned(permit, done))
            raise
        if not given:
            self._held.discard(permit.id)
        return given

    def _abandoned(self, permit: Permit, done: asyncio.Future[bool]) -> None:
        if not done.cancelled() and done.exception() is None:
            self.give_back(permit, used=False)

    def give_back(self, permit: Permit, /, *, used: bool) -> None:
        """Give a permit back, soon. `used` is true if what it was for may have begun."""
        self._returned.append(Returned(permit, used))
        self._exchange_soon()

    def call_ended(self, permit: Permit, call: str, run: RunId, /) -> None:
        """Give the permit of a call back that has ended, or was given up and then has ended."""
        left = self._held_calls.last_left(call, run)
        if left is None:
            self.give_back(permit, used=True)
        else:
            left.then.append(lambda: self.give_back(permit, used=True))

    async def enqueue(self, wait: Wait, /) -> None:
        """Put a run into a queue. Its holder gives it back next, and then says `nudge`."""
        await self._writer.call(self._store.permits.enqueue, wait)

    # --- for the worker --------------------------------------------------------------------------

    async def admit(
        self, contracts: Collection[str], labels: Collection[str], *, limit: int, ttl_us: Duration
    ) -> Admitted:
        """Claim runs out of the queues. Their permits are handed to their flights."""
        found = await self._writer.call(
            self._store.permits.admit, self._name, contracts, labels, limit=limit, ttl_us=ttl_us
        )
        for row, permits in found.runs:
            self._held |= {one.id for one in permits}
            self._admitted[row.run, row.epoch] = permits
        return found

    async def next_admission(self, contracts: Collection[str], labels: Collection[str]) -> Instant | None:
        """Return from when on `admit` may find a run."""
        return await self._writer.read(self._store.permits.next_admission, contracts, labels)

    async def any_waits(self, contracts: Collection[str], labels: Collection[str]) -> bool:
        """Say whether a run of these contracts and labels waits for a permit."""
        return await self._writer.read(self._store.permits.any_waits, contracts, labels)

    def refuse(self, run: RunId, epoch: int) -> None:
        """Give the permits of an admitted run back that is not carried."""
        for permit in self.admitted(run, epoch):
            self.give_back(permit, used=False)

    # --- the exchange ----------------------------------------------------------------------------

    def _exchange_soon(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._exchange(), name="opord-permits")

    async def _exchange(self) -> None:
        """Give back and ask for what has come together, until nothing is left."""
        await asyncio.sleep(0)  # all runs that are moving now have joined
        while self._returned or self._wanted:
            returned, self._returned = self._returned, []
            wanted, self._wanted = self._wanted[:MOST], self._wanted[MOST:]
            try:
                given = await self._writer.call(
                    self._store.permits.exchange, self._name, returned, [(one,) for one, _ in wanted]
                )
            except Exception as error:
                given = []
                if not wanted:
                    log.exception("permits could not be given back; they are free in a minute")
                for _, future in wanted:
                    if not future.done():
                        future.set_exception(error)
            finally:
                # What the store did not take back is not known here any more, and swept later.
                self._held -= {one.permit.id for one in returned}
            for (_, future), was_given in zip(wanted, given, strict=False):
                if not future.done():
                    future.set_result(was_given)

    async def part(self) -> None:
        """Give back what is left, before the process ends."""
        if self._returned or self._wanted:
            self._exchange_soon()
        if self._pump is not None:
            await asyncio.gather(self._pump, return_exceptions=True)
