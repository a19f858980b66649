"""Check the holder, needs, next wake-up and reason in a run's row against its journal.

A claim and a lease leave no record. But each claim raises the epoch: a run in the epoch of its last
record has not been claimed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, assert_never

from opord.contract import Ask, Check, Repeat, Report, Skip
from opord.kernel import bounds
from opord.kernel.instants import LAST_INSTANT, microseconds
from opord.kernel.legality.differing import compare
from opord.kernel.legality.fold import Commit, Fold
from opord.kernel.legality.pending import by_timer
from opord.kernel.rows import RunRow, Status

_CLOCK_US = 3_600_000_000
"""How far a clock may have been set back since a write, in microseconds."""
_LEASE_US = 600_000_000
"""The longest lease that a worker can have, in microseconds."""
_REASON_CHARACTERS = 500
_GIVES_BACK = ("evidence", "ignored", "alarm", "acknowledged", "dropped")
"""Records that may be written while a worker holds the run, and take it from the worker."""


def check_holding(fold: Fold, row: RunRow, body: Mapping[str, Any], now: int | None) -> None:
    """Check a run's status, worker, wake-up and reason against its journal."""
    head = row.head
    intent = (body.get("pending") or {}).get("intent") or {}
    asking = bool(intent.get("asking", False))
    expected = _statuses(fold, body, asking=asking)
    if head.status not in expected:
        fold.stored_problem(
            "status", f"it says {head.status}, by its journal it is {' or '.join(sorted(expected))}"
        )
        return
    compare(fold, "needs", head.needs, " ".join(_needs(fold, head.status, asking=asking)))
    _check_worker(fold, row, asking=asking)
    if head.worker is None:
        _check_wake(fold, row, intent, body, now)
    elif head.wake_at is None:
        fold.stored_problem("wake_at", f"{head.worker} holds it, and it says no end of the lease")
    elif now is not None and head.wake_at > max(now, fold.last_at) + _LEASE_US + _CLOCK_US:
        fold.stored_problem(
            "wake_at", f"{head.worker} holds it until {head.wake_at}, longer than any lease lasts"
        )
    _check_reason(fold, row, intent)


def _statuses(fold: Fold, body: Mapping[str, Any], *, asking: bool) -> set[Status]:
    commit = fold.commit
    if fold.ended is not None:
        return {"ended"}
    if by_timer(body) and not _is_busy(commit):
        # A timer whose step makes calls has no record of its own, so the run may already be under
        # way.
        return {"stalled", *_going_on(fold)} if fold.stalled else _going_on(fold)
    if fold.stalled:
        return {"stalled"}
    if fold.step is not None:
        return {"waiting"} if fold.step.tries is not None else _going_on(fold)
    if commit is not None and commit.outcome is None:
        if commit.doubts or asking:
            # A person resumed a run that had stalled in a doubt: it can go on until a worker claims
            # it.
            return {"in_doubt", "running"} if fold.resumed else {"in_doubt"}
        # Between two attempts it waits; rows of older versions say that it runs.
        return {"waiting", "running"} if commit.rests else {"running"}
    if commit is not None or fold.taken_event is not None or fold.acts:
        return _going_on(fold)
    # The process that starts a run, or moves it in a transaction, may hold it and may not have
    # checked yet what it waits for. A copy that was made then is marked as restored.
    entered_by = {1: "started", fold.transacted: "transition"}.get(fold.entered)
    just_entered = entered_by is not None and fold.last_kind in (entered_by, "restored")
    return {"waiting", "running"} if just_entered else {"waiting"}


def _going_on(fold: Fold) -> set[Status]:
    """Return the status of a step under way. It waits where a call of it rests as asked."""
    return {"running", "waiting"} if fold.not_before else {"running"}


def _needs(fold: Fold, status: Status, *, asking: bool) -> Iterator[str]:
    """Yield what a run of this status needs from a person."""
    collision = fold.step.collision if fold.step is not None else None
    collides = status == "stalled" and collision is not None and collision.answer is None
    if status == "stalled" and not collides:
        yield "stalled"
    elif status == "in_doubt" and asking:
        yield "doubt"
    if fold.open_alarms:
        yield "alarm"
    if collides:
        yield "collision"


def _is_busy(commit: Commit | None) -> bool:
    return commit is not None and not commit.rests


def _check_worker(fold: Fold, row: RunRow, *, asking: bool) -> None:
    """Check whether the run can be held, and by this worker."""
    worker, claimed = row.head.worker, row.epoch > fold.epoch
    if worker is None or claimed:
        if worker is not None and fold.ended is not None:
            fold.stored_problem("worker", f"it says {worker}, its journal ends with the run")
        return
    # Between two attempts of an effect a worker may write what came in before it goes on.
    rests = fold.step is not None or bool(fold.not_before)
    tried = row.head.status == "waiting" and rests and fold.last_kind != "attempt"
    if fold.ended is not None or (row.head.status in ("waiting", "stalled") and not tried) or asking:
        fold.stored_problem(
            "worker", f"it says {worker}, by its journal nobody holds it in epoch {row.epoch}"
        )
    elif worker != fold.last_worker:
        fold.stored_problem(
            "worker", f"it says {worker}, its journal says {fold.last_worker} in epoch {row.epoch}"
        )


