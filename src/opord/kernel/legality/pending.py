"""Check the stored step under way against the journal: its cause, answers, commit and timers.

Two things leave no record, so it is only checked that they are possible: a timer whose step makes
calls has fired, or a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never

from opord.contract import Action, Ask, Check, Repeat, Report, Skip
from opord.kernel.backoff import UNEXPECTED_RETRY
from opord.kernel.instants import microseconds
from opord.kernel.legality.differing import compare, differs
from opord.kernel.legality.fold import Commit, Fold, StepOnRecord, TakenEvent
from opord.kernel.legality.steps import called_in
from opord.kernel.legality.wariness import blind
from opord.kernel.program import TimerProgram

MISFITS: Final = 3
"""How often an action without `retry` is called again after an answer that does not fit."""

_WHICH: Final = ("seq", "id", "key", "delivery")
"""The members of a cause that say which event it is."""


def by_timer(body: Mapping[str, Any]) -> bool:
    """Say whether a row says that a timer began the step under way, and nothing else of it."""
    pending = body.get("pending") or {}
    on_record = any(pending.get(name) for name in ("intent", "tries", "answers", "collision"))
    return (pending.get("cause") or {}).get("kind") == "timer" and not on_record


def check_pending(fold: Fold, body: Mapping[str, Any]) -> None:
    """Check the step under way, and the timers that still run, against the journal."""
    pending = body.get("pending")
    if fold.ended is not None or pending is None:
        compare(fold, "pending", pending, _open(fold))
        compare(fold, "timers", body.get("timers", {}), fold.timers)
        return
    cause, intent = pending.get("cause"), pending.get("intent")
    now = pending.get("now", 0)
    _check_cause(fold, cause, now, with_intent=intent is not None)
    _check_timers(fold, body.get("timers", {}), cause, now)
    commit = fold.commit
    if commit is None or intent is None:
        if not (commit is not None and commit.rests and by_timer(body)):
            compare(fold, "intent", intent and intent.get("call"), commit and commit.action.name)
        if fold.step is not None and not by_timer(body):
            _check_step(fold, fold.step, pending)
            return
        compare(fold, "tries", pending.get("tries"), None)
        compare(fold, "collision", pending.get("collision"), None)
        if fold.taken_event is not None and not by_timer(body):
            compare(fold, "now", now, fold.taken_event.at)
        compare(fold, "answers", pending.get("answers", []), [])
        return
    compare(fold, "tries", pending.get("tries"), None)
    compare(fold, "collision", pending.get("collision"), None)
    compare(fold, "now", now, commit.now)
    compare(
        fold, "answers", [_answer(one) for one in pending.get("answers", ())], [*map(_answer, commit.answers)]
    )
    _check_intent(fold, commit, intent)


def _check_step(fold: Fold, step: StepOnRecord, pending: Mapping[str, Any]) -> None:
    """Compare a step without a commit with what is on record of it."""
    tries = step.tries
    expected = {} if tries is None else {
        "seq": tries.seq, "call": tries.call, "failures": tries.failures, "surprises": tries.surprises,
        "next_at": tries.next_at, "reason": tries.reason,
        **({"trouble": tries.trouble} if tries.trouble is not None else {}),
    }  # fmt: skip
    counts = {"failures": 0, "surprises": 0} if pending.get("tries") else {}
    compare(fold, "now", pending.get("now", 0), step.now)
    compare(fold, "answers", [*map(_answer, pending.get("answers", ()))], [*map(_answer, step.answers)])
    compare(fold, "tries", {**counts, **(pending.get("tries") or {})}, expected)
    on_record = step.collision
    collision = None if on_record is None else {
        "seq": on_record.seq, "call": on_record.call, "key": on_record.key,
        **({"answer": on_record.answer} if on_record.answer is not None else {}),
    }  # fmt: skip
    compare(fold, "collision", pending.get("collision"), collision)


def _open(fold: Fold) -> dict[str, Any] | None:
    """Describe what the journal leaves open: the step of an event, a commit, or nothing."""
    if fold.ended is not None or (fold.taken_event, fold.commit, fold.step) == (None, None, None):
        return None
    return {
        **({"answers": fold.step.answers} if fold.step is not None else {}),
        **({"event": fold.taken_event.event} if fold.taken_event is not None else {}),
        **({"commit": fold.commit.action.name} if fold.commit is not None else {}),
    }


def _answer(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of a call in one form, from a record or from a row."""
    ended = {"failed": form["failed"]} if form.get("failed") is not None else {"ok": form.get("ok")}
    return {"call": form["call"], "attempts": form.get("attempts", 1), "ms": form.get("ms", 0.0), **ended}


