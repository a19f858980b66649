"""The times in which a store does not answer, and the lines in the log for them.

Many calls may wait for the store at once. An outage begins with the first that has to wait, and is
over when none of them waits any more. It gets one line for each kind of error, and one at its end.
"""

from __future__ import annotations

import logging
import time

from opord.stores.base import StoreMoved, StoreOtherServer, StoreUnavailable

log: logging.Logger = logging.getLogger("opord.store")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0

SHORT_OUTAGE_S = 1.0
"""How long an outage may last before it is said, in seconds, unless a call has failed often."""

SAY_AGAIN_S = 60.0
"""How often it is said that the store does not answer, in seconds."""

_CONDITIONS = {
    "io": "failing",
    "readonly": "read-only",
    "two_names": "not safe to write",
    "other_server": "on another server",
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

    def begin(self) -> Wait:
        """Begin to wait for the store with one call."""
        if not self._waiting:
            self._began, self._answered = time.perf_counter(), False
        self._waiting += 1
        return Wait(self)

    def _failed(self, error: StoreUnavailable, pause: float) -> None:
        """Say that the store does not answer, if that was not just said."""
        now = time.perf_counter()
        short = pause < 4 * FIRST_PAUSE_S and now - self._began <= SHORT_OUTAGE_S
        if short or (error.kind in self._said and now < self._say_at):
            return
        log.warning(
            "the store is %s: %s; %s, trying again in %.1f s",
            _CONDITIONS.get(error.kind, error.kind),
            error,
            "nothing more is written"
            if isinstance(error, StoreMoved | StoreOtherServer)
            else "nothing is lost",
            pause,
        )
        self._said.add(error.kind)
        self._say_at = now + SAY_AGAIN_S

    def _ended(self, *, answered: bool) -> None:
        self._waiting -= 1
        self._answered |= answered
        if self._waiting or not self._said or not self._answered:
            return
        log.warning("the store answers again")
        self._said.clear()


class Wait:
    """One call that waits for the store, with pauses that grow."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage
        self._pause = FIRST_PAUSE_S
        self._answered = False

    def failed(self, error: StoreUnavailable) -> float:
        """Note that the call has failed once more; return how long to pause, in seconds."""
        pause = self._pause
        self._outage._failed(error, pause)
        self._pause = min(2 * pause, LONGEST_PAUSE_S)
        return pause

    def answered(self) -> None:
        """Note that the store has answered the call."""
        self._answered = True

    def end(self) -> None:
        """End the wait, also of a call that was given up."""
        self._outage._ended(answered=self._answered)
