"""Check transitions against the contract: their causes and data, events, and timers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, assert_never, cast, get_args

from opord.contract import Var
from opord.kernel.instants import LAST_INSTANT, from_datetime, microseconds, parse
from opord.kernel.legality.fold import Fold, ReadRecord, TakenEvent
from opord.kernel.legality.senders import wrong_sender, wrong_sender_here
from opord.kernel.legality.steps import goes_on
from opord.kernel.legality.troubles import check_trouble
from opord.kernel.legality.values import UNFIT
from opord.kernel.program import HandlerProgram, StateProgram, TimerProgram
from opord.kernel.records import FAILED, CauseWord
from opord.kernel.rows import delivery_name
from opord.kernel.scheduling import label_problem, priority_problem
from opord.statements import gotos
from opord.values.call_words import failed_words
from opord.values.codec import Codec
from opord.values.types import Instant

_CAUSE = re.compile(
    rf"(?P<kind>{'|'.join(get_args(CauseWord))})(?: (?P<name>.+?))?(?:, commit (?P<commit>\w+))?(?P<failed>{FAILED})?",
    re.DOTALL,
)

_EVERY_RECORD = frozenset(
    ("run", "seq", "at", "kind", "worker", "epoch", "contract", "prev", "values")
)  # fmt: skip

_NO_TROUBLE = _EVERY_RECORD | {"key", "args", "now", "answers"}
"""The members of a stall that are not what went wrong: those of every record, and of a collision.
"""


def started(fold: Fold, record: ReadRecord) -> None:
    """Check the first record: the input, the run's name, and the initial state."""
    program, body = fold.program, record.body
    fold.started_at = record.at
    if (body["name"], body["version"]) != (program.name, program.version):
        fold.problem(
            "contract",
            f"it is a run of {body['name']} version {body['version']}, not {program.name} {program.version}",
        )
    _check_scheduling(fold, body)
    fold.trace = body.get("trace", "")
    fold.input_rest = body["input"]
    fold.input = decoded(fold, "input", program.input, body["input"])
    if program.key is not None and fold.input is not None:
        name = f"{program.name}/{program.key(fold.input)}"
        if fold.run != name:
            fold.problem("run", f"by its key the run is {name}, it is kept as {fold.run}")
    if program.refusal is not None and fold.input is not None:
        _check_required(fold, program.refusal)
    initial = next(state.name for state in program.contract.states if state.initial)
    if body["to"] != initial:
        fold.problem("transition", f"it starts in {body['to']}, the initial state is {initial}")
    _enter(fold, record)


def _check_scheduling(fold: Fold, body: Mapping[str, Any]) -> None:
    """Check the priority and the label, which are left out if they are the usual ones."""
    if "priority" in body:
        fold.priority = body["priority"]
        if why := priority_problem(fold.priority):
            fold.problem("priority", why)
    if "label" in body:
        fold.label = body["label"]
        if why := label_problem(fold.label):
            fold.problem("label", why)


def _check_required(fold: Fold, refusal: Callable[[Any], tuple[int, str] | None]) -> None:
    try:
        refused = refusal(fold.input)
    except Exception as error:
        fold.problem("input", f"a `require` of the contract cannot be computed: {error}")
        return
    if refused is not None:
        fold.problem("input", f"a `require` of the contract refuses it: {refused[1]}")


def event(fold: Fold, record: ReadRecord) -> None:
    """Check a taken event: this state handles it, its sender may send it, its content fits."""
    handler = _handled(fold, record)
    if handler is not None and handler.step is None:
        fold.problem("event", f"{record.body['event']} is only recorded in {fold.state}, and moved the run")
    fold.commit = fold.reused = fold.step = fold.trouble = None
    fold.stalled = fold.resumed = False
    fold.trace = record.body.get("trace", fold.trace)
    if handler is not None:
        body = record.body
        fold.taken_event = TakenEvent(
            body["event"],
            handler,
            not handler.calls,
            record.at,
            body["args"],
            body.get("actor", ""),
            body.get("role", ""),
            body.get("id", ""),
            body.get("key", ""),
            record.seq,
            body.get("delivery", ""),
        )