# --- causes and timers ----------------------------------------------------------------------------


def _check_cause(fold: Fold, cause: Mapping[str, Any] | None, now: int, *, with_intent: bool) -> None:
    kind = cause.get("kind") if cause is not None else None
    if cause is not None and kind == "timer":
        _check_fired(fold, str(cause.get("handler")), now, with_intent=with_intent)
        compare(fold, "cause", sorted(cause), ["handler", "kind"])
        return
    taken = fold.taken_event
    compare(fold, "cause", cause and _complete_cause(cause), taken and _cause_of(taken))
    if cause is not None and "seq" in cause and taken is not None:  # rows of older versions do not have it
        compare(fold, "cause", _which(cause), {name: getattr(taken, name) for name in _WHICH})
    if cause is None and fold.step is not None and not fold.acts and fold.taken_event is None:
        differs(fold, "cause", None, f"a timer of {fold.state}")
    if cause is None and fold.commit is not None and fold.commit.action.name not in _by_itself(fold):
        differs(fold, "cause", None, f"a timer whose step commits {fold.commit.action.name}")


def _complete_cause(cause: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"kind": "", "handler": "", "event": "", "args": None, "actor": "", "role": ""}
    return {**empty, **{name: value for name, value in cause.items() if name not in _WHICH}}


def _which(cause: Mapping[str, Any]) -> dict[str, Any]:
    """Return which event began the step: its record, its id, its key and its delivery."""
    return {name: cause.get(name, "") for name in _WHICH}


def _cause_of(taken: TakenEvent) -> dict[str, Any]:
    return {
        "kind": "event",
        "handler": taken.handler.id,
        "event": taken.event,
        "args": taken.args,
        "actor": taken.actor,
        "role": taken.role,
    }


def _by_itself(fold: Fold) -> set[str]:
    """Return the actions that the state commits when no timer has fired."""
    if fold.taken_event is not None:
        return called_in(fold.taken_event.handler.declaration.body, "commit")
    return called_in(fold.at.declaration.body, "commit") if fold.acts else set()


def _check_fired(fold: Fold, name: str, now: int, *, with_intent: bool) -> None:
    """Check whether a timer can have begun the step under way."""
    timer = _timer(fold, name)
    if timer is None or name not in fold.timers:
        differs(fold, "cause", f"timer {name}", f"no such timer runs in {fold.state}")
    elif fold.timers[name] > now:
        fold.stored_problem(
            "cause",
            f"it says that timer {name} fired at {now}, by its journal it is due at {fold.timers[name]}",
        )
    elif not (timer.calls or fold.stalled_here):
        differs(fold, "cause", f"timer {name}", "the step of this timer makes no call, and ends as it begins")
    elif (
        with_intent
        and fold.commit is not None
        and fold.commit.action.name not in called_in(timer.declaration.body, "commit")
    ):
        differs(fold, "cause", f"timer {name}", f"its step does not commit {fold.commit.action.name}")


def _check_timers(fold: Fold, timers: Mapping[str, int], cause: Mapping[str, Any] | None, now: int) -> None:
    """Compare the running timers. A fired timer does not run, and may have left no record yet."""
    fired = cause.get("handler") if cause is not None and cause.get("kind") == "timer" else None
    expected = {
        name: due
        for name, due in fold.timers.items()
        if name != fired and (name in timers or not _may_have_fired(fold, name, cause, now))
    }
    compare(fold, "timers", timers, expected)


def _may_have_fired(fold: Fold, name: str, cause: Mapping[str, Any] | None, now: int) -> bool:
    """Say whether a timer may have fired before the cause that replaced its step."""
    timer = _timer(fold, name)
    return (
        cause is not None
        and timer is not None
        and fold.timers[name] <= now
        and (timer.calls or fold.stalled_here)
    )


def _timer(fold: Fold, name: str) -> TimerProgram | None:
    return next((timer for timer in fold.at.timers if timer.id == name), None)


