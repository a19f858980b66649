"""Settings of Python's garbage collector for a process that carries runs.

They apply to the whole process. So an engine changes the thresholds only if they are Python's own,
and restores them when the last engine closes.
"""

from __future__ import annotations

import gc
import threading

YOUNG_OBJECTS = 100_000
"""New objects before the collector runs: those of about 1,300 runs that are carried at once.

With Python's 700 or 2,000 the collector takes a quarter of a busy worker's time. The objects of a
run live as long as its flight, so early collections find little.
"""

RELAXED = (YOUNG_OBJECTS, 20, 50)

_OF_PYTHON = frozenset({(700, 10, 10), (2_000, 10, 10), (2_000, 10, 0)})
"""The default thresholds of the supported versions of Python.

Other values are somebody's decision and stay.
"""


class Relaxation:
    """Relaxes the collector while at least one engine holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before: tuple[int, int, int] | None = None

    def hold(self) -> None:
        """Make the collector run less often, unless it is off or has its own thresholds."""
        with self._lock:
            self._holders += 1
            if self._holders == 1 and gc.isenabled() and gc.get_threshold() in _OF_PYTHON:
                self._before = gc.get_threshold()
                gc.set_threshold(*RELAXED)

    def let_go(self) -> None:
        """Restore the thresholds once the last holder lets go, unless they were changed since."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._before is not None:
                if gc.get_threshold() == RELAXED:
                    gc.set_threshold(*self._before)
                self._before = None


RELAXATION = Relaxation()
"""The relaxation of this process."""


def relax_for_good() -> None:
    """Make the collector run less often for good, and freeze the objects there are now.

    For a process that is only a worker.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RELAXED)
