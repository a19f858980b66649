"""The threads that calls hold, and the calls that were given up and still run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from opord.kernel.calls_under_way import CallUnderWay
from opord.story.counting import counted
from opord.values.types import RunId

log: logging.Logger = logging.getLogger("opord.worker")

AGAIN_S: Final = 60.0
"""Pause between two log lines that say that no thread is free, in seconds."""


@dataclass(eq=False)
class CallLeft:
    """A call that was given up and still runs: in a task of its own, or on a thread.

    What is in `then` is called once it has ended.
    """

    name: str
    since_s: float
    task: asyncio.Task[Any] | None = field(default=None, repr=False)
    then: list[Callable[[], None]] = field(default_factory=list, repr=False)


class HeldCalls:
    """Lends threads to the calls of a worker, and knows which of its calls were given up.

    `under_way` are the calls of effects that are made now, by their runs.
    """

    def __init__(self, most_threads: int, monotonic: Callable[[], float]) -> None:
        self.most_threads = most_threads
        self.left: dict[CallLeft, None] = {}
        self.under_way: dict[RunId, CallUnderWay] = {}
        self.waiting: int = 0
        self._monotonic = monotonic
        self._slots = asyncio.Semaphore(most_threads)
        self._said_at: float | None = None

    async def thread(self, call: str, run: RunId | None) -> bool:
        """Wait for a free thread, take it, and return whether that took time.

        `thread_is_free` gives it back.
        """
        if not self._slots.locked():
            await self._slots.acquire()
            return False
        self.waiting += 1
        try:
            log.debug("%s waits for a thread", _name(call, run))
            self.say_if_full()
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        return True

    def thread_is_free(self) -> None:
        """Give a thread back."""
        self._slots.release()

    def say_if_full(self) -> None:
        """Say that calls wait for a thread: at once, and then once a minute."""
        now = self._monotonic()
        if self.shortage is None:
            self._said_at = None
        elif self._said_at is None or now - self._said_at >= AGAIN_S:
            self._said_at = now
            log.warning("%s", self.shortage)

    @property
    def shortage(self) -> str | None:
        """Why calls wait for a thread, in words; None if none waits."""
        if not self.waiting:
            return None
        on_threads = [call.name for call in self.left if call.task is None]
        names = ", ".join(on_threads[:3]) + (", …" if len(on_threads) > 3 else "")
        waiting = f"{counted(self.waiting, 'call')} {'waits' if self.waiting == 1 else 'wait'} for a thread"
        return (
            f"{counted(self.most_threads, 'thread')} {'is' if self.most_threads == 1 else 'are'} held, {len(on_threads)} by calls given up"
            f"{f' ({names})' if names else ''}; {waiting}"
        )

    def give_up(self, call: str, run: RunId | None, now_s: float) -> CallLeft:
        """Note that a call was given up and still runs."""
        call_left = CallLeft(_name(call, run), now_s)
        self.left[call_left] = None
        return call_left

    def last_left(self, call: str, run: RunId | None) -> CallLeft | None:
        """Return the call of a run that was given up last, if it still runs."""
        name = _name(call, run)
        return next((one for one in reversed(self.left) if one.name == name), None)

    def ended(self, call: CallLeft, now_s: float) -> None:
        """Note that a call that was given up has ended."""
        for one in call.then:
            one()
        if self.left.pop(call, call) is None:
            log.info("%s ended %.1f s after it was given up", call.name, now_s - call.since_s)

    async def wait_for_tasks(self, seconds: float) -> None:
        """Let calls that were given up end their tasks, for up to some seconds."""
        tasks = [call.task for call in self.left if call.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


def _name(call: str, run: RunId | None) -> str:
    return call if run is None else f"{call} of {run}"