# --- the open commit ------------------------------------------------------------------------------


def _check_intent(fold: Fold, commit: Commit, intent: Mapping[str, Any]) -> None:
    """Compare all that is stored of a commit with its records."""
    outcome = intent.get("outcome")
    for member, value, journal in (
        ("seq", intent.get("seq"), commit.seq),
        ("call", intent.get("call"), commit.action.name),
        ("key", intent.get("key"), commit.key),
        ("args", intent.get("args"), commit.args),
        ("first_at", intent.get("first_at"), commit.first_at),
        ("attempt", intent.get("attempt", 1), commit.attempt),
        ("counted", intent.get("counted", 1), commit.counted),
        ("misfits", intent.get("misfits", 0), commit.misfits),
        ("in_flight", intent.get("in_flight", True), commit.in_flight),
        ("doubts", intent.get("doubts", []), commit.doubts),
        ("given_up_at", intent.get("given_up_at", 0), commit.given_up_at),
        ("failure", intent.get("failure"), commit.failure),
        ("refused", intent.get("refused", False), commit.refused),
        ("denied", intent.get("denied", False), commit.denied),
        ("another", intent.get("another", False), commit.another),
        ("reason", intent.get("reason", ""), commit.reason),
        ("trouble", intent.get("trouble"), commit.trouble),
        ("outcome", outcome and _ending(outcome), commit.outcome and _ended(commit)),
    ):
        compare(fold, f"intent.{member}", value, journal)
    if "began_at" in intent and commit.in_flight:  # rows of older versions do not have it
        compare(fold, "intent.began_at", intent["began_at"], commit.began_at)
    if "doubt_since" in intent:  # nor that
        compare(fold, "intent.doubt_since", intent["doubt_since"], commit.doubt_since)
    for what, why in _impossible(fold, commit, intent):
        fold.stored_problem(f"intent.{what}", why)


def _ending(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {outcome["kind"]: outcome.get("value"), "by": outcome.get("by", "call")}


def _ended(commit: Commit) -> dict[str, Any]:
    return {**(commit.outcome or {}), "by": commit.outcome_by}


def _impossible(fold: Fold, commit: Commit, intent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield impossible values of what no record says.

    These are whether a person is asked, and when the next try is.
    """
    checks, next_at, asking = intent.get("checks", 0), intent.get("next_at", 0), intent.get("asking", False)
    if asking and not may_ask(fold, commit):
        yield (
            "asking",
            f"it says that a person is asked about {commit.action.name}, its journal gives no cause to",
        )
    checked = isinstance(commit.action.doubt, Check) and bool(commit.reason)
    if checks < 0 or (checks and not checked):
        yield (
            "checks",
            f"it says that a check was asked {checks} times in vain, its journal gives no cause to",
        )
    if commit.checks and checks != commit.checks:
        yield "checks", f"it says {checks}, its journal adds up to {commit.checks}"
    if (commit.checks or not checks) and next_at not in _next(commit, next_at):
        yield "next_at", f"it says {next_at}, its journal adds up to {commit.next_at}"


def _next(commit: Commit, instant: int) -> tuple[int, ...]:
    """Return the possible instants of the next try. Older records of a doubt do not say it."""
    if commit.next_said or not commit.doubts:
        return (commit.next_at,)
    longest = microseconds((commit.action.retry or UNEXPECTED_RETRY).cap)
    since = (*commit.once_given_up, commit.given_up_at)[0]
    return (instant,) if since <= instant <= since + longest else (0,)


def may_ask(fold: Fold, commit: Commit) -> bool:
    """Say whether a person may be asked.

    This is so if the contract says it, if no attempt is left, if the key may be forgotten, or if it
    says nothing after a restore.
    """
    action: Action = commit.action
    if commit.in_flight or commit.outcome is not None:
        return False
    spent = commit.misfits > MISFITS
    if action.retry is not None:
        spent = commit.counted > action.retry.times
    if not commit.doubts:
        return spent and commit.failure is None
    if commit.refused or blind(fold, commit):
        return True
    match action.doubt:
        case Repeat():
            return spent or action.key is None or action.key.window is not None
        case Ask():
            return True
        case Check() | Skip() | Report():
            return False
        case _:
            assert_never(action.doubt)
