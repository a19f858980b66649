"""After a restore: the store is older than the world, so what a run does next may have been done before.

A run that was live in a copy that has been restored is *wary*, since the last instant that its journal knows. While it is,
an action that the other side would not recognise is in doubt before it is called, and the contract's own rule ends that doubt.
The word of a check or a person that something did not happen ends the doubt of that one commit. It ends the wariness where a run leaves the
commit by success alone: what would come after it cannot have happened either. An action that can fail may have been tried and refused
in the lost time, and the run may have gone on from there; so, too, where the contract goes on from a doubt by itself. There
it ends with time, when senders no longer repeat what was lost with the copy.
"""

from __future__ import annotations

from opord.contract import Action
from opord.kernel.draft import Draft
from opord.kernel.instants import capped, microseconds, text
from opord.kernel.recording import goes_on_by_itself
from opord.kernel.run import Intent, Run
from opord.values.types import Instant

UNTOLD_US = 30 * 86_400_000_000
"""For how long after a restore what nobody can tell of is taken as done, in microseconds: thirty days."""

BY = "restore"
"""Who brings a doubt about, in the record of one that comes from a restore."""


def begin_wariness(draft: Draft, *, since: int, actor: str, role: str | None, reason: str | None) -> None:
    """Put on record that the store was restored from a copy, whose last word on the run is of the instant `since`.

    Whoever holds the run loses it. A doubt that is open is as of now: attempts that the copy does not know of may have
    been made until just now, so that a check has to wait for these too.
    """
    run = draft.run
    until = capped(draft.at + UNTOLD_US)
    held = run.worker is not None
    draft.seize()
    draft.record("restored", since=text(since), until=text(until), actor=actor, role=role, reason=reason)
    run.body.wary, run.body.wary_until = since, until
    if run.intent is not None:
        run.intent.denied = False
    if held:
        run.wake_at = draft.at
    if run.intent is not None and run.intent.doubts:
        run.intent.given_up_at = draft.at


def unseen(run: Run, action: Action, intent: Intent, at: Instant) -> bool:
    """Say whether an action that is about to be called may have been called already, unknown to the other side's keys."""
    since = run.body.wary
    if not since or intent.denied or (goes_on_by_itself(action.doubt) and at >= run.body.wary_until):
        return False
    if action.key is None:
        return True
    return action.key.window is not None and at >= since + microseconds(action.key.window)


def before(run: Run, action: Action, intent: Intent) -> bool:
    """Say whether a transient failure of the last attempt leaves open that a call from before the restore took effect."""
    return bool(run.body.wary) and action.key is not None and not intent.denied


def reason(run: Run, intent: Intent) -> str:
    """Say why a commit of a run of a restored store is in doubt."""
    return (
        f"the store was restored from a copy; {intent.call} may have been called since {text(run.body.wary)}"
    )
