"""Check keys, and commits whose key took effect in the run before with other arguments.

Such a commit stalls the run, and only a person ends that. Either it is the same commit, and has the
result on record; or it is another one, and is made under the run's own key.
"""

from __future__ import annotations

from typing import Any

from opord.contract import Action
from opord.kernel.legality.fold import CollisionOnRecord, Fold, ReadRecord, StepOnRecord
from opord.kernel.legality.steps import called_here, goes_on, phase_timer_due
from opord.kernel.legality.transitions import check_answer, decoded
from opord.kernel.program import CallProgram
from opord.kernel.records import known_verdict
from opord.values.types import Instant


def collided(fold: Fold, record: ReadRecord) -> None:
    """Check a stall at a commit whose key took effect before, with other arguments."""
    body = record.body
    call = fold.program.calls[body["call"]]
    if not isinstance(call.declaration, Action):
        raise TypeError(f"{body['call']} is not an action")
    if body["call"] not in called_here(fold, "commit"):
        fold.problem("stalled", f"nothing that can run in {fold.state} now commits {body['call']}")
    if (fold.commit is not None or fold.stalled) and not phase_timer_due(fold, record.at):
        fold.problem("stalled", "a commit is open or the run is stalled, and no timer of its phase was due")
    now, answers = record.instant("now"), [*body.get("answers", ())]
    step = goes_on(fold, record, answers, now=now)
    for answer in answers[len(step.answers) if step is not None else 0 :]:
        check_answer(fold, answer)
    args = decoded(fold, f"the arguments of {body['call']}", call.args, body["args"])
    check_key(fold, record, call, args, now)
    used = fold.used_keys.get((body["call"], body["key"]))
    if used is None:
        fold.problem("stalled", f"{body['call']} has not taken effect under the key {body['key']!r} before")
    elif used.args == body["args"]:
        fold.problem(
            "stalled", f"{body['call']} took effect before with these arguments; its result is on record"
        )
    if step is not None and step.collision is not None and step.collision.answer is not None:
        fold.problem("stalled", "a person has said already what this collision is")
    collision = CollisionOnRecord(record.seq, body["call"], body["key"])
    fold.commit = fold.reused = None
    fold.step = StepOnRecord(now, answers, None, collision)


def resolved(fold: Fold, collision: CollisionOnRecord, record: ReadRecord) -> None:
    """Check a person's word on a collision."""
    body = record.body
    if (body["call"], body.get("key")) != (collision.call, collision.key):
        fold.problem(
            "resolved", f"it is about {body['call']} under {body.get('key')!r}, and {collision.call} collides"
        )
    if collision.answer is not None:
        fold.problem("resolved", "a person has said already what this collision is")
    if body["by"] != "person" or not body.get("actor"):
        fold.problem("actor", "only a person says what a collision is, and it is not on record who")
    verdict = known_verdict(body["verdict"])
    if verdict not in ("happened", "another"):
        fold.problem("resolved", f"a collision cannot be resolved as {body['verdict']!r}")
    collision.answer = verdict
    fold.stalled = fold.resumed = False
    fold.trouble = None


def check_reuse(fold: Fold, record: ReadRecord) -> None:
    """Check a commit that takes the result on record: no collision of it may be open or another."""
    collision = fold.step.collision if fold.step is not None else None
    if collision is None or (collision.call, collision.key) != (record.body["call"], record.body["key"]):
        return
    if collision.answer != "happened" and not phase_timer_due(fold, record.at):
        fold.problem(
            "outcome", f"{collision.call} collides, and no person has said that it is the same commit"
        )


def another(step: StepOnRecord | None, call: str) -> bool:
    """Say whether a person said that a commit which collides is another one."""
    collision = step.collision if step is not None else None
    return collision is not None and collision.call == call and collision.answer == "another"


def check_own_key(fold: Fold, record: ReadRecord) -> None:
    """Check that a commit has the run's own key."""
    own = f"{fold.run}/{fold.entered}"
    if record.body["key"] != own:
        fold.problem(
            "key",
            f"{record.body['call']} is another commit and has the key {record.body['key']!r}, not {own!r}",
        )


def check_key(fold: Fold, record: ReadRecord, call: CallProgram, args: Any, now: Instant) -> None:
    if call.key is None:
        expected = f"{fold.run}/{fold.entered}"
    elif args is None:
        return
    else:
        expected = call.key(args, fold.frame(now))
    if record.body["key"] != expected:
        fold.problem(
            "key",
            f"{record.body['call']} has the key {record.body['key']!r}, by the contract it is {expected!r}",
        )
