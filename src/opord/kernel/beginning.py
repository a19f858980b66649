"""The beginning of a step: what it computes before it first calls anybody.

Nobody is needed for that, so a process that accepts an event computes it too, and refuses an event
whose step could only stall. So does the step of an event before it leaves its state: once the run
is in a state that acts and cannot, nobody can take the event out any more.
"""

from __future__ import annotations

import copy
from typing import Final

import msgspec

from opord.kernel import recording
from opord.kernel.endings import recorded_args
from opord.kernel.keys import commit_key
from opord.kernel.requests import Commit, Goto, Request
from opord.kernel.run import Run
from opord.kernel.step import StepError, StepUnderWay
from opord.values.types import Instant

STATES_AHEAD: Final = 10
"""Number of states that are computed beyond the one that an event leads to, if they call nobody."""


def check_beginning(run: Run, now: Instant) -> None:
    """Compute the step under way up to its first call, as a worker will. Nobody is called.

    Raises:
        StepError: it raises before its first call, asks for a commit that cannot be recorded, or
            goes to a state that can only stall.
    """
    request = StepUnderWay(run, now).begin()
    if isinstance(request, Goto):
        recording.entry_of(run, run.program.states[request.state], request.fields, now)
        check_goto(run, request, now)
    else:
        _check_request(run, request, now)


def check_goto(run: Run, goto: Goto, now: Instant) -> None:
    """Compute what the state that a step goes to does before its first call, if it acts.

    If that is to go on to another state, compute that one as well, and so on. Nothing is changed.

    Raises:
        StepError: it raises before its first call, or asks for a commit that cannot be recorded.
    """
    for _ in range(STATES_AHEAD):
        if run.program.states[goto.state].step is None:
            break
        run = _in_state(run, goto, now)
        request = StepUnderWay(run, now).begin()
        if not isinstance(request, Goto):
            _check_request(run, request, now)
            break
        goto = request
        recording.entry_of(run, run.program.states[goto.state], goto.fields, now)


def _in_state(run: Run, goto: Goto, now: Instant) -> Run:
    """Return a copy of the run as it will be in the state. It is for reading alone."""
    ahead = copy.copy(run)
    ahead.state, ahead.fields, ahead.since = goto.state, goto.fields, now
    ahead.body = msgspec.structs.replace(run.body, entered=run.body.entered + 1, pending=None)
    return ahead


def _check_request(run: Run, request: Request, now: Instant) -> None:
    if not isinstance(request, Commit):
        return
    call = run.program.calls[request.name]
    commit_key(run, call, request.args, now)
    try:
        args = call.args.dump(request.args)
    except Exception as error:
        raise StepError(error, run.program.place_of(error)) from error
    recorded_args(run, request.name, args)