# --- when it is looked at again -------------------------------------------------------------------


def _check_wake(
    fold: Fold, row: RunRow, intent: Mapping[str, Any], body: Mapping[str, Any], now: int | None
) -> None:
    """Check the wake-up of a run without a holder."""
    wake, status = row.head.wake_at, row.head.status
    expected = _wakes(fold, status, intent, body)
    if wake in expected:
        return
    # It can go on at once, or its holder gave it back early.
    latest = LAST_INSTANT if now is None else max(now, fold.last_at) + _CLOCK_US
    given_back = row.epoch > fold.epoch or fold.restored_in > 0 or fold.last_kind in _GIVES_BACK
    tried_again = status == "in_doubt" and not intent.get("asking", False)
    # A run that waits for a permit looks for it now and then by itself.
    limited = bool(body.get("limit")) and fold.ended is None
    at_once = status == "running" or tried_again or limited or (given_back and fold.ended is None)
    if wake is not None and at_once and wake <= latest:
        return
    due = " or ".join(
        "never" if one is None else str(one) for one in sorted(expected, key=lambda one: one or 0)
    )
    fold.stored_problem(
        "wake_at", f"it says {'never' if wake is None else wake}, by its journal it is {due or 'at once'}"
    )


def _wakes(fold: Fold, status: Status, intent: Mapping[str, Any], body: Mapping[str, Any]) -> set[int | None]:
    """Return the possible wake-ups of a run without a holder, other than now."""
    commit = fold.commit
    if fold.ended is not None:
        return {None}
    timers: Mapping[str, int] = body.get("timers", {})
    shared = {timer.id for timer in fold.at.timers if timer.shared}
    of_phase = min((due for name, due in timers.items() if name in shared), default=None)
    if fold.stalled and status == "stalled":
        full = fold.seq >= bounds.HISTORY_RECORDS
        return {None} if _is_busy(commit) else {of_phase, None} if full else {of_phase}
    if status == "waiting" and fold.step is not None and fold.step.tries is not None:
        next_at = fold.step.tries.next_at
        return {min(next_at, of_phase if of_phase is not None else next_at)}
    if status == "waiting" and commit is None:
        ends = {min(end, of_phase if of_phase is not None else end) for end in fold.not_before.values()}
        return {min(timers.values(), default=None), *ends}
    if commit is None or commit.outcome is not None:
        return set()
    if intent.get("asking", False):
        return _deadlines(commit)
    next_at = max(intent.get("next_at", 0), fold.not_before.get(commit.action.name, 0))
    if not commit.doubts:
        return {min(next_at, of_phase if of_phase is not None else next_at)} if next_at else set()
    match commit.action.doubt:
        case Check(effect=effect, after=after):
            delay = microseconds(after)
            next_at = max(intent.get("next_at", 0), fold.not_before.get(effect, 0))
            return {max(since + delay, next_at) for since in (*commit.once_given_up, commit.given_up_at)}
        case Repeat() | Ask() | Skip() | Report():
            return {next_at} if next_at else set()
        case _:
            assert_never(commit.action.doubt)


def _deadlines(commit: Commit) -> set[int | None]:
    """Return until when a person is asked. Before a restore it may have been another instant."""
    rule = commit.action.doubt
    match rule:
        case Ask(within=timedelta() as within):
            span = microseconds(within)
            return {since + span for since in (*commit.once_given_up, commit.given_up_at)}
        case Ask() | Repeat() | Check() | Skip() | Report():
            return {None}
        case _:
            assert_never(rule)


# --- why ------------------------------------------------------------------------------------------


def _check_reason(fold: Fold, row: RunRow, intent: Mapping[str, Any]) -> None:
    """Check the reason of the run's status."""
    reason, commit = row.head.reason, fold.commit
    if fold.ended is not None:
        compare(fold, "reason", reason, fold.ended_why)
    elif row.head.status == "stalled" and fold.trouble is not None:
        compare(fold, "reason", reason, str(fold.trouble["error"])[:_REASON_CHARACTERS])
    elif commit is None or commit.outcome is not None:
        compare(fold, "reason", reason, None)
    elif intent.get("asking", False):
        told = (f"whether {commit.action.name} happened", commit.reason) if commit.doubts else ()
        _check_told(fold, reason, told or (f"{commit.action.name} did not happen",))
    elif intent.get("checks", 0):
        if reason is not None:
            _check_told(fold, reason, (f"whether {commit.action.name} happened",))
    else:
        compare(fold, "reason", reason, None)


def _check_told(fold: Fold, reason: str | None, parts: tuple[str, ...]) -> None:
    """Check the parts of a reason that the journal tells. No record has the whole text."""
    missing = [part for part in parts if part not in (reason or "")]
    if missing:
        fold.stored_problem("reason", f"it says {reason!r}, by its journal it tells {missing[0]!r}")