def ignored(fold: Fold, record: ReadRecord) -> None:
    """Check an event that is only recorded."""
    handler = _handled(fold, record)
    if handler is not None and handler.step is not None:
        fold.problem("event", f"{record.body['event']} has a handler in {fold.state}, and was only recorded")


def unhandled(fold: Fold, record: ReadRecord) -> None:
    """Check a stored event that no state took before the run ended."""
    _declared(fold, record)


def dropped(fold: Fold, record: ReadRecord) -> None:
    """Check an event that a person took out: a stored one, or that of a stalled step."""
    body = record.body
    _by_somebody(fold, record)
    if "of" in body:
        _drop_taken(fold, body)
    elif "arrived" not in body:
        fold.problem("form", "a dropped event was neither stored nor that of a step")
    else:
        about = {**body, "actor": body.get("sender", ""), "role": body.get("sender_role")}
        _declared(fold, record._replace(body=about))
    if "key" in body:
        fold.dropped_keys.append([body["event"], body["key"]])
    if "delivery" in body:
        fold.dropped_keys.append([delivery_name(body["event"]), body["delivery"]])


def _drop_taken(fold: Fold, body: Mapping[str, Any]) -> None:
    taken = fold.taken_event
    if taken is None or not fold.stalled or fold.commit is not None:
        fold.problem("event", f"no stalled step without a commit answers {body['event']}")
    elif (taken.event, taken.seq, taken.id, taken.key, taken.delivery) != (
        body["event"], body["of"], body.get("id", ""), body.get("key", ""), body.get("delivery", ""),
    ):  # fmt: skip
        fold.problem("event", f"the stalled step answers the {taken.event} of record {taken.seq}")
    fold.taken_event = fold.step = fold.reused = fold.trouble = None
    fold.stalled = fold.resumed = False


def transition(fold: Fold, record: ReadRecord) -> None:
    """Check a transition: the state and the cause's body allow it, and the data fit."""
    body = record.body
    if body["from"] != fold.state:
        fold.problem("transition", f"it leaves {body['from']}, but the run is in {fold.state}")
    target = fold.program.states.get(body["to"])
    if target is None:
        raise KeyError(f"the contract has no state {body['to']}")
    declared = fold.at.declaration
    if body["to"] not in declared.targets:
        fold.problem(
            "transition",
            f"{fold.state} may go to {', '.join(declared.targets) or 'no state'}, not to {body['to']}",
        )
    block = _cause(fold, record)
    if block is not None and all(body["to"] != goto.state for goto in gotos(block)):
        fold.problem("transition", f"what {body['cause']!r} runs in {fold.state} never goes to {body['to']}")
    for answer in body.get("calls", ()):
        check_answer(fold, answer)
    if fold.commit is None:
        goes_on(fold, record, body.get("calls", ()))
    fold.how = _how(fold, body["cause"])
    outcome = target.declaration.outcome
    if body.get("result") != outcome:
        fold.problem(
            "transition",
            f"the run's outcome is said to be {body.get('result')}, {body['to']} means {outcome}",
        )
    _enter(fold, record)


def stalled(fold: Fold, record: ReadRecord) -> None:
    """Check a stall: the record must say why."""
    if not isinstance(record.body.get("error"), str):
        fold.problem("form", "a stalled run says no error")
    check_trouble(fold, record.body.get("trouble"))
    fold.stalled = fold.stalled_here = True
    fold.stalled_at = record.at
    fold.resumed = False
    fold.trouble = {name: value for name, value in record.body.items() if name not in _NO_TROUBLE}
    if fold.taken_event is not None:
        fold.taken_event = fold.taken_event._replace(at_once=False)


