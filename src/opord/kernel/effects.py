"""Record failed attempts of effects, and late answers of attempts that were given up."""

from __future__ import annotations

from typing import Any

from opord.kernel.asked_waits import NO_WAIT, HeardWait, asked_words, keep_wait
from opord.kernel.draft import Draft
from opord.kernel.effect_attempts import Tries
from opord.kernel.endings import recorded_answers, recorded_outcome
from opord.kernel.instants import text
from opord.kernel.recording import REASON_CHARACTERS, runnable
from opord.kernel.records import EndingKind, RecordBody
from opord.kernel.run import Answer, FailedAttempts, Pending
from opord.kernel.trouble import recorded
from opord.values.types import Instant


def attempt_failed(
    draft: Draft,
    call: str,
    ending: Any,
    *,
    trouble: dict[str, Any] | None,
    began: Instant,
    tries: Tries,
    next_at: Instant,
    now: Instant,
    answers: list[Answer],
    wait: HeardWait = NO_WAIT,
) -> FailedAttempts:
    """Record that an attempt of an effect failed, and when it is tried again.

    `ending` is the failure in rest form, or `trouble` describes what the contract does not declare.
    `now` and `answers` are those of the step so far; the next attempt goes on from them. `wait` is
    what the other side asked for.

    Raises:
        StepError: the answers are too large to be stored; nothing is changed.
    """
    run = draft.run
    splits = {} if trouble is not None else {"outcome": recorded_outcome(run, call, "failed", ending)}
    if answers:
        splits["answers"] = recorded_answers(run, answers, f"what the calls before {call} answered")
    trouble = recorded(run, trouble) if trouble is not None else {}
    before = run.tries
    number = tries.failures + tries.surprises
    seq = draft.record(
        RecordBody(
            kind="attempt",
            **trouble | {"call": call},
            attempt=number,
            since=text(began),
            next=text(next_at),
            now=text(now),
            **wait.members(),
        ),
        splits,
    )
    keep_wait(run, call, wait, draft.at)
    failed = FailedAttempts(
        seq if number == 1 or before is None else before.seq,
        call,
        tries.failures,
        tries.surprises,
        next_at,
        f"failed: {trouble['error']}"[:REASON_CHARACTERS] if trouble else _reason(ending, wait),
        trouble.get("trouble"),
    )
    cause = run.body.pending.cause if run.body.pending is not None else None
    run.body.pending = Pending(cause=cause, now=now, answers=answers, tries=failed)
    return failed


def _reason(ending: Any, wait: HeardWait) -> str:
    failed = f"failed with {ending['type']}"
    return f"{failed}; {asked_words(**wait.members())}" if wait.counted else failed


def answered_late(
    draft: Draft, of: int, attempt: int, kind: EndingKind, value: Any, *, learned_by: str
) -> None:
    """Record what an attempt that was given up answered later; the step goes on with it.

    `of` is the number of the record that says that the attempt failed.
    """
    run = draft.run
    pending = run.body.pending
    if pending is None or pending.tries is None:
        raise ValueError(f"{run.id} waits for no effect")
    call = pending.tries.call
    draft.record(
        RecordBody(kind="evidence", call=call, attempt=attempt, of=of, learned_by=learned_by),
        {"outcome": recorded_outcome(run, call, kind, value)},
    )
    ended = {"ok": value} if kind == "ok" else {"failed": value}
    pending.answers = [*pending.answers, Answer(call, **ended, attempts=attempt)]
    pending.tries = None
    runnable(draft)
