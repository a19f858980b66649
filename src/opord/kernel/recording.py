"""Record: each function changes a run through a draft and writes the record of the change.

The functions do not check the caller's decisions (whether an event fits, whether a person may act).
`legality` checks independently which record may follow which.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias, assert_never

from opord.contract import Action, Ask, Check, Doubt, Repeat, Report, Skip
from opord.kernel import bounds
from opord.kernel.asked_waits import NO_WAIT, HeardWait, keep_wait
from opord.kernel.bounds import step_too_large
from opord.kernel.cause import Cause
from opord.kernel.draft import Draft
from opord.kernel.endings import recorded_answers, recorded_args, recorded_outcome
from opord.kernel.instants import text
from opord.kernel.large import Split
from opord.kernel.program import Program, StateProgram
from opord.kernel.records import RecordBody, Teller
from opord.kernel.requests import Goto
from opord.kernel.run import Answer, Intent, Outcome, Pending, Run, new_run
from opord.kernel.scheduling import USUAL, Scheduling
from opord.kernel.secrets import hidden
from opord.kernel.settled import Settled, record_settled, remember_key
from opord.kernel.step import StepError
from opord.kernel.timers import due_times
from opord.kernel.trouble import describe_without_exception, recorded
from opord.values.types import START_OF_TIME, Instant, Key, RunId

DOUBT_RULE = 2
"""The rule of a doubt that its record names: every attempt in doubt must be answered.