def retried(fold: Fold, record: ReadRecord) -> None:
    """Check a resume by a person."""
    _by_somebody(fold, record)
    fold.stalled, fold.trouble, fold.resumed = False, None, True
    if fold.step is not None and fold.taken_event is not None:
        fold.taken_event = fold.taken_event._replace(at=record.at)
    fold.step = None


def terminated(fold: Fold, record: ReadRecord) -> None:
    """Check the end of a run by an administrator."""
    _by_somebody(fold, record)
    fold.ended, fold.ended_why = "terminated", record.body.get("reason")
    fold.timers = {}


def _how(fold: Fold, cause: str) -> str:
    """Return what moved the run, as its row has it: the cause and, of an event, its sender."""
    if fold.taken_event is not None and fold.taken_event.actor and cause.startswith("event "):
        return f"{cause} from {fold.taken_event.actor}"
    return "" if cause == "body" else cause


def check_answer(fold: Fold, answer: dict[str, Any]) -> None:
    """Check the answer of a `pure` or `effect` against its declaration."""
    call = fold.program.calls.get(answer["call"])
    if call is None or call.kind == "action":
        fold.problem("call", f"{answer['call']} is neither a pure nor an effect of the contract")
    elif "failed" in answer:
        if answer["failed"]["type"] != "TimedOut":
            decoded(fold, f"the failure of {answer['call']}", call.failure, answer["failed"])
    elif call.result is not None:
        decoded(fold, f"the answer of {answer['call']}", call.result, answer["ok"])


def _by_somebody(fold: Fold, record: ReadRecord) -> None:
    if not record.body.get("actor"):
        fold.problem("actor", f"`{record.kind}` names nobody who did it")


# --- events --------------------------------------------------------------------------------------


def _declared(fold: Fold, record: ReadRecord) -> Any:
    """Check an event against its declaration; return its values, or None."""
    body = record.body
    program = fold.program.events.get(body["event"])
    if program is None:
        fold.problem("event", f"the contract has no event {body['event']}")
        return None
    roles = program.declaration.roles
    if roles and body.get("role") not in roles:
        fold.problem(
            "role",
            f"only {' or '.join(roles)} may send {body['event']}, it came from {body.get('role') or 'no role'}",
        )
    if (why := wrong_sender(fold, program, record.at, body.get("actor", ""))) is not None:
        fold.problem("actor", why)
    values = decoded(fold, f"the content of {body['event']}", program.args, body["args"])
    key = body.get("key")
    if (program.key is None) != (key is None):
        fold.problem("key", f"{body['event']} has a key on record or by the contract, but not both")
    if program.key is not None and values is not None and not names_now(program.declaration.key):
        expected = program.key(values, fold.frame(record.at, body.get("actor", "")))
        if key != expected:
            fold.problem("key", f"{body['event']} has the key {key!r}, by the contract it is {expected!r}")
    if key is not None:
        _keyed(fold, record, body["event"], key)
    if "delivery" in body:
        _keyed(fold, record, delivery_name(body["event"]), body["delivery"])
    return values


def _keyed(fold: Fold, record: ReadRecord, name: str, key: str) -> None:
    """Note that an event has used a key, or the id of a delivery; each is used once."""
    fold.event_args.setdefault((name, key), record.body["args"])
    first = fold.event_keys.setdefault((name, key), record.seq)
    if first != record.seq:
        fold.problem("key", f"{name} with the key {key!r} was taken before, at record {first}")


