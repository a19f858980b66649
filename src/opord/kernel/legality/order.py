"""Which record may follow: a table from the situation of a run to the kinds that are legal in it.

How a run gets into each situation:

- unborn: nothing is on record.
- acting: in an acting state; its body is under way, or rests between two attempts of an effect, or
  is about to begin.
- waiting: in a waiting state. A timer whose step makes calls begins it without a record of its own,
  so an intent, or a failed attempt of an effect, may follow directly.
- taken: an event is on record, and its step, which makes calls, is under way.
- taken at once: an event is on record whose step makes no call. It ends in the same write.
- calling: an intent is on record, and so is the beginning of an attempt, but not its end.
- between: an intent is open and nothing is in doubt: the last attempt failed transiently, or did
  not happen. An event or timer of the phase may still take the run.
- doubtful: an intent is open, no attempt is under way, and it is unknown whether one took effect.
- known: the outcome is on record and the step has not ended. Nothing else moves the run.
- stalled: held until a person mends something. An event or timer of the phase may take the run.
- collided: the same, at a commit whose key took effect before; only a person's word ends it.
- stalled in a commit: the same, with an open intent that is under way, in doubt, or known.
- ended: in a final state, or terminated. Nothing moves the run, but late messages are still
  recorded.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from opord.kernel.legality.fold import Fold
from opord.kernel.records import RecordKind

Situation: TypeAlias = Literal[
    "unborn",
    "acting",
    "waiting",
    "taken",
    "taken at once",
    "calling",
    "between",
    "doubtful",
    "known",
    "stalled",
    "collided",
    "stalled in a commit",
    "ended",
]


def _kinds(*kinds: RecordKind) -> frozenset[RecordKind]:
    return frozenset(kinds)


_ALWAYS = _kinds("evidence", "alarm", "acknowledged", "dropped", "terminated", "restored")
_STEP = _kinds("attempt", "limited", "intent", "outcome", "transition", "event", "ignored", "stalled")

FOLLOWS: dict[Situation, frozenset[RecordKind]] = {
    "unborn": _kinds("started"),
    "acting": _STEP | _ALWAYS,
    "waiting": _STEP | _ALWAYS,
    "taken": _STEP | _ALWAYS,
    "taken at once": _kinds("transition", "stalled"),
    "calling": _kinds("attempt", "doubt", "outcome", "stalled") | _ALWAYS,
    "between": _kinds("resolved", "doubt") | _STEP | _ALWAYS,
    "doubtful": _kinds("attempt", "resolved", "outcome", "stalled") | _ALWAYS,
    "known": _kinds("transition", "stalled") | _ALWAYS,
    "stalled": _kinds("retried") | _STEP | _ALWAYS,
    "collided": _kinds("resolved") | _STEP | _ALWAYS,
    "stalled in a commit": _kinds("retried", "resolved", "outcome") | _ALWAYS,
    "ended": _kinds("unhandled", "evidence", "alarm", "acknowledged"),
}


def situation_of(fold: Fold) -> Situation:
    """Return the situation that the records so far lead to."""
    commit = fold.commit
    if not fold.state:
        return "unborn"
    if fold.ended is not None:
        return "ended"
    busy = commit is not None and (commit.outcome is not None or commit.in_flight or bool(commit.doubts))
    if fold.stalled:
        collision = fold.step.collision if fold.step is not None else None
        if collision is not None and collision.answer is None:
            return "collided"
        return "stalled in a commit" if busy else "stalled"
    if commit is not None:
        if commit.outcome is not None:
            return "known"
        if commit.in_flight:
            return "calling"
        return "doubtful" if commit.doubts else "between"
    if fold.taken_event is not None:
        return "taken at once" if fold.taken_event.at_once else "taken"
    return "acting" if fold.acts else "waiting"


def check_order(fold: Fold, kind: RecordKind) -> None:
    """Report a kind of record that may not follow the ones before it."""
    situation = situation_of(fold)
    if kind not in FOLLOWS[situation]:
        legal = ", ".join(sorted(FOLLOWS[situation]))
        fold.problem("order", f"`{kind}` cannot follow while the run is {situation}; what can is {legal}")