Before the rule had a number, a final failure of any attempt under the key ended all doubts.
"""

REASON_CHARACTERS = 500
"""Maximum length of the reason why a run is in doubt or stalled. `runs list` shows it on a line."""


def start(
    program: Program,
    run_id: RunId,
    input_value: Any,
    *,
    now: Instant,
    worker: str,
    held: bool,
    message: str | None = None,
    scheduling: Scheduling = USUAL,
    delivery: str = "",
    trace: str = "",
) -> Draft:
    """Return the draft of a new run in its initial state.

    With `held`, `worker` holds it and goes on at once. `message` distinguishes this start from
    another one of this process at this instant. `delivery` and `trace` are what it came with.

    Raises:
        BadValue: the input does not fit the contract.
        StepError: a default of the initial state could not be computed.
    """
    input_rest = program.input.dump(input_value)
    run = new_run(program, run_id, input_value, input_rest, now)
    run.scheduling = scheduling
    run.epoch = 1 if held else 0
    draft = Draft(run, now, worker)
    try:
        fields = program.initial(run.frame(now))
    except Exception as error:
        raise StepError(error, program.place_of(error)) from error
    initial = program.initial_state
    entry = entry_of(run, program.states[initial], fields, now)
    data = entry[0]
    _enter(run, initial, fields, entry, now)
    run.body.trace = trace
    draft.record(
        RecordBody(
            kind="started",
            name=program.name,
            version=program.version,
            id=message,
            to=initial,
            timers=_written(run.body.timers),
            priority=scheduling.priority or None,
            label=scheduling.label or None,
            delivery=delivery or None,
            trace=trace or None,
        ),
        {"input": run.input_rest, "data": data},
    )
    return draft


def begin_step(draft: Draft, cause: Cause) -> None:
    """Begin the step of a taken event or a fired timer. A step that was under way is dropped."""
    draft.run.body.pending = Pending(cause=cause, now=draft.at)
    draft.run.body.trouble = None
    draft.run.body.limit = None
    draft.run.reason = None
    runnable(draft)


def runnable(draft: Draft) -> None:
    """Mark the run as able to go on at once, by a worker."""
    run = draft.run
    run.status = "running" if run.tries is None else "waiting"
    run.body.trouble = None
    if run.worker is None:
        run.wake_at = draft.at


def intend(
    draft: Draft,
    action: str,
    key: Key,
    args: Any,
    *,
    now: Instant,
    answers: list[Answer],
    another: bool = False,
) -> Intent:
    """Record an intent. From here until its step ends, nothing else moves the run.

    `another` is true if the run's own key takes the place of the one that the contract computes.

    Raises:
        StepError: the arguments or the answers are too large to be stored; nothing is changed.
    """
    run = draft.run
    args_split = recorded_args(run, action, args)
    answers_split = None
    if answers:
        answers_split = recorded_answers(run, answers, f"what the calls before {action} answered")
    seq = draft.record(
        RecordBody(kind="intent", call=action, key=key, now=text(now)),
        {"args": args_split} if answers_split is None else {"args": args_split, "answers": answers_split},
    )
    # In a run of a restored store, a key's window starts at the first instant at which an
    # unrecorded call may have been made.
    first_at = min(draft.at, run.body.wary) if run.body.wary else draft.at
    intent = Intent(
        seq=seq, call=action, key=key, args=args, first_at=first_at, began_at=draft.at, another=another
    )
    cause = run.body.pending.cause if run.body.pending is not None else None
    run.body.pending = Pending(cause=cause, now=now, answers=answers, intent=intent)
    run.status = "running"
    return intent


def begin_attempt(draft: Draft, intent: Intent) -> None:
    """Record another attempt of an open intent, before it is made."""
    intent.attempt += 1
    if not intent.counted:
        intent.first_at = draft.at
    intent.counted += 1
    intent.in_flight, intent.began_at = True, draft.at
    intent.failure = None
    intent.refused = False
    draft.record(RecordBody(kind="attempt", call=intent.call, key=intent.key, attempt=intent.attempt))
    runnable(draft)
    if intent.doubts:
        draft.run.status = "in_doubt"


def attempt_failed(
    draft: Draft,
    intent: Intent,
    failure: Any,
    *,
    next_at: Instant | None,
    final: bool = False,
    wait: HeardWait = NO_WAIT,
) -> None:
    """Record that an attempt ended in a failure that does not end the commit.

    The attempt did not take effect. The failure is transient; or it is `final`, does not settle,
    and an attempt before this one is in doubt. `wait` is what the other side asked for.
    """
    intent.in_flight = False
    intent.failure = failure
    intent.refused = final
    intent.next_at = next_at or START_OF_TIME
    draft.record(
        RecordBody(
            kind="attempt",
            call=intent.call,
            key=intent.key,
            attempt=intent.attempt,
            next=text(next_at) if next_at is not None else None,
            **wait.members(),
        ),
        {"outcome": recorded_outcome(draft.run, intent.call, "failed", failure)},
    )
    keep_wait(draft.run, intent.call, wait, draft.at)


def attempt_doubted(
    draft: Draft,
    intent: Intent,
    reason: str,
    *,
    next_at: Instant = START_OF_TIME,
    counts: bool = True,
    by: str | None = None,
    trouble: dict[str, Any] | None = None,
    misfit: bool = False,
) -> None:
    """Record that it is unknown whether an attempt took effect, and why.

    `by` is what put it in doubt. `counts` is true if the attempt is one of those that `retry`
    allows. `trouble` describes what its handler did wrong, if that is why; `misfit` is true if it
    answered what the contract does not allow.
    """
    intent.misfits += misfit
    if not counts:
        intent.counted = max(intent.counted - 1, 0)
    intent.in_flight = False
    if not intent.doubts:
        intent.doubt_since = draft.at
    intent.doubts = [*intent.doubts, intent.attempt]
    intent.given_up_at = draft.at
    intent.next_at = next_at
    if trouble is not None:
        form = recorded(draft.run, trouble)
        reason, intent.trouble = form["error"], form["trouble"]
    else:
        # Hide secrets first: half a secret would not be found.
        reason, intent.trouble = hidden(draft.run, reason), None
    intent.reason = reason = reason[:REASON_CHARACTERS]
    draft.record(
        RecordBody(
            kind="doubt",
            call=intent.call,
            key=intent.key,
            attempt=intent.attempt,
            reason=reason,
            by=by,
            next=text(next_at) if next_at else None,
            rule=DOUBT_RULE,
            trouble=intent.trouble,
            misfit=misfit or None,
        )
    )
    draft.run.status = "in_doubt"


def answer(draft: Draft, intent: Intent, answered: Collection[int], failure: Any, *, final: bool) -> None:
    """Mark attempts as answered by a recorded late failure: they did not take effect.

    `failure` is that of the last attempt that was answered. Other attempts may still be in doubt.
    """
    intent.doubts = [number for number in intent.doubts if number not in answered]
    if intent.attempt in answered:
        intent.in_flight = False
    if not intent.in_flight and not intent.refused:
        intent.failure, intent.refused = failure, final
    if intent.doubts:
        return
    intent.asking = False
    draft.run.reason = None
    runnable(draft)


def take_back(draft: Draft, intent: Intent, attempt: int) -> None:
    """Take back an open attempt whose call never began, as its worker says on record.

    It does not count for `retry`, nor for the key's window if it was the first. A question that was
    put to a person is withdrawn: the table decides anew.
    """
    _, action = draft.run.action(intent)
    # Of a checked action, an attempt that was cut off with its worker is not counted.
    if (intent.in_flight and attempt == intent.attempt) or not isinstance(action.doubt, Check):
        intent.counted = max(intent.counted - 1, 0)
    intent.doubts = [number for number in intent.doubts if number != attempt]
    if attempt == intent.attempt:
        intent.in_flight = False
    withdrawn, intent.asking = intent.asking, False
    if not intent.doubts:
        draft.run.reason = None
        runnable(draft)
    elif withdrawn:
        draft.run.reason = None
        if draft.run.worker is None:
            draft.run.wake_at = draft.at


def ask(draft: Draft, intent: Intent, reason: str) -> None:
    """Park the run until a person says whether the action happened."""
    if not intent.asking:
        draft.opened += ("doubt",)
    intent.asking = True
    draft.run.status = "in_doubt"
    draft.run.reason = reason


def did_not_happen(
    draft: Draft,
    intent: Intent,
    *,
    by: Teller,
    fresh: bool,
    actor: str | None = None,
    role: str | None = None,
    reason: str | None = None,
) -> None:
    """Record that none of the doubtful attempts took effect. The action will be called again.

    With `fresh`, the next attempt counts as the first one for `retry` and for the key's window.
    """
    draft.record(
        RecordBody(
            kind="resolved",
            call=intent.call,
            verdict="did_not_happen",
            by=by,
            actor=actor,
            role=role,
            reason=reason,
        )
    )
    intent.doubts = []
    intent.asking = False
    intent.failure = None
    intent.refused = False
    intent.next_at = START_OF_TIME
    if fresh:
        intent.counted = intent.misfits = 0
    intent.denied = True
    _, declaration = draft.run.action(intent)
    if left_by_success_alone(declaration) or draft.at >= draft.run.body.wary_until:
        draft.run.body.wary = START_OF_TIME
    draft.run.reason = None
    runnable(draft)


def happened(
    draft: Draft, intent: Intent, result: Any, *, actor: str, role: str | None, reason: str | None
) -> None:
    """Record a person's word that the action took effect, with this result (in rest form)."""
    draft.record(
        RecordBody(
            kind="resolved",
            call=intent.call,
            verdict="happened",
            by="person",
            actor=actor,
            role=role,
            reason=reason,
        ),
        {"outcome": recorded_outcome(draft.run, intent.call, "ok", result)},
    )
    outcome_known(draft, intent, Outcome("ok", result, "person"))


