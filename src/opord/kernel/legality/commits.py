"""Check commits: every call was allowed by the action's rule, and every outcome has its reason.

The rule behind all checks: an action is not called again for one intent unless a record says that
the attempts before it did not take effect, or the other side honours the same key and the contract
says `repeat`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias, assert_never

from opord.contract import Action, Ask, Check, Repeat, Report, Skip
from opord.kernel.instants import LAST_INSTANT, microseconds
from opord.kernel.legality import collisions, transacted
from opord.kernel.legality.asked_waits import heard
from opord.kernel.legality.collisions import check_key
from opord.kernel.legality.fold import Commit, Fold, ReadRecord, Used
from opord.kernel.legality.pending import MISFITS
from opord.kernel.legality.steps import called_here, check_rested, goes_on, phase_timer_due
from opord.kernel.legality.transacted import check_first_effect
from opord.kernel.legality.transitions import check_answer, decoded
from opord.kernel.legality.troubles import check_trouble
from opord.kernel.legality.wariness import (
    BLIND_CHECK,
    MADE_BEFORE,
    before_a_restore,
    believed_before,
    blind,
    failed_in_doubt,
    may_be_doubted,
    success_alone_leaves,
    unsettled_before,
    was_made,
)
from opord.kernel.program import CallProgram
from opord.kernel.records import OutcomeBy, known_by, known_teller, known_verdict
from opord.values.failure import Failure
from opord.values.types import START_OF_TIME, Instant

CUT_OFF = (
    "its worker died or lost its lease during the call",
    "its worker was lost during the call",  # in journals of earlier versions
)
"""The reason of a doubt about an attempt that was cut off.

If a check decides it, the attempt does not count for `retry`.
"""

DOUBT_RULE: Final = 2
"""The rule in the record of a doubt that ends only when every attempt is answered.

