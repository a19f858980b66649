"""Callers that wait: for the end of a run, in any process, or for any change of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from opord.engine.loops import call_in
from opord.engine.store_writer import StoreWriter
from opord.kernel.rows import Head, has_ended
from opord.stores.base import Store, StoreError
from opord.values.types import RunId

POLL_S = 0.05
"""How often a store that cannot notify is polled for changes while a caller waits, in seconds."""

LONGEST_WAIT_S = 5.0
"""Longest time between two checks for ended runs when no change was reported, in seconds."""


class Waiters:
    """Knows which callers wait for the end of which run, and wakes them."""

    def __init__(self, store: Store, writer: StoreWriter) -> None:
        self._store = store
        self._writer = writer
        self._waiting: dict[RunId, list[asyncio.Future[Head | None]]] = {}
        self._polling: asyncio.Task[None] | None = None
        writer.on_end = self._ended

    async def end_of(self, run_id: RunId) -> Head | None:
        """Return the head of a run once it has ended.

        The result is None if there is no such run, or it was pruned.
        """
        waiter: asyncio.Future[Head | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, []).append(waiter)
        try:
            row = await self._writer.read(self._store.load, run_id)
            if row is None:
                return None
            if has_ended(row.head.status):
                return row.head
            if self._polling is None or self._polling.done():
                self._polling = asyncio.get_running_loop().create_task(self._poll(), name="opord-waiters")
            return await waiter
        finally:
            others = [other for other in self._waiting.get(run_id, ()) if other is not waiter]
            if others:
                self._waiting[run_id] = others
            else:
                self._waiting.pop(run_id, None)

    async def wait_for_change(self, seen: int | None, timeout_s: float) -> int:
        """Return the store's count of changes by others once it is not `seen`, or at the timeout.

        The store is looked at every `POLL_S`, and as soon as it notifies.
        """
        return await self._change(seen, timeout_s, lambda: True)

    async def _change(self, last_count: int | None, timeout_s: float, condition: Callable[[], bool]) -> int:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        called = asyncio.Event()
        stop = self._store.listen(lambda: call_in(loop, called.set))
        try:
            while True:
                called.clear()
                changes = await self._writer.call(self._store.changes)
                rest_s = end - loop.time()
                if changes != last_count or rest_s <= 0 or not condition():
                    return changes
                await _pause(called, min(rest_s, POLL_S))
        finally:
            if stop is not None:
                stop()

    async def stop(self) -> None:
        """Stop polling, and cancel the callers that still wait."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        for waiters in self._waiting.values():
            for waiter in waiters:
                waiter.cancel()

    def _ended(self, run_id: RunId, head: Head | None) -> None:
        for waiter in self._waiting.get(run_id, ()):
            if not waiter.done():
                waiter.set_result(head)

    async def _poll(self) -> None:
        try:
            await self._poll_while_waited_for()
        except StoreError as error:
            # A store that is only unavailable is waited for in the store writer; this error is
            # final.
            for waiters in self._waiting.values():
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_exception(error)

    async def _poll_while_waited_for(self) -> None:
        last_count: int | None = None
        while self._waiting:
            changes = await self._change(last_count, LONGEST_WAIT_S, lambda: bool(self._waiting))
            if changes != last_count:
                last_count = changes
                for run_id, head in await self._writer.read(self._ends, list(self._waiting)):
                    self._ended(run_id, head)
                # Changes close together need one check: callers learn of them soon, and the store
                # is not flooded.
                await asyncio.sleep(POLL_S)

    def _ends(self, run_ids: list[RunId]) -> list[tuple[RunId, Head | None]]:
        """Return the runs that have ended, each with its head.

        The head is None for a run that was pruned since.
        """
        rows = ((run_id, self._store.load(run_id)) for run_id in run_ids)
        return [
            (run_id, row.head if row is not None else None)
            for run_id, row in rows
            if row is None or has_ended(row.head.status)
        ]


async def _pause(called: asyncio.Event, pause_s: float) -> None:
    try:
        async with asyncio.timeout(pause_s):
            await called.wait()
    except TimeoutError:
        pass
