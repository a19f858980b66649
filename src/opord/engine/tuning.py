"""Settings of the interpreter that suit a process which does nothing but carry runs on.

They concern the whole process, so the engine does not touch them by itself: `opord worker` does, and whoever
embeds an engine may.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 50_000
"""New objects before the collector looks. With Python's 700 it takes a quarter of a busy worker's time: what
a run allocates lives as long as its flight, so early looks find little."""


def tune_process() -> None:
    """Let the garbage collector leave alone what was there at the start, and look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
