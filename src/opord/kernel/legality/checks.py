"""Check the attempts of a check that gave no answer: each is about the commit that is in doubt."""

from __future__ import annotations

from opord.contract import Check
from opord.kernel.backoff import UNEXPECTED_RETRY
from opord.kernel.instants import LAST_INSTANT, microseconds
from opord.kernel.legality.asked_waits import heard
from opord.kernel.legality.fold import Fold, ReadRecord
from opord.kernel.legality.steps import check_rested
from opord.kernel.legality.transitions import decoded
from opord.kernel.legality.troubles import check_trouble


def attempt(fold: Fold, record: ReadRecord) -> None:
    """Check that the effect of the open doubt's check gave no answer, and is asked again."""
    body, commit = record.body, fold.commit
    rule = commit.action.doubt if commit is not None else None
    if commit is None or not commit.doubts or not isinstance(rule, Check) or rule.effect != body["call"]:
        fold.problem("attempt", f"nothing is in doubt that {body['call']} could tell")
        return
    if body["intent"] != commit.seq:
        fold.problem("attempt", f"it is about intent {body['intent']}, and {commit.seq} is the open one")
    # Versions before this record asked without one, so the first may have a higher number.
    if body["attempt"] <= commit.checks or (commit.checks and body["attempt"] != commit.checks + 1):
        fold.problem("attempt", f"attempt {body['attempt']} of {rule.effect} follows attempt {commit.checks}")
    if ("outcome" in body) == ("error" in body):
        fold.problem("form", "a failed attempt has either a declared failure or an error")
    effect = fold.program.calls[rule.effect]
    if "outcome" in body and body["outcome"]["failed"].get("type") != "TimedOut":
        decoded(fold, f"the failure of {rule.effect}", effect.failure, body["outcome"]["failed"])
    check_trouble(fold, body.get("trouble"))
    since, next_at = record.instant("since"), record.instant("next")
    check_rested(fold, rule.effect, since)
    wait = heard(fold, record, effect, body.get("outcome", {}).get("failed"), record.at)
    if since < max(commit.given_up_at + microseconds(rule.after), commit.next_at):
        fold.problem("attempt", f"{rule.effect} is asked before it may be")
    earliest, latest = record.at + wait, record.at + max(wait, microseconds(UNEXPECTED_RETRY.cap))
    if not min(earliest, LAST_INSTANT) <= next_at <= latest:
        fold.problem("attempt", f"{rule.effect} is asked again at an instant that its backoff does not allow")
    commit.checks, commit.next_at, commit.next_said = body["attempt"], next_at, True
