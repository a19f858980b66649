"""Settings of Python's garbage collector for a process that carries runs.

They apply to the whole process. So an engine changes the thresholds only if they are Python's own,
and restores them when the last engine closes.
"""

from __future__ import annotations

import gc
import threading

YOUNG_OBJECTS = 100_000
"""New objects before the collector runs, at least.

With Python's 700 or 2,000 the collector takes a quarter of a busy worker's time. The objects of a
run live as long as its flight, so early collections find little.
"""

OBJECTS_OF_A_RUN = 100
"""New objects before the collector runs, for each run that may be carried at once.

A run that is carried has about 75, and so it alone sets no collection off.
"""

RELAXED = (YOUNG_OBJECTS, 20, 50)
"""The thresholds of a process that carries up to a thousand runs at once."""

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
        self._set = RELAXED

    def hold(self, runs: int = 0) -> None:
        """Make the collector run less often, unless it is off or has its own thresholds.

        `runs` is how many runs the holder carries at once.
        """
        with self._lock:
            self._holders += 1
            if self._holders == 1 and gc.isenabled() and gc.get_threshold() in _OF_PYTHON:
                self._before = gc.get_threshold()
                self._set = RELAXED
            if self._before is not None and gc.get_threshold() in (self._before, self._set):
                self._set = max(self._set, relaxed(runs))
                gc.set_threshold(*self._set)

    def let_go(self) -> None:
        """Restore the thresholds once the last holder lets go, unless they were changed since."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._before is not None:
                if gc.get_threshold() == self._set:
                    gc.set_threshold(*self._before)
                self._before = None


RELAXATION = Relaxation()
"""The relaxation of this process."""


def relaxed(runs: int) -> tuple[int, int, int]:
    """Return the thresholds of a process that carries so many runs at once."""
    return (max(YOUNG_OBJECTS, OBJECTS_OF_A_RUN * runs), *RELAXED[1:])


def relax_for_good(runs: int = 0) -> None:
    """Make the collector run less often for good, and freeze the objects there are now.

    For a process that is only a worker, and carries so many runs at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*relaxed(runs))
