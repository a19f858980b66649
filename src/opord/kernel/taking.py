"""Which events a run can take now, and which handler takes one."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from opord.kernel.excluding import Exclusion, excluded_in_state
from opord.kernel.program import HandlerProgram
from opord.kernel.rows import has_ended
from opord.kernel.run import Run
from opord.kernel.step import StepError
from opord.values.types import Instant


class Fit(NamedTuple):
    """Which handler takes an event now; None if none does.

    `error` is why the condition of a handler before it could not be computed: such a handler does
    not take the event. `excluded` is why no handler takes an event of this sender.
    """

    handler: HandlerProgram | None
    error: StepError | None = None
    excluded: Exclusion | None = None


NO_FIT: Final = Fit(None)
"""No handler takes the event."""


def commit_open(run: Run) -> bool:
    """Say whether the run is between a commit's intent and its step's goto.

    Nothing else moves it then.
    """
    return run.commit_open


def handlers_now(run: Run) -> dict[str, tuple[HandlerProgram, ...]]:
    """Return the event handlers that could take an event now, by event."""
    if has_ended(run.status) or commit_open(run):
        return {}
    if run.waits:
        return dict(run.at.handlers)
    shared = {
        event: tuple(handler for handler in handlers if handler.shared)
        for event, handlers in run.at.handlers.items()
    }
    return {event: handlers for event, handlers in shared.items() if handlers}


def fitting(run: Run, event: str, args: Any, actor: str, now: Instant) -> Fit:
    """Say which handler takes the event now. `args` are in rest form."""
    handlers = handlers_now(run).get(event)
    if not handlers:
        return NO_FIT
    declared, frame = run.program.events[event], run.frame(now, actor)
    if (excluded := excluded_in_state(declared, run.fields, frame)) is not None:
        return Fit(None, excluded=excluded)
    values = declared.args.load(args)
    why: StepError | None = None
    for handler in handlers:
        try:
            if handler.guard is None or handler.guard(run.fields, frame, values):
                return Fit(handler, why)
        except Exception as error:
            why = why or StepError(error, run.program.place_of(error))
    return Fit(None, why)
