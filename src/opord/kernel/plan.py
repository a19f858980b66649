"""Compute the plan of a recorded commit from the table in `doubt.py`.

A plan is a deed, an instant and a reason. The facts of a situation come from the run, its open
intent and the action's declaration. A fact is computed only if the remaining rows differ in it:
most commits end well, and must cost little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias, assert_never, get_args

from opord.contract import Action, Ask, Check, Repeat, Report, Skip
from opord.kernel import restored
from opord.kernel.asked_waits import not_before
from opord.kernel.backoff import UNEXPECTED_RETRY, backoff_us
from opord.kernel.doubt import ROWS, Asked, Deed, Policy, Reason, Retries, Row, Situation, Stands, Until, fits
from opord.kernel.instants import capped, in_words, microseconds
from opord.kernel.recording import shared_timers
from opord.kernel.run import Intent, Run
from opord.values.types import NO_TIME, Duration, Instant


class Plan(NamedTuple):
    """What to do: the deed, its instant, if any, and the reason to record.

    For a doubt, `counts` is true if the attempt is one of those that `retry` allows; `by` is what
    put it in doubt.
    """

    deed: Deed
    instant: Instant | None = None
    reason: str = ""
    counts: bool = True
    by: str | None = None


def plan_of(
    stands: Stands,
    run: Run,
    intent: Intent,
    action: Action,
    *,
    now: Instant,
    spread: Callable[[], float],
    resting: bool = False,
    explanation: str = "",
    asked_us: Duration = NO_TIME,
) -> Plan:
    """Return what to do at the instant `now` with the run's open commit of `action`.

    `spread` returns a random number from [0, 1), for the jitter of the pauses. `resting` is true if
    the host begins no new calls. `explanation` is why the call, or the check, gave no answer.
    `asked_us` is how long its other side asked to wait, in microseconds; the longer of wait and
    backoff counts.
    """
    # Like `_leaf`, but without another call: this runs several times in a commit.
    node = _TREE[stands]
    while isinstance(node, _Question):
        node = node.answers[node.fact(run, intent, action, now, resting)]
    if node.plain is not None:
        return node.plain
    row = node.row
    until, reason = row.until, row.reason
    return Plan(
        row.deed,
        _instant(until, run, intent, action, now, spread, asked_us) if until is not None else None,
        _reason(reason, run, intent, action, now, explanation) if reason is not None else "",
        row.counts,
        restored.BY if reason == "restored" else None,
    )


def row_of(stands: Stands, run: Run, intent: Intent, action: Action, *, now: Instant, resting: bool) -> Row:
    """Return the row of the table that applies."""
    return _leaf(stands, run, intent, action, now, resting).row


def stands_of(intent: Intent | None, *, live: bool = False) -> Stands:
    """Say where a recorded commit stands. `live` is true if its holder has a valid lease."""
    if intent is None:
        return "absent"
    if intent.outcome is not None:
        return "known"
    if intent.in_flight:
        return "elsewhere" if live else "lost"
    return "between"


def situation_of(
    stands: Stands, run: Run, intent: Intent, action: Action, *, now: Instant, resting: bool = False
) -> Situation:
    """Return all facts about a commit, also those that no row needs where it stands."""
    about = run, intent, action, now, resting
    return Situation(
        stands,
        asked=_asked(*about),
        doubt=_doubt(*about),
        failed=_failed(*about),
        retry=_retry(*about),
        window=_window(*about),
        unseen=_unseen(*about),
        before=_before(*about),
        ready=_ready(*about),
        refused=_refused(*about),
        policy=_policy(*about),
    )


def ask_deadline(intent: Intent, action: Action) -> Instant | None:
    """Return the instant until which a person is asked; None if the contract sets no limit."""
    if isinstance(action.doubt, Ask) and action.doubt.within is not None:
        return Instant(intent.given_up_at + microseconds(action.doubt.within))
    return None


def attempt_from(run: Run, intent: Intent) -> Instant:
    """Return the earliest instant at which the action may be called again."""
    return max(intent.next_at, not_before(run, intent.call))


def check_from(run: Run, intent: Intent, check: Check) -> Instant:
    """Return the earliest instant at which the check's effect may be asked."""
    after = Instant(intent.given_up_at + microseconds(check.after))
    return max(after, intent.next_at, not_before(run, check.effect))


# --- facts ----------------------------------------------------------------------------------------

_Fact: TypeAlias = Callable[[Run, Intent, Action, Instant, bool], object]


