"""Watch the event loop from another thread, and name what holds it.

While a handler or a callback computes or blocks on the loop, no lease is renewed and no other run
moves. The loop moves a mark now and then. If the mark stands still for too long, the thread looks
where the loop's thread is. While nothing blocks, this costs a callback and a wake-up a second.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from types import FrameType
from typing import Final

from opord.drive.frames import located

log: logging.Logger = logging.getLogger("opord.worker")

SHORTEST_S: Final = 0.25
"""Shortest time for which the loop may be held unnamed, in seconds, however short the lease is."""

PARTS: Final = 4
"""How often the mark is moved within that time."""

PLACES_MOST: Final = 1000
"""Maximum number of places that are remembered as named."""

_LOOP: Final = ("asyncio.events", "asyncio.base_events", "asyncio.runners")
"""The modules of the event loop itself: their frames enclose every callback."""


class LoopWatch:
    """Names the places that hold the running event loop longer than `limit_s`, each once."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s: float = max(limit_s, SHORTEST_S)
        self._pause_s = self.limit_s / PARTS
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._marked_at = time.monotonic()
        self._named: set[str] = set()
        self._ended = threading.Event()
        self._timer = self._loop.call_later(self._pause_s, self._mark)
        threading.Thread(target=self._watch, name="opord-watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._ended.set()
        self._timer.cancel()

    def _mark(self) -> None:
        self._marked_at = time.monotonic()
        self._timer = self._loop.call_later(self._pause_s, self._mark)

    def _watch(self) -> None:
        slept_from, used = time.monotonic(), time.process_time()
        while not self._ended.wait(self._pause_s):
            now, used_now = time.monotonic(), time.process_time()
            overslept = now - slept_from - self._pause_s
            # If this thread could not run either, and nothing was computed, the whole process had
            # been stopped. If something was, it held the interpreter.
            stopped = overslept > self._pause_s and used_now - used < overslept / 2
            held_s = now - self._marked_at - self._pause_s
            if held_s >= self.limit_s and not stopped and self._loop.is_running():
                self._name(held_s)
            elif stopped:
                self._marked_at = now
            slept_from, used = time.monotonic(), time.process_time()

    def _name(self, held_s: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        place = None if frame is None else _place(frame)
        if place is None or place in self._named or len(self._named) >= PLACES_MOST:
            return
        self._named.add(place)
        log.warning(
            "the event loop has been held for %.1f s at %s. Until it is free, no lease is renewed and no run moves. "
            "Wait with `await`, or make the handler a plain `def`, which runs in a thread",
            held_s,
            place,
        )


def _place(frame: FrameType) -> str | None:
    """Return the innermost place of the user's own code in this turn; else of an installed package.

    None if the loop waits, or if Opord or Python alone is at work.
    """
    installed: FrameType | None = None
    one: FrameType | None = frame
    while one is not None and one.f_globals.get("__name__") not in _LOOP:
        file = one.f_code.co_filename
        if located(file, None).own:
            return _shown(one)
        if installed is None and "site-packages" in file:
            installed = one
        one = one.f_back
    return None if installed is None else _shown(installed)


def _shown(frame: FrameType) -> str:
    code = frame.f_code
    return f"{located(code.co_filename, None).file}:{frame.f_lineno} in {code.co_qualname}"
