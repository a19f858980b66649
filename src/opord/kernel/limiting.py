"""Let a run wait for a permit of a limit, and go on once it has it.

A run waits before a call, or before its first step. What its step has learned so far goes on
record, so that no call is made again. Nothing is in doubt meanwhile: an event or a timer of the
phase may move the run.
"""

from __future__ import annotations

from opord.kernel.draft import Draft
from opord.kernel.endings import recorded_answers
from opord.kernel.instants import text
from opord.kernel.limits import Limit
from opord.kernel.records import RecordBody
from opord.kernel.run import Answer, Pending, Run
from opord.values.types import Instant


def limited(draft: Draft, call: str, *, now: Instant, answers: list[Answer]) -> None:
    """Record what the calls of a step before a limited one answered, unless it is on record.

    `now` is that of the step.

    Raises:
        StepError: the answers are too large to be stored; nothing is changed.
    """
    run = draft.run
    pending = run.body.pending
    known = len(pending.answers) if pending is not None and pending.on_record else 0
    if len(answers) == known:
        return
    splits = {"answers": recorded_answers(run, answers, f"what the calls before {call} answered")}
    draft.record(RecordBody(kind="limited", call=call, now=text(now)), splits)
    run.status = "running"  # the attempts of the call before it are over
    run.body.pending = Pending(cause=pending.cause if pending is not None else None, now=now, answers=answers)


def wait_for(run: Run, limit: Limit, since: Instant) -> None:
    """Note the limit that a run waits for until it goes on, and since when."""
    run.body.limit = limit.name, since


def go_on(run: Run) -> tuple[str, Instant] | None:
    """Note that a run goes on; return the limit that it waited for, and since when, if it did."""
    waited, run.body.limit = run.body.limit, None
    return waited
