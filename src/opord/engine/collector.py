"""Settings of the interpreter's garbage collector that suit a process which carries runs on.

They concern the whole process. So an engine changes only what nobody has set: Python's own thresholds. With the last
engine that closes, these are back.
"""

from __future__ import annotations

import gc
import threading

YOUNG_OBJECTS = 50_000
"""New objects before the collector looks. With Python's 700 or 2,000 it takes a quarter of a busy worker's time: what
a run allocates lives as long as its flight, so early looks find little."""

RELAXED = (YOUNG_OBJECTS, 20, 50)

_OF_PYTHON = frozenset({(700, 10, 10), (2_000, 10, 10), (2_000, 10, 0)})
"""The thresholds of the versions of Python: whoever finds others has somebody's decision before him."""


class Relaxation:
    """Relaxes the collector for as long as somebody holds it, however many do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before: tuple[int, int, int] | None = None

    def hold(self) -> None:
        """Let the collector look less often, unless somebody has switched it off or set it himself."""
        with self._lock:
            self._holders += 1
            if self._holders == 1 and gc.isenabled() and gc.get_threshold() in _OF_PYTHON:
                self._before = gc.get_threshold()
                gc.set_threshold(*RELAXED)

    def let_go(self) -> None:
        """Put back what was there once nobody holds it any more, unless somebody has set it anew since."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._before is not None:
                if gc.get_threshold() == RELAXED:
                    gc.set_threshold(*self._before)
                self._before = None


RELAXATION = Relaxation()
"""That of this process."""


def relax_for_good() -> None:
    """Let the collector look less often, and leave alone for good what is there now: for a process that is a worker alone."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RELAXED)
