"""Collisions: a commit whose key took effect in the run before, with other arguments.

The other side would answer for the first arguments, so nobody is called. The run stalls with the
step on record, and a person says which commit it is: the same one, whose result is on record; or
another one, which is then made under the run's own key.
"""

from __future__ import annotations

from typing import Any

from opord.kernel.draft import Draft
from opord.kernel.endings import recorded_answers, recorded_args
from opord.kernel.instants import text
from opord.kernel.recording import runnable, stand_still
from opord.kernel.records import CollisionAnswer, RecordBody
from opord.kernel.run import Answer, Collision, Pending
from opord.kernel.trouble import recorded
from opord.values.types import Instant, Key


def collide(
    draft: Draft,
    action: str,
    key: Key,
    args: Any,
    *,
    now: Instant,
    answers: list[Answer],
    trouble: dict[str, Any],
) -> None:
    """Stall the run at a commit whose key took effect before, with other arguments than `args`.

    The step is on record, and goes on from there once a person has said which it is.

    Raises:
        StepError: the arguments or the answers are too large to be stored; nothing is changed.
    """
    run = draft.run
    splits = {"args": recorded_args(run, action, args)}
    if answers:
        splits["answers"] = recorded_answers(run, answers, f"what the calls before {action} answered")
    trouble = recorded(run, trouble)
    seq = draft.record(
        RecordBody(kind="stalled", **trouble | {"call": action}, key=key, now=text(now)), splits
    )
    cause = run.body.pending.cause if run.body.pending is not None else None
    run.body.pending = Pending(cause=cause, now=now, answers=answers, collision=Collision(seq, action, key))
    draft.opened += ("collision",)
    stand_still(draft, trouble)


def resolve(
    draft: Draft,
    collision: Collision,
    answer: CollisionAnswer,
    *,
    actor: str,
    role: str | None,
    reason: str | None,
) -> None:
    """Record what a person says of a collision. The step then goes on from what is on record."""
    draft.record(
        RecordBody(
            kind="resolved",
            call=collision.call,
            key=collision.key,
            verdict=answer,
            by="person",
            actor=actor,
            role=role,
            reason=reason,
        )
    )
    collision.answer = answer
    draft.run.body.trouble = None
    draft.run.reason = None
    runnable(draft)
