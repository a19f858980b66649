"""The beginning of a step: what it computes before it first calls anybody.

Nobody is needed for that, so a process that accepts an event computes it too, and refuses an event
whose step could only stall.
"""

from __future__ import annotations

from opord.kernel.endings import recorded_args
from opord.kernel.keys import commit_key
from opord.kernel.requests import Commit
from opord.kernel.run import Run
from opord.kernel.step import StepError, StepUnderWay
from opord.values.types import Instant


def check_beginning(run: Run, now: Instant) -> None:
    """Compute the step under way up to its first call, as a worker will. Nobody is called.

    Raises:
        StepError: it raises before its first call, or asks for a commit that cannot be recorded.
    """
    request = StepUnderWay(run, now).begin()
    if not isinstance(request, Commit):
        return
    call = run.program.calls[request.name]
    commit_key(run, call, request.args, now)
    try:
        args = call.args.dump(request.args)
    except Exception as error:
        raise StepError(error, run.program.place_of(error)) from error
    recorded_args(run, request.name, args)
