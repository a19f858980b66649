"""A run and its history as people and programs see them: plain JSON data, secrets as `[secret]`.

The command line, the API and the console use the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, assert_never

from opord.contract import Action, Ask, Check, Effect, Timer
from opord.kernel import plan
from opord.kernel.asked_waits import asked_wait, asked_words
from opord.kernel.calls_under_way import CallUnderWay
from opord.kernel.excluding import excluded_persons
from opord.kernel.inbox import Message, event_name, kept_evidence, kept_message
from opord.kernel.instants import capped, in_words, microseconds, text
from opord.kernel.large import Texts, ValueMissing, joined
from opord.kernel.needs import OPERATOR, OVERDUE_US, Need, Served, needs_of, row_needs, takes, worker_of
from opord.kernel.program import CallProgram, Program
from opord.kernel.recording import shared_timers
from opord.kernel.records import UNKNOWN_KIND
from opord.kernel.rows import InboxRow, RecordRow, RunRow, ValueRow, WorkerSign, has_ended, is_held
from opord.kernel.run import FailedAttempts, Intent, Run, RunBody, body_of
from opord.kernel.sealing import SEALED, SECRET
from opord.kernel.step import load_failure
from opord.kernel.taking import commit_open, handlers_now
from opord.values.canonical import loads
from opord.values.duration import format_duration
from opord.values.secret import SHOWN
from opord.values.types import START_OF_TIME, Duration, Instant

LONG_CALL_US: Final = Duration(60_000_000)
"""How long a call lasts before it is given as the reason why a run stands still, in microseconds.
"""

_PLAIN_MEMBERS = (
    "from", "to", "cause", "call", "key", "attempt", "actor", "worker", "event", "role", "arrived", "reason",
    "error", "place", "trouble", "traceback", "next", "now", "of", "timers", "result", "verdict", "by", "open", "evidence", "against", "alarms",
    "intent",
    "learned_by", "answered", "misfit", "sender", "sender_role", "rule", "name", "version", "priority", "label", "delivery", "trace", "epoch", "prev", "since", "until", "wait", "asked",
)  # fmt: skip


def run_view(
    run: Run,
    *,
    served: Collection[Served] | None = None,
    now: Instant | None = None,
    workers: Mapping[str, WorkerSign] | None = None,
) -> dict[str, Any]:
    """Return a run as shown.

    `served` is what live workers take, `now` is the store's clock, `workers` says the last sign of
    life of each worker; each is None if it is unknown.
    """
    return {
        "run": run.id,
        "contract": run.program.name,
        "version": run.program.version,
        "state": run.state,
        "data": _show(run.at.fields.show, run.data),
        "status": run.status,
        "outcome": run.outcome,
        "priority": run.scheduling.priority,
        "label": run.scheduling.label or None,
        "started_at": text(run.started_at),
        "since": text(run.since),
        "reason": _reason(run, served, now, workers),
        "needs": _shown_needs(needs_of(run, now=now, served=served)),
        "waiting_for": _waiting_for(run),
        "doubt": _doubt(run.body),
    }


def details_view(body: RunBody | None, inbox: Sequence[InboxRow]) -> dict[str, Any]:
    """Return what is shown of a single run beside `run_view`: its trouble and its stored events.

    `body` is None if it cannot be read.
    """
    events = [row for row in inbox if row.kind == "event"]
    return {
        "trouble": _trouble(body) if body is not None else None,
        "stored": [{"id": row.id, "event": event_name(row), "at": _instant(row.arrived)} for row in events],
    }


def under_way_view(
    run: Run | None, workers: Mapping[str, WorkerSign] | None = None, now: Instant | None = None
) -> dict[str, Any]:
    """Return what is shown of a single run beside `run_view`: the call under way.

    `until` is when it is given up; None if it has no `timeout`, so that its worker's call limit
    ends it. A call of an effect has no key, and is known once it has lasted a while and its worker
    has said so. `run` is None if it cannot be read.
    """
    under_way = _under_way(run, workers, now) if run is not None else None
    if run is None or under_way is None:
        return {"under_way": None}
    declaration = run.program.calls[under_way.call].declaration
    timeout = declaration.timeout if isinstance(declaration, Effect | Action) else None
    until = under_way.since + microseconds(timeout) if timeout is not None else None
    return {
        "under_way": {
            "call": under_way.call,
            "key": run.intent.key if isinstance(declaration, Action) and run.intent is not None else None,
            "attempt": under_way.attempt,
            "since": text(under_way.since),
            "until": text(capped(until)) if until is not None else None,
        }
    }


def _under_way(
    run: Run, workers: Mapping[str, WorkerSign] | None, now: Instant | None
) -> CallUnderWay | None:
    """Return the call that the worker of a run is making, as far as it is known."""
    if run.worker is None or is_held(run.status) or has_ended(run.status):
        return None
    sign = workers.get(run.worker) if workers is not None else None
    alive = sign is not None and now is not None and sign.alive_until > now
    intent = run.intent
    if workers is not None and not alive:
        return None  # nobody makes it any more
    if intent is not None and intent.in_flight and intent.began_at:
        return CallUnderWay(run.id, intent.call, intent.attempt, intent.began_at)
    call = sign.calls.get(run.id) if sign is not None else None
    # What it said may be of an earlier state, or of another contract of a run that was pruned.
    known = call is not None and call.call in run.program.calls and call.since >= run.since
    return call if known else None


def _trouble(body: RunBody) -> dict[str, Any] | None:
    """Return what a handler or a step did wrong, so that the run stalled, is in doubt, or waits."""
    stall, intent = body.trouble, _doubtful(body)
    if stall is not None:
        # Before frames were on record, a stall had its text alone.
        bare: dict[str, Any] = {
            "type": None,
            "message": stall.get("error"),
            "frames": [],
            "fingerprint": None,
        }
        return stall.get("trouble", bare)  # type: ignore[no-any-return]
    if intent is not None:
        return intent.trouble
    tries = body.pending.tries if body.pending is not None else None
    return tries.trouble if tries is not None else None


def _doubtful(body: RunBody) -> Intent | None:
    """Return the commit that is in doubt, if there is one."""
    intent = body.pending.intent if body.pending is not None else None
    return intent if intent is not None and intent.doubts and intent.outcome is None else None


def _doubt(body: RunBody) -> dict[str, Any] | None:
    """Return the open doubt: its last attempt in doubt, and since when some attempt is."""
    intent = _doubtful(body)
    if intent is None:
        return None
    return {
        "call": intent.call,
        "key": intent.key,
        "attempt": intent.doubts[-1],
        "since": _instant(intent.doubt_since or intent.given_up_at),
    }


def unreadable_view(row: RunRow, reason: str) -> dict[str, Any]:
    """Return what can be shown of a run whose contract cannot be read: all but its data."""
    head, body = row.head, body_of(row)
    return {
        "run": row.run,
        "contract": row.name,
        "version": row.version,
        "state": head.state,
        "data": None,
        "status": head.status,
        "outcome": head.outcome,
        "priority": row.priority,
        "label": row.label or None,
        "started_at": _instant(row.started_at),
        "since": _instant(head.since),
        "reason": reason,
        "needs": _shown_needs(row_needs(head)),
        "waiting_for": [],
        "doubt": _doubt(body) if body is not None else None,
    }


def _instant(at: int) -> str | None:
    """Return a stored instant as shown; None if it is damaged."""
    try:
        return text(at)
    except (OverflowError, ValueError, TypeError):
        return None


def _shown_needs(needs: Iterable[Need]) -> list[dict[str, Any]]:
    return [
        {
            "reason": need.reason,
            "since": _instant(need.since) if need.since is not None else None,
            "roles": [*need.roles],
            "detail": need.detail,
        }
        for need in needs
    ]


def history_view(
    program: Program,
    records: Iterable[RecordRow],
    inbox: Sequence[InboxRow] = (),
    values: Iterable[ValueRow] = (),
    unread: Iterable[tuple[str, int | None, str]] = (),
    *,
    once: bool = False,
) -> list[dict[str, Any]]:
    """Return a run's records as shown, followed by the messages that still wait (with `seq` null).

    `values` are the large values that the records refer to; they are shown in their places. A
    record that cannot be read is replaced by one with `damaged`, which says why. `unread` lists
    what could not even be read from the store: the table, the number of a record, and why. With
    `once`, each large value stands in the first record alone, and the others refer to it.
    """
    texts = Texts(values, lambda text: _without_secrets(loads(text)))
    first: dict[str, dict[str, Any]] | None = {} if once else None
    damaged = [damaged_view(table, seq, why) for table, seq, why in unread if table != "runs"]
    shown = [
        _readable(record.kind, record.seq, partial(record_view, program, record, texts, first))
        for record in records
    ]
    # Those without a number come last, in their order.
    shown = sorted(
        [*shown, *damaged],
        key=lambda view: (view["seq"] is None, view["seq"] if view["seq"] is not None else 0),
    )
    return shown + [_readable(row.kind, None, partial(_waiting_view, program, row)) for row in inbox]


def _readable(kind: str, seq: int | None, view: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a row as shown; if it cannot be read, a placeholder that says so."""
    try:
        return view()
    except Exception as error:
        return damaged_view(kind, seq, f"it cannot be read ({type(error).__name__}: {error})")


