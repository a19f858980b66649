"""What a server does beside the requests, until it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Jobs:
    """The jobs under way in this process, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.stops: bool = False
        """True once the server is about to stop: a job looks at it, and ends where it can."""

    def begin(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        """Begin a job."""
        self._tasks[name] = task = asyncio.create_task(job, name=f"opord-{name}")
        task.add_done_callback(lambda done: self._end(name, done))

    async def wait(self, name: str, timeout_s: float) -> None:
        """Return once a job has ended, or after the time."""
        if (task := self._tasks.get(name)) is not None:
            await asyncio.wait({task}, timeout=timeout_s)

    def stop(self) -> None:
        """Tell all jobs that the server is about to stop."""
        self.stops = True

    async def end(self, within_s: float) -> None:
        """Return once no job is under way; those that are after the time are cancelled."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(set(self._tasks.values()), timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _end(self, name: str, done: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is done:
            del self._tasks[name]
