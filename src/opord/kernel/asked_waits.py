"""Asked waits: the other side of a call says how long to wait before the next attempt.

A failure says it in one of its fields, which its contract names by `transient wait`. The wait
begins when the failure becomes known. It is on record with the failure, and the run keeps the
instant until which the call rests, as long as it stays in its state. So a wait outlives the worker
that heard of it, and whatever begins the step again: a person who resumes the run or says that
nothing happened, or an event that is taken out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from opord.kernel.instants import capped, microseconds
from opord.kernel.run import Run
from opord.values.duration import format_duration
from opord.values.failure import Failure
from opord.values.types import NO_TIME, START_OF_TIME, Duration, Instant


class HeardWait(NamedTuple):
    """A wait that the other side asked for: `asked`, of which the contract counts `counted`.

    `us` is the wait that counts in microseconds.
    """

    asked: timedelta
    counted: timedelta
    us: Duration

    def members(self) -> dict[str, Any]:
        """Return the members of its record; none if nothing was asked."""
        if not self.counted:
            return {}
        more = {"asked": format_duration(self.asked)} if self.asked > self.counted else {}
        return {"wait": format_duration(self.counted), **more}


NO_WAIT: Final = HeardWait(timedelta(), timedelta(), NO_TIME)
"""Nothing was asked: the backoff alone decides."""


def asked_wait(failure: Failure) -> HeardWait:
    """Return the wait that a failure asks for. A negative one is none."""
    if not failure.opord_wait:
        return NO_WAIT
    asked: timedelta = getattr(failure, failure.opord_wait)
    most = failure.opord_wait_at_most
    if asked <= timedelta():
        return NO_WAIT
    counted = asked if most is None else min(asked, most)
    return HeardWait(asked, counted, microseconds(counted))


def keep_wait(run: Run, call: str, wait: HeardWait, since: Instant) -> None:
    """Let a call of a run rest until the wait, which began at `since`, is over."""
    if wait.counted:
        until = max(not_before(run, call), capped(since + wait.us))
        run.body.not_before = {**run.body.not_before, call: until}


def not_before(run: Run, call: str) -> Instant:
    """Return the instant before which a call must not be made; the start of time if none is set."""
    return run.body.not_before.get(call, START_OF_TIME) if run.body.not_before else START_OF_TIME


def asked_words(wait: str, asked: str | None = None) -> str:
    """Say what was asked, from the members of its record."""
    if asked is None:
        return f"the other side asked to wait {wait}"
    return f"the other side asked to wait {asked}, and the contract waits {wait} at most"
