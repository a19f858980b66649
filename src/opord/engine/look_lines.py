"""What the looks of a worker share: how much they read and name, and when a line comes again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from opord.story.counting import counted

READ_MOST: Final = 100
"""Number of runs that a look reads for each reason. Of more, the log says "at least"."""

NAMED_MOST: Final = 10
"""Number of runs that are named in a look."""

FIRST_AGAIN_S: Final = 600.0
"""After this time the same thing is said again, in seconds; then after twice as long, and so on."""

LONGEST_AGAIN_S: Final = 86_400.0
"""The longest time after which the same thing is said again, in seconds."""


class GrowingPauses:
    """Says when a line about something that lasts is due: at once, then at intervals that grow."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._said: dict[str, tuple[float, float]] = {}

    def is_time_for(self, what: str) -> bool:
        """Say whether to say a thing that may have been said before, and note that it is said."""
        now = self._monotonic()
        said = self._said.get(what)
        if said is None:
            self._said[what] = now, FIRST_AGAIN_S
        elif now - said[0] < said[1]:
            return False
        else:
            self._said[what] = now, min(2 * said[1], LONGEST_AGAIN_S)
        return True

    def forget(self, what: str) -> None:
        """Forget what no longer lasts, so that it is said at once when it comes again."""
        self._said.pop(what, None)

    def keep_only(self, lasting: Collection[str]) -> None:
        """Forget all that no longer lasts."""
        self._said = {what: said for what, said in self._said.items() if what in lasting}


def at_least(count: int, read: int) -> str:
    """Write a number of runs. If as many were read as may be, there may be more."""
    return f"{'at least ' if read >= READ_MOST else ''}{counted(count, 'run')}"


def some_of(names: Sequence[str], count: int) -> str:
    """Write the first names of a number of runs."""
    listed = ", ".join(names[:NAMED_MOST])
    return f"{listed}, …" if count > NAMED_MOST else listed
