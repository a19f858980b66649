"""Callers that wait: for the end of a run, in any process, or for any change of the store.

One task looks for all who wait for an end, with one query. It looks when the store's bell rings,
when somebody begins to wait, and now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, get_args

from opord.engine.hearing import Hearing
from opord.engine.store_writer import StoreWriter
from opord.kernel.rows import RunRow
from opord.stores.base import RowDamaged, Store, StoreError
from opord.stores.bell import Ring
from opord.values.types import RunId

POLL_S: Final = 0.05
"""How often a store without a bell is looked at while a caller waits, in seconds."""

AT_ONCE: Final = 500
"""Maximum number of runs that one query looks at."""

LONG_LOOK_S: Final = 0.005
"""A look that takes longer, in seconds, is followed by a pause: others want the store too."""

PAUSE_TIMES: Final = 3
"""The pause after a long look is so many times as long as the look."""


class Waiters:
    """Knows which callers wait for the end of which run, and wakes them."""

    def __init__(self, store: Store, writer: StoreWriter, *, hears: bool) -> None:
        """Serve callers over a store, whose bell is heard if `hears` is true."""
        self._store = store
        self._writer = writer
        self._hears = hears
        self._waiting: dict[RunId, list[asyncio.Future[RunRow | None]]] = {}
        self._new: dict[RunId, None] = {}
        self._rung = False
        self._called = asyncio.Event()
        self._hearing = Hearing(store, "end", self._ring, hears=hears, poll_s=POLL_S)
        self._bells: list[Hearing] = []
        self._called_by_change: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None
        writer.on_end = self._look_at

    async def end_of(self, run_id: RunId) -> RunRow | None:
        """Return a run as stored once it has ended.

        The result is None if there is no such run, or it was pruned.
        """
        waiter: asyncio.Future[RunRow | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, []).append(waiter)
        self._look_at(run_id)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_on(), name="opord-waiters")
        try:
            return await waiter
        finally:
            others = [other for other in self._waiting.get(run_id, ()) if other is not waiter]
            if others:
                self._waiting[run_id] = others
            else:
                self._waiting.pop(run_id, None)
            if not self._waiting:
                self._called.set()  # nobody waits any more, so nothing has to look

    async def wait_for_change(self, seen: int | None, timeout_s: float) -> int:
        """Return the store's count of changes by others once it is not `seen`, or at the timeout.

        The store is looked at now and then, and as soon as a bell rings.
        """
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        end = loop.time() + timeout_s
        with self._hearing_changes(called):
            while True:
                called.clear()
                changes = await self._writer.short_read(self._store.changes)
                rest_s = end - loop.time()
                if changes != seen or rest_s <= 0:
                    return changes
                await _pause(called, min(rest_s, POLL_S))

    @contextmanager
    def _hearing_changes(self, called: asyncio.Event) -> Iterator[None]:
        """Let any ring set an event. The bells stay open: to close one takes a disk's time."""
        if not self._bells:
            self._bells = [
                Hearing(self._store, ring, self._call_all, hears=self._hears, poll_s=POLL_S)
                for ring in get_args(Ring)
            ]
        for hearing in self._bells:
            hearing.open()
        self._called_by_change.add(called)
        try:
            yield
        finally:
            self._called_by_change.discard(called)

    def _call_all(self) -> None:
        for called in self._called_by_change:
            called.set()

    async def stop(self) -> None:
        """Stop looking, and cancel the callers that still wait."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for hearing in (self._hearing, *self._bells):
            hearing.close()
        for waiters in self._waiting.values():
            for waiter in waiters:
                waiter.cancel()

    def _ring(self) -> None:
        self._rung = True
        self._called.set()

    def _look_at(self, run_id: RunId) -> None:
        """Look at a run soon, if somebody waits for it."""
        if run_id in self._waiting:
            self._new[run_id] = None
            self._called.set()

    def _ended(self, run_id: RunId, row: RunRow | None) -> None:
        for waiter in self._waiting.get(run_id, ()):
            if not waiter.done():
                waiter.set_result(row)

    def _failed(self, run_id: RunId, error: StoreError) -> None:
        for waiter in self._waiting.get(run_id, ()):
            if not waiter.done():
                waiter.set_exception(error)

    # --- looking ---------------------------------------------------------------------------------

    async def _look_on(self) -> None:
        """Look while somebody waits. In the writer, a store that is unavailable is waited for."""
        self._hearing.open()  # and it stays open: who waits once waits again
        try:
            await self._look_while_waited_for()
        except StoreError as error:
            for run_id in list(self._waiting):
                self._failed(run_id, error)

    async def _look_while_waited_for(self) -> None:
        loop = asyncio.get_running_loop()
        last_count, by_clock = None, True
        while self._waiting:
            self._called.clear()
            new, self._new = self._new, {}
            runs, unasked = [run for run in new if run in self._waiting], by_clock and not self._rung
            if by_clock or self._rung:
                self._rung = False
                count = await self._count()
                if count is None or count != last_count:
                    last_count, runs = count, list(self._waiting)
            began = loop.time()
            found = [
                one
                for first in range(0, len(runs), AT_ONCE)
                for one in await self._ends(runs[first : first + AT_ONCE])
            ]
            for run_id, row in found:
                self._ended(run_id, row)
            if found:
                self._hearing.found(by_looking=unasked and any(run not in new for run, _ in found))
            took = loop.time() - began
            if took > LONG_LOOK_S:
                await asyncio.sleep(PAUSE_TIMES * took)
            by_clock = not await _pause(self._called, self._hearing.pause_s())

    async def _count(self) -> int | None:
        """Return the store's count of changes by others; None if it costs as much as a look."""
        return None if self._store.writers else await self._writer.short_read(self._store.changes)

    async def _ends(self, runs: Sequence[RunId]) -> list[tuple[RunId, RunRow | None]]:
        """Return those of some runs that have ended; who waits for a damaged one is told."""
        try:
            return await self._writer.short_read(self._store.ends, runs)
        except RowDamaged as damage:
            if len(runs) == 1:
                self._failed(runs[0], damage)
                return []
            return [one for run in runs for one in await self._ends([run])]


async def _pause(called: asyncio.Event, pause_s: float) -> bool:
    """Wait for a call for up to some seconds; say whether it came."""
    try:
        async with asyncio.timeout(pause_s):
            await called.wait()
    except TimeoutError:
        return False
    return True
