"""Decide whether the store is so quick now that the event loop may call it in place.

To hand a call to a thread and back costs more than most calls take, as both sides want the
interpreter's lock. But a slow disk or another process must not block the event loop.
"""

from __future__ import annotations

from typing import Final

SHORT_S: Final = 0.005
"""A store is quick if its calls take at most this time on average, in seconds.

A short sync of a disk takes about as long.
"""

A_CHANGE_S: Final = 0.000_1
"""How much longer a batch may take for each change, in seconds."""

LOOK_AGAIN: Final = 50
"""Number of calls on a thread before a slow store is tried in place again."""


class Pace:
    """How long one kind of call takes."""

    def __init__(self) -> None:
        self._left_to_threads = 0
        self._over_s = 0.0

    @property
    def is_slow(self) -> bool:
        """Say whether the next call is left to a thread."""
        return self._left_to_threads > 0

    def allows(self) -> bool:
        """Say whether the next call may be made in place, and count it."""
        if not self._left_to_threads:
            return True
        self._left_to_threads -= 1
        return False

    def took(self, seconds: float, changes: int = 0) -> None:
        """Note how long a call in place took, with so many changes."""
        self._over_s += (seconds - A_CHANGE_S * changes - self._over_s) / 8
        if self._over_s > SHORT_S:
            self._left_to_threads, self._over_s = LOOK_AGAIN, 0.0

    def was_refused(self) -> None:
        """Note that a call would have had to wait for another process."""
        self._left_to_threads = 1
