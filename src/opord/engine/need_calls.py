"""Call a program's `on_need`, once for each need, beside the work of the engine.

A callback may be slow, hang or fail. So the needs go into a queue, and one task calls it for one
need after the other. The engine never waits for it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

from opord.drive.logged import about_need
from opord.engine.told import ToldNeeds
from opord.kernel.open_needs import OpenNeed

log: logging.Logger = logging.getLogger("opord.needs")

OnNeed: TypeAlias = Callable[[OpenNeed], object]
"""A program's callback. It is plain, or returns an awaitable."""

CALL_LIMIT_S: Final = 60.0
"""How long the callback may take for one need before the next one has its turn, in seconds."""

QUEUED_MOST: Final = 10_000
"""Maximum number of needs that wait for the callback. Beyond it the oldest is dropped and logged.
"""

THREADS: Final = 4
"""Number of threads for a plain callback: calls that hang hold theirs."""


class NeedCalls:
    """Hands needs over to a program."""

    def __init__(self, on_need: OnNeed, *, threads: bool = True) -> None:
        """`threads` says whether a plain callback gets a thread; else it is called in place."""
        self._on_need = on_need
        self._threads = threads and not _is_async(on_need)
        self._pool: ThreadPoolExecutor | None = None
        self._queue: deque[OpenNeed] = deque()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._told = ToldNeeds()

    def put(self, need: OpenNeed) -> None:
        """Have the callback called with a need, unless this process has done so before."""
        if not self._told.is_new(need):
            return
        self._queue.append(need)
        if len(self._queue) > QUEUED_MOST:
            dropped = self._queue.popleft()
            log.error(
                "on_need is too slow; Opord skips it for the need of %s",
                dropped.run,
                extra=about_need(dropped),
            )
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work(), name="opord-needs")

    async def stop(self, seconds: float) -> None:
        """Call it for the needs that still wait, for up to some seconds."""
        task = self._task
        if task is not None and not task.done():
            await asyncio.wait([task], timeout=seconds)
            if not task.done():
                log.warning("on_need has not ended; Opord skips it for %d more needs", len(self._queue))
                self._stopping = True
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        while self._queue:
            need = self._queue.popleft()
            limit = asyncio.timeout(CALL_LIMIT_S)
            try:
                async with limit:
                    await self._call(need)
            except BaseException as error:  # it must not end the loop, whatever it raises
                if isinstance(error, asyncio.CancelledError) and self._stopping:
                    raise
                self._tell_failure(need, error, took_too_long=limit.expired())

    @staticmethod
    def _tell_failure(need: OpenNeed, error: BaseException, *, took_too_long: bool) -> None:
        if took_too_long:
            log.error(
                "on_need took longer than %g s with the need of %s",
                CALL_LIMIT_S,
                need.run,
                extra=about_need(need),
            )
        else:
            log.error(
                "on_need failed with the need of %s (%s)",
                need.run, need.reason, exc_info=error, extra=about_need(need),
            )  # fmt: skip

    async def _call(self, need: OpenNeed) -> None:
        answer: Any
        if self._threads:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="opord-need")
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._on_need, need)
        else:
            answer = self._on_need(need)
        if inspect.isawaitable(answer):
            await answer


def _is_async(on_need: OnNeed) -> bool:
    return inspect.iscoroutinefunction(on_need) or inspect.iscoroutinefunction(
        getattr(on_need, "__call__", None)  # noqa: B004 - an object whose method is a coroutine function
    )