Older doubts ended with any final failure under the key.
"""


NOT_CALLED: Final = {"not_called": None}
"""What evidence says of an attempt whose call never began."""


def intent(fold: Fold, record: ReadRecord) -> None:
    """Check an intent: this step commits the action, and its arguments and key are right."""
    body = record.body
    call, action = _action(fold, body["call"])
    if body["call"] not in called_here(fold, "commit"):
        fold.problem("intent", f"nothing that can run in {fold.state} now commits {body['call']}")
    if (fold.commit is not None or fold.stalled) and not phase_timer_due(fold, record.at):
        fold.problem(
            "intent", "another commit is open or the run is stalled, and no timer of its phase was due"
        )
    now = record.instant("now")
    if now > record.at:
        fold.problem("at", "the step's `now` lies after its intent")
    for answer in body.get("answers", ()):
        check_answer(fold, answer)
    step = goes_on(fold, record, body.get("answers", ()), now=now)
    check_rested(fold, action.name, record.at)
    args = decoded(fold, f"the arguments of {body['call']}", call.args, body["args"])
    if action.transaction:
        fold.problem("intent", f"{action.name} is carried out in a transaction, which has no intent")
    another = collisions.another(step, body["call"])
    if another:
        collisions.check_own_key(fold, record)
    else:
        check_key(fold, record, call, args, now)
    check_first_effect(fold, action, body["key"])
    first_at = min(record.at, fold.wary) if fold.wary else record.at
    fold.commit = Commit(record.seq, call, action, body["key"], body["args"], now, first_at)
    fold.commit.another = another
    fold.commit.began_in, fold.commit.began_at = record.seq, record.at
    fold.commit.answers = body.get("answers", ())
    fold.intents[record.seq], fold.attempts[record.seq] = body["call"], 1
    fold.step = fold.trouble = None
    fold.stalled = fold.resumed = False


def attempt(fold: Fold, record: ReadRecord) -> None:
    """Check that another attempt begins, or that one ended without ending the commit."""
    commit = _open(fold, record)
    number = record.body["attempt"]
    if "outcome" in record.body:
        _ended(fold, commit, number)
        was_made(fold, commit)
        failure = record.body["outcome"]["failed"]
        kind = _kind(fold, commit, failure)
        before = before_a_restore(fold, commit) or believed_before(fold, commit)
        if kind == "settles" or (kind == "final" and not (commit.doubts or before)):
            fold.problem(
                "attempt", f"{failure['type']} is final, and was taken as if another attempt might help"
            )
        commit.in_flight, commit.failure, commit.refused = False, failure, kind == "final"
        commit.next_at = record.instant("next") if "next" in record.body else START_OF_TIME
        commit.next_said = True
        wait = heard(fold, record, commit.call, failure, record.at)
        if "next" in record.body and commit.next_at < min(record.at + wait, LAST_INSTANT):
            fold.problem(
                "wait", "the next attempt is due before the wait is over that the other side asked for"
            )
        return
    if number != commit.attempt + 1:
        fold.problem("attempt", f"attempt {number} follows attempt {commit.attempt}")
    if commit.in_flight:
        fold.problem("attempt", f"attempt {commit.attempt} has not ended on record")
    else:
        _check_again(fold, commit, record.at)
    check_rested(fold, commit.action.name, record.at)
    fold.trouble, fold.resumed = None, False
    commit.attempt = fold.attempts[commit.seq] = number
    commit.began_in, commit.began_at = record.seq, record.at
    if not commit.counted:
        commit.first_at = record.at
    commit.counted += 1
    commit.in_flight, commit.failure, commit.refused = True, None, False
    commit.excused = commit.asked_again = False


def doubt(fold: Fold, record: ReadRecord) -> None:
    """Check a doubt: it is unknown whether the attempt under way took effect."""
    commit = _open(fold, record)
    by_restore = record.body.get("by") == "restore"
    if by_restore and not commit.in_flight:
        failed = failed_in_doubt(fold, commit) or (
            commit.failure is not None and believed_before(fold, commit)
        )
        if not failed or record.body["attempt"] != commit.attempt:
            fold.problem("restored", f"no restore puts {record.body['call']} in doubt here")
        _begins(fold, commit, record)
        return
    _ended(fold, commit, record.body["attempt"])
    if by_restore:
        if not may_be_doubted(fold, commit):
            fold.problem("restored", f"no restore puts {record.body['call']} in doubt here")
    else:
        was_made(fold, commit)
    if by_restore or (record.body.get("reason") in CUT_OFF and isinstance(commit.action.doubt, Check)):
        commit.counted = max(commit.counted - 1, 0)
    _begins(fold, commit, record)


def _begins(fold: Fold, commit: Commit, record: ReadRecord) -> None:
    """Note that a doubt begins."""
    fold.resumed = False
    commit.in_flight = False
    if not commit.doubts:
        commit.doubt_since = record.at
    commit.doubts.append(record.body["attempt"])
    commit.misfits += record.body.get("misfit") is True
    if record.body.get("rule") == DOUBT_RULE:
        commit.ruled.add(record.body["attempt"])
    commit.given_up_at, commit.once_given_up = record.at, []
    commit.reason, commit.trouble = record.body["reason"], record.body.get("trouble")
    check_trouble(fold, commit.trouble)
    if commit.reason in CUT_OFF:
        commit.cut_off.add(record.body["attempt"])
    commit.next_said = "next" in record.body
    commit.next_at = record.instant("next") if commit.next_said else START_OF_TIME


def resolved(fold: Fold, record: ReadRecord) -> None:
    """Check the word of a check or a person on whether the action happened."""
    if fold.commit is None and fold.step is not None and fold.step.collision is not None:
        collisions.resolved(fold, fold.step.collision, record)
        return
    commit = _open(fold, record, key=False)
    by, verdict = known_teller(record.body["by"]), known_verdict(record.body["verdict"])
    if commit.in_flight:
        fold.problem("resolved", f"attempt {commit.attempt} was still under way")
    elif not commit.doubts and not commit.asked_again:
        fold.problem("resolved", "nothing was in doubt")
    match by:
        case "check":
            if not isinstance(commit.action.doubt, Check):
                fold.problem("resolved", f"the contract names no check for {record.body['call']}")
            elif blind(fold, commit) and fold.own_keys_say_nothing:
                fold.problem("restored", BLIND_CHECK)
        case "person":
            if not record.body.get("actor"):
                fold.problem("actor", "a person resolved it, but it is not on record who")
        case None:
            fold.problem("form", f"`resolved` by {record.body['by']!r} is unknown")
        case _:
            assert_never(by)
    fold.stalled = fold.resumed = False
    fold.trouble = None
    match verdict:
        case "happened":
            commit.person_says = record.body["outcome"]
        case "did_not_happen":
            _denied(fold, commit, record)
        case "another":
            fold.problem("resolved", f"{record.body['call']} collides with no earlier commit")
        case None:
            fold.problem("form", f"`resolved` as {record.body['verdict']!r} is unknown")
        case _:
            assert_never(verdict)


def _denied(fold: Fold, commit: Commit, record: ReadRecord) -> None:
    """Note that none of the attempts took effect. If a person says so, the count starts again."""
    commit.doubts, commit.ruled, commit.refused = [], set(), False
    commit.denied = True
    if success_alone_leaves(commit.action) or record.at >= fold.wary_until:
        fold.wary = START_OF_TIME
    commit.failure, commit.next_at, commit.next_said = None, START_OF_TIME, True
    by_person = record.body["by"] == "person"
    commit.excused, commit.asked_again = True, not by_person
    if by_person:
        commit.counted = commit.misfits = 0


def outcome(fold: Fold, record: ReadRecord) -> None:
    """Check an outcome: the reason why the commit ended must be on record."""
    body = record.body
    call, action = _action(fold, body["call"])
    _check_value(fold, call, body["outcome"])
    by = known_by(body["by"])
    if by == "record":
        _from_record(fold, record, action)
        return
    if by == "transaction":
        transacted.outcome(fold, record, call, action)
        return
    if action.transaction:
        fold.problem(
            "outcome", f"{action.name} is carried out in a transaction, and its outcome is by {body['by']!r}"
        )
    commit = _open(fold, record)
    if commit.outcome is not None:
        fold.problem("outcome", "the outcome of this commit is on record already")
    if by == "call" and commit.in_flight:
        was_made(fold, commit)
    why = _why_not(by, fold, commit, record)
    if why is not None:
        fold.problem("outcome", why)
    commit.outcome, commit.outcome_by = body["outcome"], body["by"]
    commit.in_flight = False
    fold.stalled = fold.resumed = False
    fold.trouble = None
    if "ok" in body["outcome"]:
        fold.effects.add((body["call"], fold.state))
        if action.key is not None and action.key.expr is not None:
            used = Used(commit.args, body["outcome"]["ok"])
            # The first effect under a key is the one that counts.
            fold.used_keys.setdefault((body["call"], body["key"]), used)
    elif body["outcome"]["failed"]["type"] == "InDoubt":
        fold.effects.add((body["call"], fold.state))


def evidence(fold: Fold, record: ReadRecord) -> None:
    """Check evidence: it must be about an attempt that was made."""
    body = record.body
    call, _ = _action(fold, body["call"])
    if body["outcome"] != NOT_CALLED:
        _check_value(fold, call, body["outcome"])
    if fold.intents.get(body["intent"]) != body["call"]:
        fold.problem("evidence", f"there is no intent of {body['call']} at record {body['intent']}")
    commit = fold.commit
    if commit is not None and commit.seq == body["intent"]:
        commit.evidence.append((body["attempt"], body["outcome"]))
        if body["attempt"] > commit.attempt:
            fold.problem("evidence", f"it speaks of attempt {body['attempt']}, which was not made")
    _answer(fold, record)
    known_at = record.instant("arrived") if "arrived" in body else record.at
    failed = body["outcome"].get("failed") if body.get("answered") else None
    heard(fold, record, call, failed, known_at)


def _answer(fold: Fold, record: ReadRecord) -> None:
    """Note which attempts a late outcome answers.

    Older records of evidence answer none by themselves.
    """
    commit, body = fold.commit, record.body
    answered = body.get("answered", [])
    if not answered and (fold.ended is not None or not _takes_back(commit, body)):
        return
    if commit is None or commit.seq != body["intent"] or commit.outcome is not None:
        fold.problem("evidence", "it answers attempts of a commit that is not open")
        return
    open_ = [*commit.doubts, *([commit.attempt] if commit.in_flight else [])]
    if body["outcome"] == NOT_CALLED:
        _take_back(fold, commit, body["attempt"], answered, open_)
        return
    if "ok" in body["outcome"]:
        if answered != open_:
            fold.problem("evidence", f"a result answers attempts {open_}, and it says {answered}")
        return
    kind = _kind(fold, commit, body["outcome"]["failed"])
    mine = [number for number in open_ if number == body["attempt"]]
    for_all = kind == "settles" and commit.action.key is not None
    if answered != ([*dict.fromkeys([*commit.doubts, *mine])] if for_all else mine):
        fold.problem("evidence", f"a failure of attempt {body['attempt']} does not answer {answered}")
    commit.doubts = [number for number in commit.doubts if number not in answered]
    if commit.attempt in answered:
        commit.in_flight = False
    if not commit.in_flight and not commit.refused:
        commit.failure, commit.refused = body["outcome"]["failed"], kind != "transient"
    if not commit.doubts:
        fold.stalled = fold.resumed = False
        fold.trouble = None


def _takes_back(commit: Commit | None, body: Mapping[str, Any]) -> bool:
    """Say whether evidence is the word that an open attempt never began."""
    if commit is None or commit.seq != body["intent"] or body["outcome"] != NOT_CALLED:
        return False
    under_way = commit.in_flight and body["attempt"] == commit.attempt
    return commit.outcome is None and (under_way or body["attempt"] in commit.doubts)


def _take_back(fold: Fold, commit: Commit, number: int, answered: list[int], open_: list[int]) -> None:
    """Note a worker's word that the call of an attempt never began.

    Such an attempt has no end on record but the loss of its worker, and counts for nothing.
    """
    if answered != [number] or number not in open_:
        fold.problem("evidence", f"attempt {number} was not called, which does not answer {answered}")
        return
    under_way = commit.in_flight and number == commit.attempt
    if not under_way and number not in commit.cut_off:
        fold.problem("evidence", f"attempt {number} was called: its doubt says how that ended")
    if under_way or not isinstance(commit.action.doubt, Check):
        commit.counted = max(commit.counted - 1, 0)
    commit.doubts = [each for each in commit.doubts if each != number]
    if number == commit.attempt:
        commit.in_flight = False
    commit.excused = True
    if not commit.doubts:
        fold.stalled = fold.resumed = False
        fold.trouble = None


# --- intents -------------------------------------------------------------------------------------


def _action(fold: Fold, name: str) -> tuple[CallProgram, Action]:
    call = fold.program.calls[name]
    if not isinstance(call.declaration, Action):
        raise TypeError(f"{name} is not an action")
    return call, call.declaration


# --- attempts ------------------------------------------------------------------------------------


def _open(fold: Fold, record: ReadRecord, *, key: bool = True) -> Commit:
    commit = fold.commit
    if commit is None:
        raise LookupError("there is no intent before it")
    if record.body["call"] != commit.call.declaration.name or (key and record.body["key"] != commit.key):
        fold.problem(
            record.kind, f"it is about {record.body['call']}, the open intent is of {commit.call.declaration.name}"
            f" with the key {commit.key!r}"
        )  # fmt: skip
    return commit


def _ended(fold: Fold, commit: Commit, number: int) -> None:
    if not commit.in_flight or number != commit.attempt:
        fold.problem("attempt", f"attempt {number} ends, but it is not under way")


def _check_again(fold: Fold, commit: Commit, at: Instant) -> None:
    """Check another attempt: an action is never repeated by guessing."""
    action = commit.action
    name = action.name
    times = action.retry.times if action.retry is not None else 0
    if action.retry is None and commit.misfits > MISFITS:
        fold.problem(
            "attempt",
            f"{name} is called again after {commit.misfits} answers that did not fit, with nobody asked",
        )
    elif commit.refused:
        fold.problem(
            "attempt", f"{name} failed for good while it was in doubt, and is called again with nobody asked"
        )
    elif commit.doubts:
        if not isinstance(action.doubt, Repeat) or action.key is None:
            fold.problem(
                "attempt", f"{name} is called again while it is in doubt, which its contract does not allow"
            )
        elif blind(fold, commit) and fold.own_keys_say_nothing:
            fold.problem("restored", f"{name} is called again under the run's own key, and nobody was asked")
        elif action.key.window is not None and at >= commit.first_at + microseconds(action.key.window):
            fold.problem("attempt", f"{name} is in doubt and called again after its key's window")
        elif action.retry is not None and commit.counted > times:
            fold.problem("attempt", f"{name} is called more than {times} times after the first")
    elif commit.failure is not None:
        if commit.counted > times:
            fold.problem("attempt", f"{name} is called more than {times} times after the first")
        if at < commit.next_at:
            fold.problem("attempt", "the attempt begins before it is due")
    elif not commit.excused:
        fold.problem("attempt", f"{name} is called again, and nothing on record says that it did not happen")


# --- outcomes ------------------------------------------------------------------------------------


def _why_not(by: OutcomeBy | None, fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    """Return what is wrong with the reason of an outcome; None if nothing is."""
    match by:
        case "call":
            return _by_call(fold, commit, record)
        case "check":
            return _by_check(fold, commit, record)
        case "person":
            return _by_person(fold, commit, record)
        case "evidence":
            return _by_evidence(fold, commit, record)
        case "skip":
            return _by_skip(fold, commit, record)
        case "report":
            return _by_report(fold, commit, record)
        case "record":
            return "what is on record under a key already belongs to no open intent"
        case "transaction":
            return "an action in a transaction has no intent"
        case None:
            return f"an outcome by {record.body['by']!r} is unknown"
        case _:
            assert_never(by)


def _by_call(fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    value = record.body["outcome"]
    if commit.in_flight:
        if record.body.get("attempt") != commit.attempt:
            return f"it is of attempt {record.body.get('attempt')}, but attempt {commit.attempt} is under way"
        kind = _kind(fold, commit, value["failed"]) if "failed" in value else "settles"
        if kind == "transient":
            return "a transient failure ends an attempt, and no commit"
        if kind == "final" and commit.unanswered:
            return (
                f"{value['failed']['type']} does not settle what became of attempt {max(commit.unanswered)}"
            )
        if kind == "final" and unsettled_before(fold, commit):
            return MADE_BEFORE
        return None
    if commit.doubts:
        return "no attempt is under way, and one is in doubt"
    if commit.failure is None or value.get("failed") != commit.failure:
        return "no attempt is under way, and none ended like this"
    if failed_in_doubt(fold, commit):
        return MADE_BEFORE
    return None


def _by_check(fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    if not isinstance(commit.action.doubt, Check):
        return f"the contract names no check for {commit.action.name}"
    if blind(fold, commit) and fold.own_keys_say_nothing:
        return BLIND_CHECK
    return (
        None
        if commit.doubts and "ok" in record.body["outcome"]
        else "there was no doubt that a check could end"
    )


def _by_person(fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    same = commit.person_says is not None and commit.person_says == record.body["outcome"]
    return None if same else "no person is on record who said so"


def _by_evidence(fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    for number, value in commit.evidence:
        if value != record.body["outcome"]:
            continue
        if "ok" in value:
            return None
        kind = _kind(fold, commit, value["failed"])
        if kind == "final" and commit.unanswered:
            return (
                f"{value['failed']['type']} does not settle what became of attempt {max(commit.unanswered)}"
            )
        if kind == "final" and unsettled_before(fold, commit):
            return MADE_BEFORE
        if kind != "transient" and (commit.action.key is not None or number == commit.attempt):
            return None
    return "there is no evidence on record that ends it so"


def _by_skip(fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    if not isinstance(commit.action.doubt, Skip):
        return f"the contract does not say `skip` for {commit.action.name}"
    return None if commit.doubts and record.body["outcome"] == {"ok": None} else "there was no doubt to skip"


def _by_report(fold: Fold, commit: Commit, record: ReadRecord) -> str | None:
    rule = commit.action.doubt
    if record.body["outcome"] != {"failed": {"type": "InDoubt"}}:
        return "a doubt is reported as `InDoubt` and nothing else"
    match rule:
        case Report():
            return None if commit.doubts else "there was no doubt to report"
        case Ask(timedelta() as within):
            over = record.at >= commit.given_up_at + microseconds(within)
            return None if commit.doubts and over else "the person asked still had time to answer"
        case Ask() | Repeat() | Check() | Skip():
            return f"the contract does not say `report` for {commit.action.name}"
        case _:
            assert_never(rule)


def _from_record(fold: Fold, record: ReadRecord, action: Action) -> None:
    pair = (action.name, record.body["key"])
    if (fold.commit is not None or fold.stalled) and not phase_timer_due(fold, record.at):
        fold.problem(
            "outcome",
            "a commit that calls nobody stands inside another one, or in a stalled run, and no timer of its "
            "phase was due",
        )
    elif action.name not in called_here(fold, "commit"):
        fold.problem("outcome", f"nothing that can run in {fold.state} now commits {action.name}")
    if action.key is None or action.key.expr is None or pair not in fold.used_keys:
        fold.problem(
            "outcome", f"{action.name} has not taken effect under the key {record.body['key']!r} before"
        )
    elif record.body["outcome"] != {"ok": fold.used_keys[pair].result}:
        fold.problem("outcome", "it is not the result that is on record under this key")
    collisions.check_reuse(fold, record)
    fold.commit, fold.reused, fold.reused_outcome = None, action.name, record.body["outcome"]
    fold.stalled = False


def _check_value(fold: Fold, call: CallProgram, value: dict[str, Any]) -> None:
    name = call.declaration.name
    if "failed" in value:
        if value["failed"]["type"] != "InDoubt":
            decoded(fold, f"the failure of {name}", call.failure, value["failed"])
    elif call.result is not None:
        decoded(fold, f"the result of {name}", call.result, value["ok"])
    elif value["ok"] is not None:
        fold.problem("data", f"{name} has no result, and one is on record")


_Kind: TypeAlias = Literal["transient", "settles", "final"]


def _kind(fold: Fold, commit: Commit, rest: dict[str, Any]) -> _Kind:
    """Return what a failure says about the attempts under its key."""
    failure = decoded(fold, f"the failure of {commit.action.name}", commit.call.failure, rest)
    if isinstance(failure, Failure) and failure.opord_transient:
        return "transient"
    return "settles" if isinstance(failure, Failure) and failure.opord_settles else "final"
