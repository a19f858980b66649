"""Turns: what concerns one run is done one after the other, what concerns others beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Locks by name, in the order in which they were asked for; a name that nobody waits for is forgotten."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Have the turn of a name."""
        lock, waiting = self._locks.get(name, (None, 0))
        lock = lock or asyncio.Lock()
        self._locks[name] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, left = self._locks[name]
            if left == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, left - 1)

    def __len__(self) -> int:
        return len(self._locks)
