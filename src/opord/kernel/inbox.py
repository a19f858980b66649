"""Events: what a run does with a new event and with those that wait.

Order decides. Events that waited are taken on entry to a state, in the order of arrival, before
timers. A timer that is due comes before an event that arrives later, even if no worker was running
to fire it. If the timer's step makes calls, such an event waits until a worker has begun the step
and the step rests or ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import msgspec

from opord.contract import Action, Event
from opord.kernel import recording, restored
from opord.kernel.alarms import Alarm, contradiction
from opord.kernel.asked_waits import NO_WAIT, HeardWait, asked_wait, keep_wait
from opord.kernel.beginning import check_beginning, check_goto
from opord.kernel.cause import Cause
from opord.kernel.draft import Draft
from opord.kernel.endings import recorded_outcome
from opord.kernel.instants import text
from opord.kernel.large import Split
from opord.kernel.program import HandlerProgram, Program
from opord.kernel.records import EvidenceKind, RecordBody, RecordKind
from opord.kernel.requests import Goto
from opord.kernel.rows import InboxKind, InboxRow, has_ended, is_held
from opord.kernel.run import Intent, Outcome, Run
from opord.kernel.sealing import opened_text, sealed_text
from opord.kernel.step import StepError, StepUnderWay, find_timer, load_failure
from opord.kernel.taking import commit_open, fitting, handlers_now
from opord.kernel.trouble import trouble_of
from opord.values.call_words import failed_words
from opord.values.canonical import loads
from opord.values.failure import Failure
from opord.values.types import NO_KEY, Instant, Key, RunId

EVIDENCE_RULE = 2
"""The rule of evidence that its record names: if it contradicts what was decided, an alarm follows.

