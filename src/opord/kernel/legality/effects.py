"""Check attempts of effects: each that is tried again may be, and is tried when it is due.

An action in a transaction is tried again as an effect is: what failed left nothing behind.

A transient failure or a time-out counts against `retry`. What the contract does not declare is
tried again three times, at least a second later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from opord.contract import Action, Effect
from opord.kernel.asked_waits import asked_words
from opord.kernel.instants import LAST_INSTANT, microseconds
from opord.kernel.legality.asked_waits import heard
from opord.kernel.legality.fold import Fold, ReadRecord, StepOnRecord, TriesOnRecord
from opord.kernel.legality.steps import called_here, check_rested, goes_on, phase_timer_due
from opord.kernel.legality.transitions import check_answer, decoded
from opord.kernel.legality.troubles import check_trouble
from opord.kernel.program import CallProgram
from opord.values.failure import Failure

SURPRISES: Final = 3
"""How often an effect is tried again after an ending that the contract does not declare."""

_UNSAID: Final = (timedelta(seconds=1), timedelta(minutes=1))
_REASON_CHARACTERS: Final = 500


def attempt(fold: Fold, record: ReadRecord) -> None:
    """Check a failed attempt of an effect that is tried again."""
    body = record.body
    call, effect = _repeatable(fold, body["call"])
    if effect.name not in called_here(fold, "perform" if isinstance(effect, Effect) else "commit"):
        fold.problem("attempt", f"nothing that can run in {fold.state} now calls {effect.name}")
    if fold.commit is not None and not fold.commit.rests:
        fold.problem("attempt", f"{effect.name} was called while {fold.commit.action.name} is committed")
    elif (fold.commit is not None or fold.stalled) and not phase_timer_due(fold, record.at):
        fold.problem("attempt", "a commit is open or the run is stalled, and no timer of its phase was due")
    now, answers = record.instant("now"), [*body.get("answers", ())]
    step = goes_on(fold, record, answers, now=now, past=False)
    for answer in answers[len(step.answers) if step is not None else 0 :]:
        check_answer(fold, answer)
    before = step.tries if step is not None and len(answers) == len(step.answers) else None
    if before is not None and before.call != effect.name:
        fold.problem("attempt", f"attempts of {before.call} are on record, and this is one of {effect.name}")
        before = None
    tries = _counted(fold, record, call, effect, before)
    fold.step = StepOnRecord(now, answers, tries)
    fold.commit = fold.reused = fold.trouble = None
    fold.stalled = fold.resumed = False


def limited(fold: Fold, record: ReadRecord) -> None:
    """Check a step that waits for a permit to make a call."""
    name = record.body["call"]
    if name not in called_here(fold, "perform") | called_here(fold, "commit"):
        fold.problem("limited", f"nothing that can run in {fold.state} now calls {name}")
    if fold.commit is not None and not fold.commit.rests:
        fold.problem("limited", f"{name} was to be called while {fold.commit.action.name} is committed")
    elif (fold.commit is not None or fold.stalled) and not phase_timer_due(fold, record.at):
        fold.problem("limited", "a commit is open or the run is stalled, and no timer of its phase was due")
    now, answers = record.instant("now"), [*record.body["answers"]]
    step = goes_on(fold, record, answers, now=now)
    for answer in answers[len(step.answers) if step is not None else 0 :]:
        check_answer(fold, answer)
    fold.step = StepOnRecord(now, answers, None)
    fold.commit = fold.reused = fold.trouble = None
    fold.stalled = fold.resumed = False


def late_answer(fold: Fold, record: ReadRecord) -> None:
    """Check what an attempt that was given up answered later: the step goes on with it."""
    body = record.body
    call, effect = _effect(fold, body["call"])
    step = fold.step
    tries = step.tries if step is not None else None
    if step is None or tries is None or fold.stalled or tries.call != effect.name:
        fold.problem("evidence", f"the run waits for no answer of {effect.name}")
        return
    if tries.records.get(body["of"]) != body["attempt"]:
        fold.problem(
            "evidence", f"record {body['of']} is not that of attempt {body['attempt']} of {effect.name}"
        )
    answer = {"call": effect.name, **body["outcome"]}
    check_answer(fold, answer)
    if "failed" in body["outcome"] and _is_transient(fold, call, body["outcome"]["failed"]):
        fold.problem("evidence", "a transient failure answers nothing")
    if body["attempt"] != 1:
        answer["attempts"] = body["attempt"]
    fold.step = StepOnRecord(step.now, [*step.answers, answer], None)


def _effect(fold: Fold, name: str) -> tuple[CallProgram, Effect]:
    call = fold.program.calls[name]
    if not isinstance(call.declaration, Effect):
        raise TypeError(f"{name} is not an effect")
    return call, call.declaration


def _repeatable(fold: Fold, name: str) -> tuple[CallProgram, Effect | Action]:
    """Return an effect, or an action in a transaction."""
    call = fold.program.calls[name]
    declaration = call.declaration
    if isinstance(declaration, Effect) or (isinstance(declaration, Action) and declaration.transaction):
        return call, declaration
    raise TypeError(f"{name} is neither an effect nor an action in a transaction")


def ended_in_transaction(fold: Fold, record: ReadRecord, call: CallProgram, action: Action) -> None:
    """Check which attempt of an action in a transaction ended its commit, and how."""
    body, step = record.body, fold.step
    tries = step.tries if step is not None else None
    if step is None or tries is None or tries.call != action.name:
        failures, before = 0, 0
    else:
        failures, before = tries.failures, tries.number
        if record.at < tries.next_at:
            fold.problem("outcome", "its last attempt ended before it was due")
        fold.step = StepOnRecord(step.now, step.answers, None, step.collision)
    check_rested(fold, action.name, record.at)
    if body["attempt"] != before + 1:
        fold.problem("outcome", f"attempt {body['attempt']} of {action.name} follows attempt {before}")
    failed = body["outcome"].get("failed")
    times = action.retry.times if action.retry is not None else 0
    if failed is not None and _is_transient(fold, call, failed) and failures < times:
        fold.problem("outcome", "a transient failure ends an attempt, and no commit while tries are left")


def _counted(
    fold: Fold, record: ReadRecord, call: CallProgram, effect: Effect | Action, before: TriesOnRecord | None
) -> TriesOnRecord:
    """Return the attempts with this one, after a check that another one may follow it."""
    body = record.body
    failures, surprises = (before.failures, before.surprises) if before is not None else (0, 0)
    since, next_at = record.instant("since"), record.instant("next")
    check_rested(fold, effect.name, since)
    wait = heard(fold, record, call, body.get("outcome", {}).get("failed"), record.at)
    if ("outcome" in body) == ("error" in body):
        fold.problem("form", "a failed attempt has either a declared failure or an error")
    if "outcome" in body:
        failures += 1
        _check_failure(fold, call, effect, body["outcome"]["failed"], failures)
        reason = f"failed with {body['outcome']['failed']['type']}"
        if wait:
            reason = f"{reason}; {asked_words(body['wait'], body.get('asked'))}"
        shortest, longest = timedelta(0), _longest(effect, failures)
    else:
        surprises += 1
        if surprises > SURPRISES:
            fold.problem("attempt", f"{effect.name} went wrong {surprises} times, and is tried again")
        reason = f"failed: {body['error']}"[:_REASON_CHARACTERS]
        shortest, longest = _UNSAID[0], max(_UNSAID[0], _longest(None, surprises))
    check_trouble(fold, body.get("trouble"))
    number = failures + surprises
    if body["attempt"] != number:
        fold.problem("attempt", f"attempt {body['attempt']} of {effect.name} follows attempt {number - 1}")
    if before is not None and since < before.next_at:
        fold.problem("attempt", "the attempt begins before it is due")
    earliest = min(record.at + max(wait, microseconds(shortest)), LAST_INSTANT)
    if not earliest <= next_at <= record.at + max(wait, microseconds(longest)):
        fold.problem("attempt", f"{effect.name} is tried again at an instant that its backoff does not allow")
    records = before.records if before is not None else {}
    records[record.seq] = number
    seq = before.seq if before is not None else record.seq
    return TriesOnRecord(seq, effect.name, failures, surprises, next_at, reason, body.get("trouble"), records)


def _check_failure(
    fold: Fold, call: CallProgram, effect: Effect | Action, rest: Mapping[str, Any], failures: int
) -> None:
    times = effect.retry.times if effect.retry is not None else 0
    if failures > times:
        fold.problem("attempt", f"{effect.name} is called more than {times} times after the first")
    if rest["type"] == "TimedOut":
        if effect.timeout is None or isinstance(effect, Action):
            fold.problem("attempt", f"{effect.name} has no timeout, and an attempt of it timed out")
    elif not _is_transient(fold, call, rest):
        fold.problem("attempt", f"{rest['type']} is final, and was taken as if another attempt might help")


def _is_transient(fold: Fold, call: CallProgram, rest: Mapping[str, Any]) -> bool:
    if rest["type"] == "TimedOut":
        return True
    failure = decoded(fold, f"the failure of {call.declaration.name}", call.failure, rest)
    return isinstance(failure, Failure) and failure.opord_transient


def _longest(effect: Effect | Action | None, failures: int) -> timedelta:
    """Return the longest pause after a failed attempt: it doubles up to a bound."""
    retry = effect.retry if effect is not None else None
    base, cap = (retry.base, retry.cap) if retry is not None else _UNSAID
    doubled = base.total_seconds() * 2.0 ** min(failures - 1, 60)
    return cap if doubled >= cap.total_seconds() else timedelta(seconds=doubled)