def outcome_known(draft: Draft, intent: Intent, outcome: Outcome, *, text: bytes = b"") -> None:
    """Record the outcome of the open commit. An outcome never turns into a doubt again.

    `text` is its value as canonical JSON, if that was made before.
    """
    intent.outcome = outcome
    intent.in_flight = False
    intent.asking = False
    draft.run.reason = None
    draft.record(
        RecordBody(kind="outcome", call=intent.call, key=intent.key, attempt=intent.attempt, by=outcome.by),
        {"outcome": recorded_outcome(draft.run, intent.call, outcome.kind, outcome.value, text)},
    )
    remember_key(draft, intent.call, intent.key, intent.args, outcome, text)
    runnable(draft)


def outcome_on_record(draft: Draft, action: str, key: Key, outcome: Outcome) -> None:
    """Record a commit that made no call, because its key took effect in this run before."""
    split = recorded_outcome(draft.run, action, outcome.kind, outcome.value)
    draft.record(RecordBody(kind="outcome", call=action, key=key, by="record"), {"outcome": split})


def go(
    draft: Draft, goto: Goto, *, cause: str, answers: list[Answer], settled: Settled | None = None
) -> None:
    """Move the run to another state, or into the same one again: the end of a step.

    `settled` is the outcome of the step's commit, if that is not on record yet.

    Raises:
        StepError: the target's data cannot be stored, or a timer cannot be computed; nothing is
            changed.
    """
    run = draft.run
    origin = run.state
    target = run.program.states[goto.state]
    entry = entry_of(run, target, goto.fields, draft.at)
    answers_split = None
    if answers:
        what = f"what the calls of this step in {origin} answered"
        answers_split = recorded_answers(run, answers, what)
    if settled is not None:
        record_settled(draft, settled, recorded_args(run, settled.call, settled.args))
    how = _how(run, cause)
    _enter(run, goto.state, goto.fields, entry, draft.at)
    run.body.how = how
    draft.record(
        RecordBody(
            kind="transition",
            from_=origin,
            to=goto.state,
            cause=cause,
            timers=_written(run.body.timers),
            result=run.outcome,
        ),
        {"data": entry[0]} if answers_split is None else {"data": entry[0], "calls": answers_split},
    )


