"""After a restore: what a run does next may have been done before.

The store then lacks what was done after the copy was made. A run that was live in a restored copy
is *wary* of all that may have happened since the last instant in its journal. While it is wary, an
action that the other side would not recognise is in doubt before it is called, and the contract's
own rule ends that doubt. If a check or a person says that the action did not happen, the doubt of
that one commit ends.

It also ends the wariness if a run leaves that commit only by success: then nothing after it can
have happened either. An action that can fail may have been tried and refused in the lost time, and
the run may have gone on from there. The same holds if the contract goes on from a doubt by itself.
In these cases the wariness ends with time, when senders no longer repeat what was lost with the
copy.

The other side recognises only a key that the contract computes. The run's own key counts the
states that the run has entered. In the lost time the run may have taken another way, with other
counts: the same key may then stand for another commit, and another key for the same one. So an
action with the own key, or without a key, is in doubt first, and neither `repeat` nor a check that
is given the own key may end that doubt (it is *blind*): a person is asked.
"""

from __future__ import annotations

from typing import assert_never

from opord.contract import Action, Ask, Check, Repeat, Report, Skip, Var
from opord.kernel.draft import Draft
from opord.kernel.instants import capped, microseconds, text
from opord.kernel.recording import goes_on_by_itself
from opord.kernel.records import RecordBody
from opord.kernel.run import Intent, Run
from opord.kernel.settled import has_key_expression
from opord.statements import nodes
from opord.values.types import Instant

UNTOLD_US = 30 * 86_400_000_000
"""How long after a restore an unanswerable doubt is treated as done, in microseconds: thirty days.
"""

RESTORE_RULE = 2
"""The rule of a restore that its record names: the run's own key is not relied on.

Before the rule had a number, it was, and a final failure after a restore ended its commit.
"""

BY = "restore"
"""The `by` of a doubt record that comes from a restore."""


def begin_wariness(draft: Draft, *, since: Instant, actor: str, role: str | None, reason: str | None) -> None:
    """Record that the store was restored from a copy. `since` is its last instant of the run.

    A worker that holds the run loses it. An open doubt starts now: attempts that the copy does not
    know of may have been made until just now, so a check must wait for these too.
    """
    run = draft.run
    until = capped(draft.at + UNTOLD_US)
    held = run.worker is not None
    draft.seize()
    draft.record(
        RecordBody(
            kind="restored",
            since=text(since),
            until=text(until),
            actor=actor,
            role=role,
            reason=reason,
            rule=RESTORE_RULE,
        )
    )
    run.body.wary, run.body.wary_until = since, until
    if run.intent is not None:
        run.intent.denied = False
    if held:
        run.wake_at = draft.at
    if run.intent is not None and run.intent.doubts:
        run.intent.given_up_at = draft.at


def unseen(run: Run, action: Action, intent: Intent, at: Instant) -> bool:
    """Say whether an action that is about to be called may have been called before the restore.

    The answer is false if the other side would recognise the key.
    """
    since = run.body.wary
    if not since or intent.denied or (goes_on_by_itself(action.doubt) and at >= run.body.wary_until):
        return False
    if action.key is None or not _computed(action, intent):
        return True
    return action.key.window is not None and at >= since + microseconds(action.key.window)


def before(run: Run, action: Action, intent: Intent) -> bool:
    """Say whether, despite a failure, a call before the restore may have taken effect.

    It would have had the same key.
    """
    return bool(run.body.wary) and _computed(action, intent) and not intent.denied


def blind(run: Run, action: Action, intent: Intent) -> bool:
    """Say whether the contract's rule for a doubt goes by a key that says nothing after a restore.

    The run's own key says nothing of a call in the lost time.
    """
    if not run.body.wary or intent.denied or _computed(action, intent):
        return False
    match action.doubt:
        case Repeat():
            return True
        case Check(args=args):
            return any(
                isinstance(node, Var) and node.origin == "call_key" for node in nodes(args, types=False)
            )
        case Ask() | Skip() | Report():
            return False
        case _:
            assert_never(action.doubt)


def _computed(action: Action, intent: Intent) -> bool:
    """Say whether the contract computed the key of this commit. Else it is the run's own."""
    return has_key_expression(action) and not intent.another


def reason(run: Run, intent: Intent) -> str:
    """Return the reason why a commit in a run of a restored store is in doubt."""
    return (
        f"the store was restored from a copy; {intent.call} may have been called since {text(run.body.wary)}"
    )
