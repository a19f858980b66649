"""An event loop that runs only on request. Time passes only when nothing is left to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from opord.testing.clock import VirtualClock

Stop: TypeAlias = Literal["done", "late"]
"""Why the loop stopped: the awaited condition holds, or the instant has come."""


class _AskingSelector(selectors.SelectSelector):
    """Asks what to do instead of waiting."""

    def __init__(self, ask: Callable[[float | None], None]) -> None:
        super().__init__()
        self._ask = ask

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self._ask(timeout)
        return ready


class _SteppedLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock, ask: Callable[[float | None], None]) -> None:
        super().__init__(_AskingSelector(ask))
        self._virtual_clock = clock
        # A tick of the clock. After years a float loses a billionth of a second, and timers would
        # never be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return the virtual clock's monotonic time, in seconds."""
        return self._virtual_clock.monotonic()


class Stepper:
    """Runs tasks under a virtual clock, a stretch at a time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.loop: _SteppedLoop = _SteppedLoop(clock, self._nothing_left)
        # A crash leaves tasks behind whose errors nobody awaits.
        self.loop.set_exception_handler(_leave)
        self._done: Callable[[], bool] = lambda: True
        self._until: Callable[[], int] = lambda: 0
        self._stop: Stop = "done"

    def run(self, done: Callable[[], bool], *, until: Callable[[], int]) -> Stop:
        """Let everything go on until `done` holds and nothing is left to do, or until an instant.

        `until` returns that instant, in microseconds; it is called each time before time passes.
        """
        self._done, self._until = done, until
        self.loop.run_forever()
        return self._stop

    def end_tasks(self) -> None:
        """Cancel every task, as the end of a process would; no time passes."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.run(lambda: all(task.done() for task in tasks), until=self._clock.now)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()

    def close(self) -> None:
        """Close the loop."""
        self.end_tasks()
        self.loop.close()

    def _nothing_left(self, timeout: float | None) -> None:
        """Stop, or let time pass until the next timer: nothing is left to do now."""
        if self._done():
            self._end("done")
            return
        until = self._until()
        if timeout is None or self._clock.now_us + timeout * 1e6 > until:
            self._clock.now_us = max(self._clock.now_us, until)
            self._end("late")
        else:
            self._clock.advance(timeout)

    def _end(self, why: Stop) -> None:
        self._stop = why
        self.loop.stop()


def _leave(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore errors of tasks that a simulated crash left behind."""