def _how(run: Run, cause: str) -> str:
    """Return what moved the run, for an event that comes too late.

    It is the cause and, of an event, its sender.
    """
    step_cause = run.body.pending.cause if run.body.pending is not None else None
    if step_cause is None or step_cause.kind != "event" or not step_cause.actor:
        return "" if cause == "body" else cause
    return f"{cause} from {step_cause.actor}"


def stall(draft: Draft, trouble: dict[str, Any]) -> None:
    """Stall the run until a person mends something. `trouble` describes what, and where."""
    trouble = recorded(draft.run, trouble)
    draft.record(RecordBody(kind="stalled", **trouble))
    draft.opened += ("stalled",)
    stand_still(draft, trouble)


def stand_still(draft: Draft, trouble: dict[str, Any]) -> None:
    """Let the run stand still with a trouble that is on record."""
    run = draft.run
    run.body.trouble, run.body.stalled_at = trouble, draft.at
    run.status = "stalled"
    run.reason = str(trouble["error"])[:REASON_CHARACTERS]
    stay_stalled(run)


def stay_stalled(run: Run) -> None:
    """Give a stalled run back.

    Only a timer of its phase may still move it, and none while a commit is open.
    """
    run.worker = None
    rests = run.commit_open or is_full(run)
    run.wake_at = None if rests else min(shared_timers(run).values(), default=None)


def is_full(run: Run) -> bool:
    """Say whether the run has too many records to begin anything.

    An open commit is still completed.
    """
    return run.seq >= bounds.HISTORY_RECORDS and not run.commit_open


def stall_full(draft: Draft) -> None:
    """Stall a run that has too many records."""
    run = draft.run
    stall(
        draft,
        describe_without_exception(
            "HistoryFull",
            f"{run.id} has {run.seq:,} records, and a run can have at most {bounds.HISTORY_RECORDS:,}; end it with "
            f"`opord runs terminate {run.id}`, and start a new run in its place",
        ),
    )


def resume(draft: Draft, *, actor: str, role: str | None, reason: str | None) -> None:
    """Let a stalled run go on where it was.

    A step without a commit begins anew: with a new `now`, no answers, and attempts from one.
    """
    draft.record(RecordBody(kind="retried", actor=actor, role=role, reason=reason))
    pending = draft.run.body.pending
    if pending is not None and pending.on_record and pending.intent is None:
        anew = Pending(cause=pending.cause, now=draft.at)
        draft.run.body.pending = anew if pending.cause is not None else None
    draft.run.body.trouble = None
    draft.run.reason = None
    runnable(draft)


