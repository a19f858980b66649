"""When the timers of a state are due."""

from __future__ import annotations

from typing import Any

from opord.kernel.instants import capped, from_datetime, microseconds
from opord.kernel.program import StateProgram, TimerProgram
from opord.kernel.run import Run
from opord.values.types import Instant


def due_times(
    run: Run, target: StateProgram, fields: Any, at: Instant, phase_since: Instant, fired: list[str]
) -> dict[str, Instant]:
    """Return the due times of a state that is entered at an instant."""
    if not target.timers:
        return {}
    frame = run.frame(at)
    return {
        timer.id: _due(timer, fields, frame, at, phase_since)
        for timer in target.timers
        if timer.id not in fired
    }


def _due(timer: TimerProgram, fields: Any, frame: Any, at: Instant, phase_since: Instant) -> Instant:
    when = timer.when(fields, frame)
    if timer.declaration.kind == "at":
        return capped(from_datetime(when))  # type: ignore[arg-type]
    since = phase_since if timer.shared else at
    return capped(since + microseconds(when))  # type: ignore[arg-type]