Before the rule had a number, evidence raised no alarms.
"""


class Message(msgspec.Struct, omit_defaults=True):
    """An event as sent: its arguments in rest form, its sender and role, and its key if it has one.

    `id` distinguishes it from an otherwise equal event. `delivery` is what its sender calls it, the
    same each time that it is delivered; empty if the sender gave no name. `trace` is the
    `traceparent` that it came with, which says nothing of what it means; empty without one.
    """

    event: str
    args: Any
    actor: str = ""
    role: str = ""
    key: Key = NO_KEY
    id: str = ""
    delivery: Key = NO_KEY
    trace: str = ""


class Evidence(msgspec.Struct, omit_defaults=True):
    """What a worker learned of an attempt after it lost the run.

    `not_called` is its word that the call never began: the handler was not entered, and never will
    be.
    """

    intent: int
    call: str
    attempt: int
    kind: EvidenceKind
    value: Any
    worker: str


_read_message = msgspec.json.Decoder(Message).decode
_read_evidence = msgspec.json.Decoder(Evidence).decode
_write = msgspec.json.Encoder(order="sorted").encode


def inbox_row(run: Run, message_id: str, arrived: Instant, message: Message | Evidence) -> InboxRow:
    """Return a message to a run in the form that the store keeps."""
    kind: InboxKind
    match message:
        case Message():
            kind = "event"
        case Evidence():
            kind = "evidence"
        case _:
            assert_never(message)
    body = sealed_text(run.program, run.id, f"inbox {message_id}", _write(message).decode())
    return InboxRow(message_id, arrived, kind, body)


def kept_message(row: InboxRow) -> Message:
    """Return the event of an inbox row as stored, with its secrets sealed."""
    return _read_message(row.body)


def kept_evidence(row: InboxRow) -> Evidence:
    """Return the evidence of an inbox row as stored, with its secrets sealed."""
    return _read_evidence(row.body)


def read_message(program: Program, run: RunId, row: InboxRow) -> Message:
    """Return the event of an inbox row."""
    return _read_message(opened_text(program, run, f"inbox {row.id}", row.body))


def event_name(row: InboxRow) -> str | None:
    """Return the name of a stored event; None if the row is damaged."""
    try:
        return str(loads(row.body)["event"])
    except (LookupError, ValueError, TypeError):
        return None


def read_evidence(program: Program, run: RunId, row: InboxRow) -> Evidence:
    """Return the evidence of an inbox row."""
    return _read_evidence(opened_text(program, run, f"inbox {row.id}", row.body))


def nothing_to_take_in(run: Run) -> bool:
    """Say whether a held run can go on at once.

    It can if its state acts, no message waits, and no timer runs.
    """
    return (
        run.arrivals == 0
        and not run.body.timers
        and run.status == "running"
        and run.body.pending is None
        and run.at.declaration.kind == "acting"
    )


def keeps(run: Run, event: Event, *, behind_timer: bool = False) -> bool:
    """Say whether the event is stored if no handler takes it now.

    It is stored if it is declared `keep`. It is also stored if the state's phase handles it, and a
    commit is open or the event comes behind the step of a timer.
    """
    if has_ended(run.status):
        return False
    if event.keep:
        return True
    handlers = run.at.handlers.get(event.name, ())
    return (commit_open(run) or behind_timer) and any(handler.shared for handler in handlers)


def timer_begins(run: Run) -> bool:
    """Say whether a timer has fired, and nothing of its step is on record yet.

    Unless a worker carries the step out, events that come now are stored: the timer was due first.
    """
    return run.status == "running" and in_step_of_timer(run)


def in_step_of_timer(run: Run) -> bool:
    """Say whether the step under way is that of a timer, with nothing of it on record."""
    pending = run.body.pending
    cause = pending.cause if pending is not None and not pending.on_record else None
    return cause is not None and cause.kind == "timer"


def must_look(run: Run, now: Instant) -> bool:
    """Say whether waiting messages or a timer may move the run before anything else does.

    If not, an event that is only stored does not need the waiting messages, however many there are.
    """
    if commit_open(run):
        return False
    if min(run.body.timers.values(), default=now + 1) <= now:
        return True
    # A waiting run without a holder has looked at all of them on entry.
    return run.status == "running" and bool(handlers_now(run))


def take_in(draft: Draft, inbox: Sequence[InboxRow], *, carried: bool = False) -> list[InboxRow]:
    """Take the waiting messages that move the run, and fire timers that are due.

    `carried` is true if a worker carries the run; then messages may take it from the step of a
    timer. Returns the messages that stay. The run is then acting (a worker goes on with it),
    waiting, stalled or ended. An ended run has no messages left; they are recorded as unhandled.
    """
    rows = adopt_all(draft, inbox)
    entered = -1
    run = draft.run
    if is_held(run.status) and not (_fire_due(draft) or _take_from_timer(draft, rows)):
        recording.stay_stalled(run)
        return rows
    while True:
        if has_ended(run.status):
            return _leave_unhandled(draft, rows)
        if is_held(run.status) or commit_open(run):
            return rows
        full = recording.is_full(run)
        if full and run.waits and min(run.body.timers.values(), default=draft.at + 1) <= draft.at:
            recording.stall_full(draft)
            return rows
        if run.body.entered != entered and not full and (carried or not timer_begins(run)):
            entered = run.body.entered
            if _take_first(draft, rows):
                entered = -1
                continue
        if _fire_due(draft):
            continue
        if run.waits:
            run.status = "waiting"
            run.worker = None
            run.wake_at = min(run.body.timers.values(), default=None)
        return rows


def receive(draft: Draft, message: Message, handler: HandlerProgram) -> None:
    """Record an event that is sent now, and run its handler as far as that needs no call.

    Raises:
        StepError: its step can only stall. The draft and its run must not be used any more.
    """
    _take(draft, message, handler)
    if handler.calls:
        check_beginning(draft.run, draft.at)


def _take(draft: Draft, message: Message, handler: HandlerProgram, *, arrived: Instant | None = None) -> None:
    """Record a taken event and run its handler, as far as that needs no call.

    Raises:
        StepError: the step could not be computed.
    """
    kind: RecordKind = "event" if handler.step is not None else "ignored"
    seq = draft.record(_of_event(kind, message, arrived), event_args(draft.run, message))
    if handler.step is None:
        return
    if message.trace:
        draft.run.body.trace = message.trace
    cause = Cause(
        "event", handler.id, message.event, message.args, message.actor, message.role,
        message.id, message.key, seq, message.delivery,
    )  # fmt: skip
    _answer_to(draft, cause, calls=handler.calls)


def _of_event(kind: RecordKind, message: Message, arrived: Instant | None) -> RecordBody:
    """Return the record of an event. `arrived` is when it came, if it had been stored."""
    return RecordBody(
        kind=kind,
        event=message.event,
        actor=message.actor,
        role=message.role or None,
        key=message.key or None,
        id=message.id or None,
        delivery=message.delivery or None,
        trace=message.trace or None,
        arrived=text(arrived) if arrived is not None else None,
    )


def event_args(run: Run, message: Message) -> dict[str, Split]:
    """Return the arguments of an event in the form of a record."""
    event = run.program.events.get(message.event)
    if event is None:
        # The contract cannot be read, so it is unknown which values are large: the arguments are
        # kept as they came.
        return {"args": Split(message.args, message.args)}
    return {"args": run.large.split(event.args, message.args)}


def _take_first(draft: Draft, rows: list[InboxRow]) -> bool:
    run = draft.run
    for row in rows:
        message = read_message(run.program, run.id, row)
        handler = fitting(run, message.event, message.args, message.actor, draft.at).handler
        if handler is not None:
            rows.remove(row)
            draft.take.append(row.id)
            try:
                _take(draft, message, handler, arrived=row.arrived)
            except StepError as error:
                recording.stall(draft, trouble_of(error, run.program))
            return True
    return False


def _take_from_timer(draft: Draft, rows: list[InboxRow]) -> bool:
    """Take a message that waited behind the step of a timer, now that the step has stalled."""
    run = draft.run
    return in_step_of_timer(run) and not recording.is_full(run) and _take_first(draft, rows)


def _fire_due(draft: Draft) -> bool:
    run = draft.run
    if commit_open(run) or recording.is_full(run):
        return False
    timers = run.body.timers if run.waits and not is_held(run.status) else recording.shared_timers(run)
    if not timers:
        return False
    name = min(timers, key=timers.__getitem__)
    if timers[name] > draft.at:
        return False
    timer = find_timer(run, name)
    try:
        _answer_to(draft, Cause("timer", name), calls=timer.calls)
    except StepError as error:
        recording.stall(draft, trouble_of(error, run.program))
    return True


def _answer_to(draft: Draft, cause: Cause, *, calls: bool) -> None:
    """Begin the step of a cause, and end it here if it makes no call.

    Raises:
        StepError: the step could not be computed.
    """
    run = draft.run
    recording.begin_step(draft, cause)
    match cause.kind:
        case "timer":
            # A fired timer never fires again, even if its step takes a long time.
            run.body.timers = {name: due for name, due in run.body.timers.items() if name != cause.handler}
        case "event":
            pass
        case _:
            assert_never(cause.kind)
    if calls:
        return
    request = StepUnderWay(run, draft.at).begin()
    if not isinstance(request, Goto):
        raise TypeError(
            f"the handler of {cause.label} calls {request.name}, which its contract does not allow"
        )
    if cause.kind == "event":
        check_goto(run, request, draft.at)
    recording.go(draft, request, cause=cause_text(cause), answers=[])


def commit_text(action: str, outcome: Outcome) -> str:
    """Return what a cause tells of a commit: its action, and how it failed if it did."""
    match outcome.kind:
        case "ok":
            return action
        case "failed":
            return f"{action} {failed_words([outcome.value['type'].rpartition('.')[2]])}"
        case _:
            assert_never(outcome.kind)


def cause_text(cause: Cause | None, committed: str | None = None) -> str:
    """Return the cause of a transition, as histories show it; `committed` is a `commit_text`."""
    if cause is None:
        return f"commit {committed}" if committed is not None else "body"
    match cause.kind:
        case "event":
            label = f"event {cause.event}"
        case "timer":
            label = f"timer {cause.handler}"
        case _:
            assert_never(cause.kind)
    return f"{label}, commit {committed}" if committed is not None else label


def _leave_unhandled(draft: Draft, rows: list[InboxRow]) -> list[InboxRow]:
    for row in rows:
        draft.take.append(row.id)
        message = read_message(draft.run.program, draft.run.id, row)
        draft.record(_of_event("unhandled", message, row.arrived), event_args(draft.run, message))
    return []


def record_evidence(
    draft: Draft,
    evidence: Evidence,
    row: InboxRow | None = None,
    answered: Sequence[int] = (),
    wait: HeardWait = NO_WAIT,
) -> None:
    """Record evidence, and which attempts of the open commit it answers. It moves nothing.

    If it contradicts what was decided, it raises an alarm. `row` is the evidence's inbox row, if it
    waited. `wait` is what the other side asked for.
    """
    seq = draft.record(
        RecordBody(
            kind="evidence",
            call=evidence.call,
            intent=evidence.intent,
            attempt=evidence.attempt,
            learned_by=evidence.worker,
            answered=[*answered] or None,
            id=row.id if row is not None else None,
            arrived=text(row.arrived) if row is not None else None,
            rule=EVIDENCE_RULE,
            **wait.members(),
        ),
        {"outcome": _recorded_evidence(draft.run, evidence)},
    )
    _raise_alarm_if_contradicted(draft, evidence, seq)


def _raise_alarm_if_contradicted(draft: Draft, evidence: Evidence, seq: int) -> None:
    """Raise an alarm if recorded evidence contradicts what is on record of its commit."""
    run = draft.run
    if evidence.intent not in run.past:
        raise RuntimeError(f"{run.id}: nobody has looked what is on record of intent {evidence.intent}")
    past = run.past[evidence.intent]
    if past is None:
        return  # there is no such intent; `legality` says so
    outcome: dict[str, Any] = {evidence.kind: evidence.value}
    against = contradiction(run.program, past, evidence.attempt, outcome, settles=_settles(run, evidence))
    past.hear(evidence.attempt, outcome, seq)
    if against is None:
        return
    number = draft.record(
        RecordBody(
            kind="alarm",
            call=past.call,
            key=past.key,
            intent=past.seq,
            attempt=evidence.attempt,
            learned_by=evidence.worker,
            reason=against.reason,
            evidence=seq,
            against=against.seq,
        )
    )
    alarm = Alarm(
        number,
        draft.at,
        past.call,
        past.key,
        evidence.attempt,
        against.reason,
        seq,
        against.seq,
        evidence.worker,
    )
    run.body.alarms = [*run.body.alarms, alarm]
    draft.opened += (alarm,)


def _settles(run: Run, evidence: Evidence) -> bool:
    """Say whether evidence is a failure that speaks for every attempt under the key."""
    call = run.program.calls.get(evidence.call)
    match evidence.kind:
        case "ok" | "not_called":
            return False
        case "failed":
            if call is None or not isinstance(call.declaration, Action) or call.declaration.key is None:
                return False
            return load_failure(call, evidence.value).opord_settles
        case _:
            assert_never(evidence.kind)


def _recorded_evidence(run: Run, evidence: Evidence) -> Split:
    match evidence.kind:
        case "ok" | "failed":
            return recorded_outcome(run, evidence.call, evidence.kind, evidence.value)
        case "not_called":
            outcome = {"not_called": None}
            return Split(outcome, outcome)
        case _:
            assert_never(evidence.kind)


def adopt_all(draft: Draft, inbox: Sequence[InboxRow]) -> list[InboxRow]:
    """Record all waiting evidence, let it answer attempts, and return the other messages."""
    rows = []
    for row in inbox:
        match row.kind:
            case "evidence":
                draft.take.append(row.id)
                adopt(draft, read_evidence(draft.run.program, draft.run.id, row), row)
            case "event":
                rows.append(row)
            case _:
                assert_never(row.kind)
    return rows


def adopt(draft: Draft, evidence: Evidence, row: InboxRow | None = None) -> bool:
    """Let evidence answer attempts of the open commit; say whether the run can then go on.

    A result answers every attempt. A failure answers its own attempt. A failure that settles
    answers all attempts under the key and ends the commit. The exception is an attempt that is
    under way: it may still take effect if the other side forgets what it refused. The word that a
    call never began takes its own attempt back. `row` is the evidence's inbox row, if it waited.
    """
    run = draft.run
    intent = run.intent
    if intent is None or intent.outcome is not None or intent.seq != evidence.intent:
        record_evidence(draft, evidence, row)
        return False
    call, action = run.action(intent)
    match evidence.kind:
        case "ok":
            record_evidence(draft, evidence, row, [*_open_attempts(intent)])
            _decide(draft, intent, Outcome("ok", evidence.value, "evidence"))
            return True
        case "failed":
            return _answered(draft, evidence, row, intent, action, load_failure(call, evidence.value))
        case "not_called":
            mine = [number for number in _open_attempts(intent) if number == evidence.attempt]
            record_evidence(draft, evidence, row, mine)
            if not mine:
                return False
            recording.take_back(draft, intent, evidence.attempt)
            return not (intent.in_flight or intent.doubts)
        case _:
            assert_never(evidence.kind)


def _decide(draft: Draft, intent: Intent, outcome: Outcome) -> None:
    """Record an outcome that is known by evidence. More evidence of the commit may come with it."""
    recording.outcome_known(draft, intent, outcome)
    past = draft.run.past.get(intent.seq)
    if past is not None:
        past.decide(outcome.shape(), outcome.by, intent.attempt, draft.run.seq)


def _answered(
    draft: Draft, evidence: Evidence, row: InboxRow | None, intent: Intent, action: Action, failure: Failure
) -> bool:
    """Let a late failure answer what it can of the attempts of an open commit."""
    run = draft.run
    mine = [number for number in _open_attempts(intent) if number == evidence.attempt]
    for_all = failure.opord_settles and action.key is not None
    answered = [*dict.fromkeys([*intent.doubts, *mine])] if for_all else mine
    wait = asked_wait(failure) if answered else NO_WAIT
    record_evidence(draft, evidence, row, answered, wait)
    if not answered:
        return False
    keep_wait(run, intent.call, wait, row.arrived if row is not None else draft.at)
    final = not failure.opord_transient
    recording.answer(draft, intent, answered, evidence.value, final=final)
    if intent.in_flight or intent.doubts:
        return False
    if final and (failure.opord_settles or not restored.before(run, action, intent)):
        _decide(draft, intent, Outcome("failed", evidence.value, "evidence"))
    return True


def _open_attempts(intent: Intent) -> Iterator[int]:
    """Yield the attempts without a recorded end: those in doubt, and the one under way."""
    yield from intent.doubts
    if intent.in_flight:
        yield intent.attempt
