"""Virtual time: an event loop that never sleeps, on which hours pass in microseconds.

Everything must run on the one thread of the loop (no executors). When nothing is left to do before
the next timer, the clock jumps to it.
"""

from __future__ import annotations

import asyncio
import math
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from opord.engine.environment import Environment

T = TypeVar("T")

START_US = 1_772_000_000_000_000
"""The start of virtual clocks: an ordinary day in 2026."""


class Stuck(Exception):
    """Everything waits, and no timer is left that could end the wait."""


class VirtualClock:
    """A clock that moves only when it is advanced, in microseconds since 1970 UTC."""

    def __init__(self, start_us: int = START_US) -> None:
        self._start = start_us
        self.now_us: int = start_us

    def now(self) -> int:
        """Return the instant."""
        return self.now_us

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return (self.now_us - self._start) / 1e6

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_us += max(0, math.ceil(seconds * 1_000_000))


class _JumpingSelector(selectors.SelectSelector):
    """Lets time pass instead of waiting."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Stuck("every task waits, and no timer is left that could wake one")
        if not ready and timeout:
            self._clock.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop under a virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_JumpingSelector(clock))
        self._virtual_clock = clock
        # A tick of the clock. After years a float loses a billionth of a second, and timers would
        # never be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return the virtual clock's monotonic time, in seconds."""
        return self._virtual_clock.monotonic()


def run_virtually(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)


def virtual_environment(clock: VirtualClock, *, seed: int = 0, worker: str = "w1") -> Environment:
    """Return an environment for an engine under a virtual clock.

    It has one thread, seeded randomness, and the given worker's name.
    """
    return Environment(
        now=clock.now,
        monotonic=clock.monotonic,
        random=random.Random(seed),
        worker=worker,
        store_thread=None,
        threads=None,
        own_threads=False,
        watch_loop=False,
        watch_needs=False,
        hears=False,
    )
