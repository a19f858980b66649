"""Check actions that are carried out in the transaction that writes their outcome."""

from __future__ import annotations

from opord.contract import Action
from opord.kernel.legality import collisions, effects
from opord.kernel.legality.collisions import check_key
from opord.kernel.legality.fold import Fold, ReadRecord, Used
from opord.kernel.legality.steps import called_here, phase_timer_due
from opord.kernel.legality.transitions import decoded
from opord.kernel.program import CallProgram


def outcome(fold: Fold, record: ReadRecord, call: CallProgram, action: Action) -> None:
    """Check the outcome of an action that was carried out in the transaction that writes it."""
    body, name = record.body, action.name
    if not action.transaction:
        fold.problem("outcome", f"the contract does not say that {name} is carried out in a transaction")
    if (fold.commit is not None or fold.stalled) and not phase_timer_due(fold, record.at):
        fold.problem(
            "outcome",
            "a transaction stands inside another commit, or in a stalled run, and no timer of its phase was due",
        )
    elif name not in called_here(fold, "commit"):
        fold.problem("outcome", f"nothing that can run in {fold.state} now commits {name}")
    now, step = record.instant("now"), fold.step
    if now > record.at:
        fold.problem("at", "the step's `now` lies after its outcome")
    if step is not None and step.now != now and not phase_timer_due(fold, record.at):
        fold.problem("step", "its `now` is not the one on record")
    effects.ended_in_transaction(fold, record, call, action)
    args = decoded(fold, f"the arguments of {name}", call.args, body["args"])
    if collisions.another(step, name):
        collisions.check_own_key(fold, record)
    else:
        check_key(fold, record, call, args, now)
    check_first_effect(fold, action, body["key"])
    if "ok" in body["outcome"]:
        fold.effects.add((name, fold.state))
        if action.key is not None and action.key.expr is not None:
            fold.used_keys.setdefault((name, body["key"]), Used(body["args"], body["outcome"]["ok"]))
    fold.commit, fold.reused, fold.reused_outcome = None, name, body["outcome"]
    fold.transacted = fold.entered + 1
    fold.stalled = fold.resumed = False
    fold.trouble = None


def check_first_effect(fold: Fold, action: Action, key: str) -> None:
    """Check that what is about to take effect, or has, did not do so before."""
    own = action.key is not None and action.key.expr is not None
    if own and (action.name, key) in fold.used_keys:
        fold.problem(
            "intent", f"{action.name} took effect under the key {key!r} before; it must not be called"
        )
    if not own and not action.repeatable and (action.name, fold.state) in fold.effects:
        # Another state may commit it too; that is another commit. A contract must not return to the
        # same one.
        fold.problem(
            "intent",
            f"{action.name} may have taken effect in {fold.state} before, and is not repeatable",
        )
