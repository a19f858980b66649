"""The times in which a store does not answer, and the lines in the log for them.

Many calls may wait for the store at once. An outage begins with the first that has to wait, and is
over when none of them waits any more. It gets one line for each kind of error, and one at its end.
A store behind a network may also be silent: it neither answers nor fails. That gets a line, too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from opord.stores.base import StoreDenied, StoreUnavailable

log: logging.Logger = logging.getLogger("opord.store")

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0

SHORT_OUTAGE_S = 1.0
"""An outage is logged when it has lasted this long, in seconds, or when a call has failed often."""

SILENT_S = 2.0
"""A store behind a network is logged as silent when it has answered no call for so many seconds."""

NOTED_S = 0.3
"""An outage that was not logged before its end is logged then if it lasted so long, in seconds."""

SAY_AGAIN_S = 60.0
"""How often the log says that the store does not answer, in seconds."""

_CONDITIONS = {
    "io": "failing",
    "readonly": "read-only",
    "two_names": "not safe to write",
    "denied": "not open to this role",
    "other_server": "not the one on record",
}
"""The words in the log for a store that cannot answer, where its kind is not such a word."""


class Outage:
    """Whether a store does not answer now, as all calls of one engine see it."""

    def __init__(self) -> None:
        self._waiting = 0
        self._began = 0.0
        self._answered = False
        self._said: set[str] = set()
        self._say_at = 0.0
        self._last: StoreUnavailable | StoreDenied | None = None
        self._unheard: dict[Asked, None] = {}
        self._heard_at = 0.0
        self._look: asyncio.TimerHandle | None = None

    @property
    def error(self) -> StoreUnavailable | StoreDenied | None:
        """What the store said last to a call that still waits for it; None if none waits."""
        return self._last if self._waiting else None

    def begin(self) -> Wait:
        """Begin to wait for the store with one call."""
        if not self._waiting:
            self._began, self._answered, self._last = time.perf_counter(), False, None
        self._waiting += 1
        return Wait(self)

    def _failed(self, error: StoreUnavailable | StoreDenied, pause: float) -> None:
        """Say that the store does not answer, if that was not just said."""
        now = time.perf_counter()
        self._last = error
        short = pause < 4 * FIRST_PAUSE_S and now - self._began <= SHORT_OUTAGE_S
        # An error that only a person can mend is logged even if another one was logged before.
        what = f"{error.kind}, lasting" if error.lasting else error.kind
        if short or (what in self._said and now < self._say_at):
            return
        log.warning(
            "the store is %s: %s; %s, trying again in %.1f s",
            _CONDITIONS.get(error.kind, error.kind),
            error,
            "nothing more is written" if error.kind in ("gone", "other_server") else "nothing is lost",
            pause,
        )
        self._said.add(what)
        self._say_at = now + SAY_AGAIN_S

    def _ended(self, *, answered: bool) -> None:
        self._waiting -= 1
        self._answered |= answered
        if self._waiting or not self._answered:
            return
        lasted_s = time.perf_counter() - self._began
        if self._said:
            self._is_over()
        elif lasted_s >= NOTED_S:
            log.warning("the store did not answer for %.1f s (%s); it answers again", lasted_s, self._last)

    def _is_over(self) -> None:
        log.warning("the store answers again")
        self._said.clear()

    # --- silence ---------------------------------------------------------------------------------

    def ask(self) -> Asked:
        """Begin a call of a store behind a network. Needs a running event loop."""
        if not self._unheard:
            self._heard_at = time.perf_counter()
        asked = Asked(self)
        self._unheard[asked] = None
        self._look = self._look or asyncio.get_running_loop().call_later(SILENT_S, self._look_now)
        return asked

    def _look_now(self) -> None:
        """Say that the store answers none of the calls, if it is so for some time."""
        self._look = None
        if not self._unheard:
            return
        silent_s = time.perf_counter() - self._heard_at
        if silent_s < SILENT_S:
            again_s = SILENT_S - silent_s
        else:
            again_s = SAY_AGAIN_S
            if not self._said or "silent" in self._said:
                log.warning(
                    "the store has not answered for %.0f s; nothing is lost, its callers wait", silent_s
                )
                self._said.add("silent")
        self._look = asyncio.get_running_loop().call_later(again_s, self._look_now)

    def _heard(self) -> None:
        """Note that a call was answered."""
        if "silent" in self._said and not self._waiting:
            self._is_over()
            if self._look is not None:
                self._look.cancel()
                self._look = None


class Asked:
    """A call of a store behind a network, from its beginning to its answer."""

    __slots__ = ("_outage",)

    def __init__(self, outage: Outage) -> None:
        self._outage = outage

    def make(self, verb: Callable[[], T]) -> T:
        """Make the call, on any thread, and note when its answer comes.

        The event loop may learn of the answer later, if a handler holds it.
        """
        try:
            answer = verb()
        except (StoreUnavailable, StoreDenied):
            raise
        except Exception:
            self._is_heard()
            raise
        self._is_heard()
        return answer

    def end(self, *, answered: bool) -> None:
        """End the call, also one that was given up."""
        self._outage._unheard.pop(self, None)
        if answered:
            self._outage._heard()

    def _is_heard(self) -> None:
        self._outage._heard_at = time.perf_counter()
        self._outage._unheard.pop(self, None)


class Wait:
    """One call that waits for the store, with pauses that grow."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage
        self._pause = FIRST_PAUSE_S

    def failed(self, error: StoreUnavailable | StoreDenied) -> float:
        """Note that the call has failed once more; return how long to pause, in seconds."""
        pause = self._pause
        self._outage._failed(error, pause)
        self._pause = min(2 * pause, LONGEST_PAUSE_S)
        return pause

    def end(self, *, answered: bool) -> None:
        """End the wait, also of a call that was given up."""
        self._outage._ended(answered=answered)