def _handled(fold: Fold, record: ReadRecord) -> HandlerProgram | None:
    values = _declared(fold, record)
    name = record.body["event"]
    at_rest = not fold.acts and fold.taken_event is None and fold.commit is None and fold.step is None
    handlers = [h for h in fold.at.handlers.get(name, ()) if at_rest or h.shared]
    if not handlers:
        when = "" if at_rest else " in the middle of a step"
        fold.problem("event", f"{fold.state} does not handle {name}{when}")
        return None
    if at_rest and not fold.stalled and "arrived" not in record.body:
        late = _first_due(fold, record.at)
        if late is not None and not _timer(fold, late).calls:
            fold.problem("timer", f"{late} was due before {name} came, and a due timer wins")
    frame = fold.frame(record.at, record.body.get("actor", ""))
    why = wrong_sender_here(fold, fold.program.events[name], record.at, frame.actor)
    if why is not None:
        fold.problem("actor", why)
    if values is None:
        return handlers[0]
    for handler in handlers:
        if handler.guard is None or _holds(handler.guard, fold.fields, frame, values):
            return handler
    fold.problem("event", f"{name} does not meet the condition of its handler in {fold.state}")
    return None


def _holds(guard: Callable[[Any, Any, tuple[Any, ...]], bool], *about: Any) -> bool:
    """Say whether a guard holds; one that cannot be computed does not."""
    try:
        return guard(*about)
    except Exception:
        return False


def _first_due(fold: Fold, at: Instant) -> str | None:
    """Return the timer that is due first; None if none is.

    Of two that are due at once, this is the one whose step makes calls. Its step may be under way,
    and leaves no record before it ends. Then no other timer of the state fires.
    """
    due = {name: when for name, when in fold.timers.items() if when <= at}
    return min(due, key=lambda name: (due[name], not _timer(fold, name).calls), default=None)


def names_now(expression: Any) -> bool:
    """Say whether an expression depends on the instant at which it is computed."""
    if isinstance(expression, Var):
        return expression.origin == "now"
    if isinstance(expression, tuple):
        return any(names_now(part) for part in expression)
    slots = getattr(type(expression), "__dataclass_fields__", {})
    return any(names_now(getattr(expression, name)) for name in slots)


# --- causes and timers ---------------------------------------------------------------------------


def _cause(fold: Fold, record: ReadRecord) -> Any:
    """Check the cause of a transition; return the body that it ran, if that is known."""
    cause = record.body["cause"]
    parts = _CAUSE.fullmatch(cause)
    if parts is None:
        fold.problem("cause", f"{cause!r} is no cause")
        return None
    kind = cast(CauseWord, parts["kind"])
    name = parts["name"]
    _check_committed(fold, cause, name if kind == "commit" else parts["commit"], parts["failed"])
    match kind:
        case "body" | "commit":
            if not fold.acts or fold.taken_event is not None:
                fold.problem("cause", f"{fold.state} did not act by itself here")
            return fold.at.declaration.body
        case "event":
            if fold.taken_event is None or fold.taken_event.event != name:
                fold.problem("cause", f"no event {name} was taken for this move")
                return None
            return fold.taken_event.handler.declaration.body
        case "timer":
            return _fired(fold, record, name)
        case _:
            assert_never(kind)


def _check_committed(fold: Fold, cause: str, committed: str | None, failed: str | None) -> None:
    """Check what a cause says of a commit. Older versions did not write how it failed."""
    commit = fold.commit
    if failed is not None and failed != _failed(fold):
        fold.problem("cause", f"{cause!r} says how a commit failed, and its outcome on record is another")
    action = (
        commit.call.declaration.name if commit is not None and commit.outcome is not None else fold.reused
    )
    if committed is not None and committed != action:
        fold.problem(
            "cause", f"{cause!r} names a commit of {committed}, whose outcome is not on record in this step"
        )
    if committed is None and commit is not None and commit.outcome is not None:
        fold.problem("cause", f"{cause!r} passes over the commit of {action}, which is part of this step")


def _failed(fold: Fold) -> str | None:
    """Return how the commit of this step failed, as a cause tells it; None if it did not."""
    outcome: Mapping[str, Any] | None = fold.reused_outcome if fold.reused is not None else None
    if fold.commit is not None:
        outcome = fold.commit.outcome
    if outcome is None or "failed" not in outcome:
        return None
    return f" {failed_words([outcome['failed']['type'].rpartition('.')[2]])}"