def _asked(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> Asked:
    if not intent.asking:
        return "nobody"
    deadline = ask_deadline(intent, action)
    return "too long" if deadline is not None and now >= deadline else "a person"


def _doubt(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    return bool(intent.doubts)


def _failed(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    return intent.failure is not None


def _retry(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> Retries:
    if action.retry is None:
        return "spent" if _misfit_too_often(intent) else "unsaid"
    return "left" if intent.counted <= action.retry.times else "spent"


def _misfit_too_often(intent: Intent) -> bool:
    """Say whether so many answers did not fit that another one will not fit either."""
    return intent.misfits > UNEXPECTED_RETRY.times


def _window(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    if action.key is None or action.key.window is None:
        return action.key is not None
    # A call that rests for longer than its key is remembered would be one without a key.
    return max(now, not_before(run, intent.call)) < intent.first_at + microseconds(action.key.window)


def _unseen(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    return run.body.wary != 0 and restored.unseen(run, action, intent, now)


def _before(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    return restored.before(run, action, intent)


def _ready(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    return not resting and _due(run, intent, action) <= now


def _refused(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> bool:
    return intent.refused


def _policy(run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> Policy:
    match action.doubt:
        case Repeat():
            return "repeat blindly" if restored.blind(run, action, intent) else "repeat"
        case Check():
            return "check blindly" if restored.blind(run, action, intent) else "check"
        case Ask():
            return "ask"
        case Skip():
            return "skip"
        case Report():
            return "report"
        case _:
            assert_never(action.doubt)


FACTS: Final[dict[str, _Fact]] = {
    "asked": _asked,
    "doubt": _doubt,
    "failed": _failed,
    "retry": _retry,
    "window": _window,
    "unseen": _unseen,
    "before": _before,
    "ready": _ready,
    "refused": _refused,
    "policy": _policy,
}
"""How each column except the first is computed from what is on record."""

VALUES: Final[dict[str, tuple[object, ...]]] = {
    "stands": get_args(Stands),
    "asked": get_args(Asked),
    "retry": get_args(Retries),
    "policy": get_args(Policy),
}
"""The values of each column; columns that are not listed are true or false."""


def _due(run: Run, intent: Intent, action: Action) -> Instant:
    if intent.doubts and isinstance(action.doubt, Check):
        return check_from(run, intent, action.doubt)
    return attempt_from(run, intent)


# --- instants and reasons -------------------------------------------------------------------------


def _instant(
    until: Until,
    run: Run,
    intent: Intent,
    action: Action,
    now: Instant,
    spread: Callable[[], float],
    asked_us: Duration,
) -> Instant | None:
    match until:
        case "next":
            # Between two attempts with nothing in doubt, a timer of the phase may move the run.
            return min([max(attempt_from(run, intent), now), *shared_timers(run).values()])
        case "due":
            return max(_due(run, intent, action), now)
        case "deadline":
            return ask_deadline(intent, action)
        case "backoff":
            pause = backoff_us(action.retry, max(intent.counted, 1), spread())
            return capped(now + max(pause, asked_us))
        case "checked":
            return capped(now + max(backoff_us(None, intent.checks + 1, spread()), asked_us))
        case _:
            assert_never(until)


def _reason(reason: Reason, run: Run, intent: Intent, action: Action, now: Instant, explanation: str) -> str:
    unsure = f"nobody knows whether {intent.call} happened: {intent.reason}"
    match reason:
        case "lost":
            return "its worker died or lost its lease during the call"
        case "said":
            return explanation
        case "restored":
            return restored.reason(run, intent)
        case "silent":
            effect = action.doubt.effect if isinstance(action.doubt, Check) else "the check"
            return f"{effect}, which says whether {intent.call} happened, does not answer (attempt {intent.checks + 1}): {explanation}"
        case "unsure":
            return f"{unsure}; a person has to say"
        case "blind":
            return f"{unsure}, and after the restore its key does not tell; a person has to say"
        case "spent" if action.retry is None:
            return f"{unsure}; {intent.misfits} answers did not fit; a person has to say"
        case "spent":
            return f"{unsure}, and no attempt is left; a person has to say"
        case "forgotten" if not_before(run, intent.call) > now:
            return (
                f"{unsure}; it may not be called before {in_words(not_before(run, intent.call))}, and by then "
                "the other side no longer remembers its key; a person has to say"
            )
        case "forgotten":
            return f"{unsure}, and the other side no longer remembers its key; a person has to say"
        case "refused":
            return (
                f"{unsure}; another attempt ended in {intent.failure['type']}, which does not settle it; "
                "a person has to say"
            )
        case "exhausted":
            return f"{intent.call} did not happen, and no attempt is left; a person decides whether to call it again"
        case _:
            assert_never(reason)


# --- looking up -----------------------------------------------------------------------------------


class _Question(NamedTuple):
    """A node of the decision tree: the next fact to compute, and the subtree for each answer."""

    column: str
    fact: _Fact
    answers: dict[object, _Question | _Leaf]


class _Leaf(NamedTuple):
    """A leaf of the decision tree: its row, and its plan if that is always the same."""

    row: Row
    plain: Plan | None


def _leaf(stands: Stands, run: Run, intent: Intent, action: Action, now: Instant, resting: bool) -> _Leaf:
    node = _TREE[stands]
    while isinstance(node, _Question):
        node = node.answers[node.fact(run, intent, action, now, resting)]
    return node


def _tree(rows: Sequence[Row], columns: frozenset[str] = frozenset()) -> _Question | _Leaf:
    """Build the decision tree of these rows. It computes a fact only where rows differ in it.

    Raises:
        ValueError: a situation matches no row, or more than one.
    """
    if len(rows) == 1:
        (row,) = rows
        return _Leaf(row, Plan(row.deed) if row.until is None and row.reason is None else None)
    entries = {
        name: sum(getattr(row, name) is not None for row in rows) for name in FACTS if name not in columns
    }
    column = max(entries, key=entries.__getitem__, default="")
    if not rows or not entries.get(column):
        raise ValueError(f"expected one row for each situation, got: {[row.letter for row in rows]}")
    answers = {
        value: _tree([row for row in rows if fits(getattr(row, column), value)], columns | {column})
        for value in VALUES.get(column, (True, False))
    }
    return _Question(column, FACTS[column], answers)


_TREE: Final[dict[Stands, _Question | _Leaf]] = {
    stands: _tree([row for row in ROWS if row.stands == stands]) for stands in get_args(Stands)
}
