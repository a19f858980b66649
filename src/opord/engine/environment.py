"""The environment of an engine: clocks, randomness, a worker's name and threads.

All of it is passed in, so that a simulation can run the whole engine on one thread with its own
clock.
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
    """Return a unique name for this worker: host, process id, and a random part for restarts."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


def machine_of(worker: str) -> str:
    """Return the host in a name of `worker_name`; another name gives an empty text."""
    host, _, rest = worker.partition(":")
    return host if rest.count(":") == 1 else ""


def wall_clock() -> int:
    """Return the wall clock in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


@dataclass
class Environment:
    """The environment of an engine. The defaults are those of this process.

    - `now` is the wall clock in microseconds; `monotonic` is a clock in seconds that never jumps.
    - `random` spreads retries.
    - `worker` names this process in leases and journals.
    - `store_thread` runs the store's verbs one at a time; None runs them in place.
    - `threads` runs handlers that are not coroutines, at most `max_threads` at once; None runs them
      in place.
    - `watch_loop` names what holds the event loop; see `loop_watch`.
    - `watch_needs` says whether a worker looks for needs each minute; see `need_watch`.
    - `hears` says whether the bell of the store is heard; see `hearing`.
    - `poll_s` is how often a worker looks at a store without a bell, in seconds.
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
    hears: bool = True
    poll_s: float = 0.05
    watch_loop: bool = True
    watch_needs: bool = True

    def handler_threads(self) -> Executor | None:
        """Return the thread pool for handlers that are not coroutines; it is made at first use."""
        if self.threads is None and self.own_threads:
            self.threads = ThreadPoolExecutor(self.max_threads, thread_name_prefix="opord-handler")
        return self.threads

    def message_id(self) -> str:
        """Return a unique id for a message. Ids sort by the time they were made."""
        return uuid7(self.now(), self.random.getrandbits(74))