def _fired(fold: Fold, record: ReadRecord, name: str) -> Any:
    if name not in fold.timers:
        fold.problem("timer", f"{fold.state} has no timer {name}")
        return None
    timer = _timer(fold, name)
    own_turn = not fold.acts and fold.taken_event is None and not fold.stalled
    if not timer.shared and not own_turn:
        fold.problem("timer", f"{name} belongs to {fold.state} alone and cannot fire in the middle of a step")
    commit = fold.commit
    moment = commit.now if commit is not None and commit.outcome is not None else record.at
    due = fold.timers[name]
    if due > moment:
        fold.problem("timer", f"{name} fired {(due - moment) / 1e6:g} s early")
    for other, earlier in fold.timers.items():
        rival = _timer(fold, other)
        if earlier < due and not rival.calls and (rival.shared or own_turn):
            fold.problem("timer", f"{name} fired though {other} was due before it")
    return timer.declaration.body


def _timer(fold: Fold, name: str) -> TimerProgram:
    return next(timer for timer in fold.at.timers if timer.id == name)


# --- entering a state ----------------------------------------------------------------------------


def _enter(fold: Fold, record: ReadRecord) -> None:
    """Move to the state of the record, and check its data and timers against the contract."""
    target = fold.program.states[record.body["to"]]
    phase = target.declaration.phase
    stays = bool(fold.state) and phase is not None and fold.at.declaration.phase == phase
    fold.phase_since = fold.phase_since if stays else record.at
    fold.fired = fold.fired | _firing(fold, record) if stays else set()
    fold.state, fold.since = record.body["to"], record.at
    fold.data = record.body.get("data")
    fold.fields = decoded(fold, f"what {fold.state} carries", target.fields, fold.data)
    fold.entered += 1
    fold.not_before = {}
    fold.taken_event = fold.commit = fold.reused = fold.step = None
    fold.stalled = fold.stalled_here = fold.resumed = False
    fold.trouble = None
    fold.ended = target.declaration.outcome if target.declaration.kind == "final" else None
    fold.timers = {name: parse(due) for name, due in record.body.get("timers", {}).items()}
    if fold.fields is not None:
        _check_timers(fold, target, record.at)


def _firing(fold: Fold, record: ReadRecord) -> set[str]:
    """Return the phase's timer that caused the transition. It does not fire again in this phase."""
    parts = _CAUSE.fullmatch(record.body.get("cause", ""))
    name = parts["name"] if parts is not None and parts["kind"] == "timer" else None
    return {timer.id for timer in fold.at.timers if timer.shared and timer.id == name}


def _check_timers(fold: Fold, target: StateProgram, at: Instant) -> None:
    expected = {timer.id: _due(fold, timer, at) for timer in target.timers if timer.id not in fold.fired}
    if fold.timers != expected:
        differ = sorted(
            name for name in {*expected, *fold.timers} if expected.get(name) != fold.timers.get(name)
        )
        fold.problem(
            "timer", f"the timers set in {fold.state} are not those of the contract: {', '.join(differ)}"
        )


def _due(fold: Fold, timer: TimerProgram, at: Instant) -> Instant:
    when: Any = timer.when(fold.fields, fold.frame(at))
    match timer.declaration.kind:
        case "at":
            due = from_datetime(when)
        case "after":
            due = Instant((fold.phase_since if timer.shared else at) + microseconds(when))
        case _:
            assert_never(timer.declaration.kind)
    return Instant(max(0, min(due, LAST_INSTANT)))


def decoded(fold: Fold, what: str, codec: Codec, rest: Any) -> Any:
    """Return stored data as a value; report data that are not stored as their type requires."""
    try:
        value = fold.values.decode(codec, rest)
        if value is not UNFIT:
            return value
        fold.problem("data", f"{what} is not kept as its type is")
    except Exception as error:
        fold.problem("data", f"{what} does not fit its type: {error}")
    return None
