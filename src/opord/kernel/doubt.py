"""What to do with an open intent: one table, by which every runtime decides alike.

An intent is on record before its action is called, and open until an outcome is on record. How the world
gets into each row:

- A  Nothing is in doubt. The first attempt has not begun (a check or a person said that it did not
     happen), or the last one ended in a transient failure, which proves that it did not take effect.
- B  An attempt is under way, and its worker still holds the run.
- C  Nobody knows whether an attempt took effect: it timed out, its handler raised something undeclared,
     or its worker lost the run (C0, which first becomes a doubt on record). The contract's rule applies;
     a later transient failure does not end a doubt, and when attempts or the key's window run out, a person is asked.
- D  The outcome is on record, but the step did not come to its end: a pure raised, or the worker died.
- E  A worker that had lost the run brought an outcome after all.
- F  An outcome without an intent cannot be: the journal is damaged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from opord.contract import Action, Ask, Check, Doubt, Repeat, Report, Skip
from opord.kernel.instants import microseconds
from opord.kernel.run import Intent

Decision: TypeAlias = Literal[
    "attempt",
    "fail",
    "wait",
    "doubt",
    "check",
    "ask",
    "park",
    "skip",
    "report",
    "deliver",
    "adopt",
    "damaged",
]

Policy: TypeAlias = Literal["repeat", "check", "ask", "skip", "report"]

POLICIES: dict[type[Doubt], Policy] = {
    Repeat: "repeat",
    Check: "check",
    Ask: "ask",
    Skip: "skip",
    Report: "report",
}


class Situation(NamedTuple):
    """All that the decision depends on.

    `failed`: the last attempt ended in a transient failure (or this is what is left to hand on).
    `attempts_left`: `retry` allows another. `in_window`: the other side still remembers the key.
    `overdue`: a person was asked `within` some time, which is over.
    """

    intent: bool
    outcome: bool
    evidence: bool
    in_flight: bool
    live: bool
    doubt: bool
    failed: bool
    attempts_left: bool
    in_window: bool
    asking: bool
    overdue: bool
    policy: Policy


class Row(NamedTuple):
    """A row of the table: its letter, when it applies, and what then is done."""

    letter: str
    applies: Callable[[Situation], bool]
    decision: Decision


def _open(s: Situation) -> bool:
    return s.intent and not s.outcome and not s.evidence


def _still(s: Situation) -> bool:
    return _open(s) and not s.in_flight


def _certain(s: Situation) -> bool:
    return _still(s) and not s.doubt and not s.asking


def _doubtful(s: Situation) -> bool:
    return _still(s) and s.doubt and not s.asking


def _repeats(s: Situation) -> bool:
    return s.attempts_left and s.in_window


ROWS: tuple[Row, ...] = (
    Row("A1", lambda s: _certain(s) and not (s.failed and not s.attempts_left), "attempt"),
    Row("A2", lambda s: _certain(s) and s.failed and not s.attempts_left, "fail"),
    Row("B", lambda s: _open(s) and s.in_flight and s.live, "wait"),
    Row("C0", lambda s: _open(s) and s.in_flight and not s.live, "doubt"),
    Row("C1", lambda s: _doubtful(s) and s.policy == "repeat" and _repeats(s), "attempt"),
    Row("C2", lambda s: _doubtful(s) and s.policy == "repeat" and not _repeats(s), "ask"),
    Row("C3", lambda s: _doubtful(s) and s.policy == "check", "check"),
    Row("C4", lambda s: _doubtful(s) and s.policy == "ask", "ask"),
    Row("C5", lambda s: _doubtful(s) and s.policy == "skip", "skip"),
    Row("C6", lambda s: _doubtful(s) and s.policy == "report", "report"),
    Row("C7", lambda s: _still(s) and s.asking and not s.overdue, "park"),
    Row("C8", lambda s: _still(s) and s.asking and s.overdue, "report"),
    Row("D", lambda s: s.intent and s.outcome, "deliver"),
    Row("E", lambda s: s.intent and not s.outcome and s.evidence, "adopt"),
    Row("F", lambda s: not s.intent, "damaged"),
)


def decide(situation: Situation) -> Row:
    """Return the one row of the table that the situation meets."""
    for row in ROWS:
        if row.applies(situation):
            return row
    raise AssertionError(f"no row for {situation}")


def situation_of(
    intent: Intent | None, action: Action | None, *, now: int, live: bool, evidence: bool
) -> Situation:
    """Say where an intent of `action` stands at the instant `now`."""
    if intent is None or action is None:
        return Situation(False, True, False, False, False, False, False, False, False, False, False, "ask")
    policy = POLICIES[type(action.doubt)]
    return Situation(
        intent=True,
        outcome=intent.outcome is not None,
        evidence=evidence,
        in_flight=intent.in_flight,
        live=live,
        doubt=bool(intent.doubts),
        failed=intent.failure is not None,
        attempts_left=_attempts_left(intent, action, policy),
        in_window=_in_window(intent, action, now),
        asking=intent.asking,
        overdue=_overdue(intent, action, now),
        policy=policy,
    )


def ask_deadline(intent: Intent, action: Action) -> int | None:
    """Return until when a person is asked, if the contract limits it."""
    if isinstance(action.doubt, Ask) and action.doubt.within is not None:
        return intent.given_up_at + microseconds(action.doubt.within)
    return None


def too_late(intent: Intent, action: Action, now: int) -> bool:
    """Say whether an attempt whose beginning is on record may not be made any more.

    An earlier one is in doubt, and the time in which the other side knows the key passed between the record and the call: the
    process was stopped, or its store was not heard of for long.
    """
    return bool(intent.doubts) and not _in_window(intent, action, now)


def check_from(intent: Intent, check: Check) -> int:
    """Return the instant before which the effect that checks must not be asked."""
    return max(intent.given_up_at + microseconds(check.after), intent.next_at)


def _attempts_left(intent: Intent, action: Action, policy: Policy) -> bool:
    if action.retry is not None:
        return intent.counted <= action.retry.times
    # Without `retry`, a repeat goes on for as long as the key holds; a failure is handed on at once.
    return policy == "repeat" and bool(intent.doubts)


def _in_window(intent: Intent, action: Action, now: int) -> bool:
    if action.key is None or action.key.window is None:
        return action.key is not None
    return now < intent.first_at + microseconds(action.key.window)


def _overdue(intent: Intent, action: Action, now: int) -> bool:
    deadline = ask_deadline(intent, action)
    return intent.asking and deadline is not None and now >= deadline
