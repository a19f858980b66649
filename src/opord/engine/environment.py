"""What an engine runs in, besides its store: clocks, randomness, a worker's name and threads.

All of it is passed in, so that a simulation can run the whole engine on one thread under its own clock.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

from opord.values.ids import uuid7


def worker_name() -> str:
    """Return a name for this worker that no other has: host, process, and some randomness for restarts."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


def wall_clock() -> int:
    """Return the wall clock, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


@dataclass
class Environment:
    """The surroundings of an engine; the defaults are those of this process.

    `now` is the wall clock in microseconds, `monotonic` a clock in seconds that never jumps. `random`
    spreads retries. `worker` names this process in leases and journals. `store_thread` runs the store's
    verbs one at a time, None runs them in place; `threads` runs handlers that are no coroutines, at most
    `max_threads` at once, None likewise in place. `poll_s` is how long a worker sleeps at the most, in seconds,
    before it asks the store what is due, if nobody in this process wakes it.
    """

    now: Callable[[], int] = wall_clock
    monotonic: Callable[[], float] = time.monotonic
    random: random.Random = field(default_factory=random.SystemRandom)
    worker: str = field(default_factory=worker_name)
    store_thread: Executor | None = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="opord-store")
    )
    max_threads: int = 256
    threads: Executor | None = None
    own_threads: bool = True
    poll_s: float = 0.05

    def handler_threads(self) -> Executor | None:
        """Return the pool for handlers that are no coroutines, made at first use."""
        if self.threads is None and self.own_threads:
            self.threads = ThreadPoolExecutor(self.max_threads, thread_name_prefix="opord-handler")
        return self.threads

    def message_id(self) -> str:
        """Return a name for a message, unique and in order of time."""
        return uuid7(self.now(), self.random.getrandbits(74))