def damaged_view(kind: str, seq: int | None, why: str) -> dict[str, Any]:
    """Return the placeholder for a row that cannot be read: its kind or table, and why."""
    return {"seq": seq, "at": None, "kind": kind, "damaged": why}


def record_view(
    program: Program,
    record: RecordRow,
    values: Texts | None = None,
    first: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return one record as shown: the members of its kind, without secrets.

    If this version does not know the kind, `unknown` says so, because its data have no known type.
    `values` are in their shown form already; all records that refer to one have the same object.
    `first` says in which record and place each value is shown first. If it is given, later records
    have null in that place, and `same_as` names the record and place that show the value.
    """
    body = loads(record.body)
    view = _small_view(program, record, body)
    if "values" in body and values is not None and record.known_kind is not None:
        # In a damaged store, show what is there; `opord runs verify` says what is missing.
        with suppress(ValueMissing, LookupError, TypeError, ValueError, AttributeError):
            placed = {_shown_at(place): key for place, key in body["values"].items()}
            same_as = _shown_before(placed, record.seq, first) if first is not None else {}
            parts = [(at, None if at in same_as else values.plain(key)) for at, key in placed.items()]
            whole: dict[str, Any] = joined(view, parts)
            return whole | {"same_as": same_as} if same_as else whole
    return view


def _shown_before(
    placed: Mapping[str, str], seq: int, first: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return where the values that are shown already stand; note where the others are shown."""
    same_as = {}
    for at, key in placed.items():
        if key in first:
            same_as[at] = first[key]
        else:
            first[key] = {"seq": seq, "at": at}
    return same_as


def _shown_at(place: str) -> str:
    """Return the place of a value in a view, by its place in the record."""
    member, _, behind = place.partition(".")
    return f"calls.{behind}" if member == "answers" else place


def _small_view(program: Program, record: RecordRow, body: Mapping[str, Any]) -> dict[str, Any]:
    view: dict[str, Any] = {"seq": record.seq, "at": body["at"], "kind": record.kind}
    view |= {name: body[name] for name in _PLAIN_MEMBERS if name in body}
    view["hash"] = record.hash
    if record.known_kind is None:
        view["unknown"] = UNKNOWN_KIND
        return view
    if record.known_kind == "dropped" and "id" in body:
        view["id"] = body["id"]
    if "data" in body:
        state = program.states.get(body["to"])
        view["data"] = _show(state.fields.show if state else None, body["data"])
    if "input" in body:
        view["input"] = _show(program.input.show, body["input"])
    if "args" in body:
        view["args"] = _shown_args(program, body)
    if "outcome" in body:
        view["outcome"] = _shown_ending(program.calls.get(body["call"]), body["outcome"])
    for member in ("calls", "answers"):
        if member in body:
            view["calls"] = [_shown_answer(program, answer) for answer in body[member]]
    return view


# --- records -------------------------------------------------------------------------------------


def _waiting_view(program: Program, row: InboxRow) -> dict[str, Any]:
    match row.kind:
        case "evidence":
            return _evidence_view(program, row)
        case "event":
            return _stored_view(program, row)
        case _:
            assert_never(row.kind)


def _evidence_view(program: Program, row: InboxRow) -> dict[str, Any]:
    evidence = kept_evidence(row)
    return {
        "seq": None,
        "at": text(row.arrived),
        "kind": "evidence",
        "call": evidence.call,
        "intent": evidence.intent,
        "attempt": evidence.attempt,
        "outcome": _shown_ending(program.calls.get(evidence.call), {evidence.kind: evidence.value}),
        "learned_by": evidence.worker,
    }


def _stored_view(program: Program, row: InboxRow) -> dict[str, Any]:
    message: Message = kept_message(row)
    view: dict[str, Any] = {"seq": None, "at": text(row.arrived), "kind": "stored", "event": message.event}
    view["args"] = _shown_args(program, {"event": message.event, "args": message.args})
    view |= {
        name: value
        for name, value in (("actor", message.actor), ("role", message.role), ("key", message.key))
        if value
    }
    return view


def _shown_args(program: Program, body: Mapping[str, Any]) -> Any:
    if "event" in body:
        event = program.events.get(body["event"])
        return _show(event.args.show if event else None, body["args"])
    call = program.calls.get(body["call"])
    return _show(call.args.show if call else None, body["args"])


def _shown_answer(program: Program, answer: Mapping[str, Any]) -> dict[str, Any]:
    ending = _shown_ending(program.calls.get(answer["call"]), answer)
    return {**answer, **ending}


def _shown_ending(call: CallProgram | None, ending: Mapping[str, Any]) -> dict[str, Any]:
    if "not_called" in ending:
        return {"not_called": None}
    if "failed" in ending:
        return {"failed": _show(call.failure.show if call else None, ending["failed"])}
    return {"ok": _show(call.result.show if call and call.result else None, ending.get("ok"))}


def _show(show: Callable[[Any], Any] | None, rest: Any) -> Any:
    """Show data by their type.

    If they do not fit it (a damaged journal), show them without secrets.
    """
    if show is not None:
        try:
            return _without_secrets(show(rest))
        except Exception:
            return _without_secrets(rest)
    return _without_secrets(rest)


def _without_secrets(rest: Any) -> Any:
    if isinstance(rest, dict):
        if SECRET in rest or SEALED in rest:
            return SHOWN
        return {name: _without_secrets(value) for name, value in rest.items()}
    if isinstance(rest, list):
        return [_without_secrets(value) for value in rest]
    return rest


# --- why it is where it is, and what moves it ----------------------------------------------------


def _reason(
    run: Run,
    served: Collection[Served] | None,
    now: Instant | None,
    workers: Mapping[str, WorkerSign] | None,
) -> str | None:
    intent = run.intent
    if run.reason is not None:
        return run.reason
    if run.status == "in_doubt" and intent is not None and intent.doubts:
        reasons = [f"nobody knows whether {intent.call} happened: {intent.reason}"]
    else:
        reasons = [one for one in (_failed_before(run, intent),) if one is not None]
    if run.body.limit and run.worker is None and not is_held(run.status):
        reasons.append(f"it waits for the limit {run.body.limit[0]}")
    trouble = _worker_trouble(run, now, workers) if workers is not None and now is not None else None
    under_way = _under_way(run, workers, now)
    if trouble is not None:
        reasons.append(trouble)
    elif now is not None and under_way is not None and under_way.since + LONG_CALL_US <= now:
        begun = in_words(under_way.since)
        reasons.append(f"attempt {under_way.attempt} of {under_way.call} is under way since {begun}")
    served_here = served is None or takes(served, run)
    goes_on = run.status in ("running", "in_doubt") or (run.status == "waiting" and run.between_attempts)
    if not served_here and goes_on and (run.worker is None or trouble is not None):
        reasons.append(f"no {worker_of(run)}")
    elif now is not None and run.status == "running" and run.worker is None and _is_late(run, now):
        reasons.append(f"it could go on since {in_words(run.wake_at or now)}, and no worker has taken it yet")
    return "; ".join(reasons) or None


def _is_late(run: Run, now: Instant) -> bool:
    return run.wake_at is not None and run.wake_at + OVERDUE_US <= now


def _worker_trouble(run: Run, now: Instant, workers: Mapping[str, WorkerSign]) -> str | None:
    """Say what keeps the worker that holds a run from going on; None if nothing does.

    A worker that shows no sign of life is told with the end of its lease.
    """
    if run.worker is None or run.wake_at is None:
        return None
    sign = workers.get(run.worker)
    if sign is not None and sign.alive_until > now:
        return f"its worker {run.worker}: {sign.trouble}" if sign.trouble else None
    since = f" since {in_words(sign.alive_until)}" if sign is not None else ""
    lease = "its lease is over since" if run.wake_at <= now else "its lease is over at"
    return f"its worker {run.worker} shows no sign of life{since}; {lease} {in_words(run.wake_at)}"


def _failed_before(run: Run, intent: Intent | None) -> str | None:
    """Say how the last attempt of the call that the run waits for failed; None if none did."""
    if run.tries is not None:
        return _tried_again(run, run.tries)
    if intent is not None and intent.failure is not None and not intent.in_flight and intent.outcome is None:
        failed = f"attempt {intent.attempt} of {intent.call} failed with {intent.failure['type']}"
        asked = _asked(run, intent)
        due = plan.attempt_from(run, intent)
        return f"{failed}{asked}; it is tried again at {in_words(due)}" if due else failed
    return None


def _asked(run: Run, intent: Intent) -> str:
    """Say how long the other side asked to wait with the last failure of an action."""
    try:
        wait = asked_wait(load_failure(run.program.calls[intent.call], intent.failure))
    except Exception:
        return ""  # it has secrets that cannot be read, or is not as its contract declares it
    return f"; {asked_words(**wait.members())}" if wait.counted else ""


def _tried_again(run: Run, tries: FailedAttempts) -> str:
    """Say how the last attempt of an effect failed, and when the next one is due."""
    failed = f"attempt {tries.number} of {tries.call} {tries.reason}"
    if run.worker is not None:
        return f"{failed}; attempt {tries.number + 1} is due"
    return f"{failed}; it is tried again at {in_words(tries.next_at)}"


def wait_for_event(run: Run, event: str, *, handled: bool) -> dict[str, Any]:
    """Return who may send an event, and whom `except` excludes though their role may.

    `handled` says whether the present state handles it. If not, only the paths into the input are
    followed.
    """
    program = run.program.events[event]
    wait: dict[str, Any] = {"event": event, "roles": list(program.declaration.roles)}
    if program.excepts:
        fields = run.fields if handled else None
        persons = excluded_persons(program, fields, run.frame(START_OF_TIME))
        wait["except"] = [{"path": path, "actors": actors} for path, actors in persons]
    return wait


def _waiting_for(run: Run) -> list[dict[str, Any]]:
    waits: list[dict[str, Any]] = []
    if run.body.alarms:
        waits.append({"person": OPERATOR, "verb": "acknowledge", "seen": run.seq})
    if has_ended(run.status):
        return waits
    if is_held(run.status):
        resolve: dict[str, Any] = {"person": OPERATOR, "verb": "resolve", "seen": run.seq}
        waits.append(resolve if run.collides else {"person": OPERATOR, "verb": "resume"})
        waits += _droppable(run)
    intent = run.intent
    if intent is not None and not is_held(run.status):
        waits += _waits_of_intent(run, intent)
    if run.body.limit and run.worker is None and not is_held(run.status):
        waits.append({"limit": run.body.limit[0]})
    if run.tries is not None and not is_held(run.status):
        waits.append({"attempt": run.tries.call, "at": text(run.tries.next_at)})
    elif intent is None and run.between_attempts:
        waits += [
            {"attempt": call, "at": text(due)}
            for call, due in run.body.not_before.items()
            if due == run.wake_at
        ]
    waits += [wait_for_event(run, event, handled=True) for event in handlers_now(run)]
    return waits + _waits_of_timers(run)


def _droppable(run: Run) -> list[dict[str, Any]]:
    """Return the event that a stalled step answers, if a person may drop it."""
    cause = run.droppable
    if cause is None:
        return []
    return [{"person": OPERATOR, "verb": "drop_event", "dropping": cause.event, "id": cause.id}]


def _waits_of_intent(run: Run, intent: Intent) -> list[dict[str, Any]]:
    if intent.in_flight or intent.outcome is not None:
        return []
    call, action = run.action(intent)
    if intent.asking:
        waits: list[dict[str, Any]] = [{"person": OPERATOR, "verb": "resolve", "seen": run.seq}]
        until = plan.ask_deadline(intent, action)
        if until is not None:
            waits.append({"timer": _ask_words(action), "at": text(until)})
        return waits
    if intent.doubts and isinstance(action.doubt, Check):
        return [{"attempt": action.doubt.effect, "at": text(plan.check_from(run, intent, action.doubt))}]
    due = plan.attempt_from(run, intent)
    return [{"attempt": call.declaration.name, "at": text(due)}] if due else []


def _ask_words(action: Action) -> str:
    within = action.doubt.within if isinstance(action.doubt, Ask) else None
    return f"{action.name} ask within {format_duration(within)}" if within is not None else action.name


def _waits_of_timers(run: Run) -> list[dict[str, Any]]:
    if commit_open(run):
        return []
    timers = run.body.timers if run.waits and not is_held(run.status) else shared_timers(run)
    return [
        {"timer": name, "at": text(due)} for name, due in sorted(timers.items(), key=lambda item: item[1])
    ]


def timer_of(program: Program, state: str, name: str) -> Timer | None:
    """Return the declaration of a timer by its name in a state."""
    state_program = program.states.get(state)
    for timer in state_program.timers if state_program else ():
        if timer.id == name:
            return timer.declaration
    return None
