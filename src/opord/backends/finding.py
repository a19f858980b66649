"""Find live runs by a field of their data, and the run that took a delivery, without a scan."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from opord.engine.process import Process
from opord.kernel.data_filter import DataIs, data_is
from opord.kernel.rows import RunRow, delivery_name, has_ended
from opord.values.types import Key, RunId


class Finder(Protocol):
    """Finds runs by paths that it was told of before."""

    async def prepare(self, path: Sequence[str]) -> None:
        """Index all runs by the values at a path, and by the deliveries that they took.

        It takes time in proportion to all runs that there are, once; it may be called again.

        Raises:
            StoreDenied (`store_refused`): this role may make no indexes.
        """
        ...

    async def live(self, contract: str, path: Sequence[str], value: str | int) -> list[RunId]:
        """Return live runs of a contract with a value at a path; more than one are some of them.

        The path leads from a field of the present state or, if it has no such field, from a
        parameter of the input. It must have been prepared.
        """
        ...

    async def delivered(self, event: str, delivery: str) -> RunId | None:
        """Return the run to which an event was sent as this delivery; None if there is none.

        Some path must have been prepared.
        """
        ...


class StoreFinder:
    """Finds runs in the store of a process. `fits` says whether a run meets a condition."""

    def __init__(self, process: Process, fits: Callable[[RunRow, Sequence[DataIs]], Awaitable[bool]]) -> None:
        self._store = process.store
        self._read = process.writer.read
        self._fits = fits

    async def prepare(self, path: Sequence[str]) -> None:
        """Index all runs; see `Finder.prepare`."""
        # Not on the thread that writes: on PostgreSQL, others write meanwhile.
        await asyncio.to_thread(self._store.finding().prepare, path)

    async def live(self, contract: str, path: Sequence[str], value: str | int) -> list[RunId]:
        """Return live runs; see `Finder.live`."""
        wanted = [data_is(".".join(path), value)]
        found = []
        for run in await self._read(self._store.finding().live, contract, path, value):
            row = await self._read(self._store.load, run)
            if row is not None and not has_ended(row.head.status) and await self._fits(row, wanted):
                found.append(run)
                if len(found) > 1:
                    break
        return found

    async def delivered(self, event: str, delivery: str) -> RunId | None:
        """Return the run that took a delivery; see `Finder.delivered`."""
        return await self._read(self._store.finding().delivered, delivery_name(event), Key(delivery))