def acknowledge(draft: Draft, *, actor: str, role: str | None, reason: str | None) -> None:
    """Close the open alarms by a person's word. Nothing else changes."""
    run = draft.run
    seqs = [alarm.seq for alarm in run.body.alarms]
    draft.record(RecordBody(kind="acknowledged", alarms=seqs, actor=actor, role=role, reason=reason))
    run.body.alarms = []


def terminate(draft: Draft, *, actor: str, role: str | None, reason: str | None) -> None:
    """End a run by an administrator's word. Its state stays the last one."""
    run = draft.run
    intent = run.intent
    still_open = None
    if intent is not None and intent.outcome is None:
        still_open = {"call": intent.call, "key": intent.key, "attempt": intent.attempt}
    draft.record(RecordBody(kind="terminated", actor=actor, role=role, reason=reason, open=still_open))
    run.status, run.outcome = "ended", "terminated"
    run.reason = reason
    run.worker = run.wake_at = None
    run.body.pending = None
    run.body.timers = {}


def shared_timers(run: Run) -> dict[str, Instant]:
    """Return the due times of the phase's timers, which can move even an acting state."""
    if not run.body.timers:
        return {}
    shared = {timer.id for timer in run.at.timers if timer.shared}
    return {name: due for name, due in run.body.timers.items() if name in shared}


_Entry: TypeAlias = tuple[Split, Instant, list[str], dict[str, Instant]]
"""The result of entering a state, computed before anything changes.

Its parts: data, start of the phase, timers that fired, due times.
"""


def entry_of(run: Run, target: StateProgram, fields: Any, at: Instant) -> _Entry:
    """Compute what entering a state results in. Nothing is changed.

    Raises:
        StepError: its data cannot be stored, or a timer cannot be computed.
    """
    try:
        codec, large = target.fields, run.large
        rest = large.dump(codec, fields) if large.entries else codec.dump(fields)
        data = large.split(codec, rest, fields)
        if data.size() > bounds.STEP_BYTES:
            raise step_too_large(data.size(), f"what {target.declaration.name} carries")
        phase = target.declaration.phase
        stays = run.state and phase is not None and run.at.declaration.phase == phase
        phase_since = run.body.phase_since if stays else at
        fired = _fired(run) if stays else []
        timers = due_times(run, target, fields, at, phase_since, fired) if target.timers else {}
    except Exception as error:
        raise StepError(error, run.program.place_of(error)) from error
    return data, phase_since, fired, timers


def _fired(run: Run) -> list[str]:
    """Return the phase's timers that have moved the run, including the one that does so now."""
    cause = run.body.pending.cause if run.body.pending is not None else None
    if cause is None or cause.kind != "timer":
        return run.body.fired
    shared = any(timer.shared for timer in run.at.timers if timer.id == cause.handler)
    return [*run.body.fired, cause.handler] if shared else run.body.fired


def _enter(run: Run, name: str, fields: Any, entry: _Entry, at: Instant) -> None:
    body = run.body
    declaration = run.program.states[name].declaration
    data, body.phase_since, body.fired, body.timers = entry
    run.state = name
    run.carry(data, fields)
    run.since = at
    run.reason = None
    body.entered += 1
    body.pending = None
    body.trouble = None
    body.limit = None
    body.not_before = {}
    run.status = "running"
    if declaration.kind == "final":
        run.status, run.outcome = "ended", declaration.outcome
        run.worker = run.wake_at = None
    elif run.worker is None:
        run.wake_at = at


def _written(timers: dict[str, Instant]) -> dict[str, str] | None:
    return {name: text(due) for name, due in timers.items()} if timers else None


def left_by_success_alone(action: Action) -> bool:
    """Say whether a run leaves a commit of the action only once it has surely taken effect."""
    by_time = isinstance(action.doubt, Ask) and action.doubt.within is not None
    return not (action.fails or by_time or goes_on_by_itself(action.doubt))


def goes_on_by_itself(rule: Doubt) -> bool:
    """Say whether a run goes on from a doubt at once, without asking anybody."""
    match rule:
        case Skip() | Report():
            return True
        case Repeat() | Check() | Ask():
            return False
        case _:
            assert_never(rule)
