"""What a restore from a copy leaves open, as the verifier judges it.

The copy does not know what was called in the lost time. Only a key that the contract computes tells
whether the other side knows a call. Older restores relied on the run's own key too; their
records name no rule, and what was legal then stays legal.
"""

from __future__ import annotations

from typing import Final, assert_never

from opord.contract import Action, Ask, Check, Doubt, Repeat, Report, Skip, Var
from opord.kernel.instants import microseconds
from opord.kernel.legality.fold import Commit, Fold, ReadRecord
from opord.statements import nodes

RESTORE_RULE: Final = 2
"""The rule in the record of a restore after which the run's own key is not relied on.

After older restores it was, and a final failure ended its commit.
"""

MADE_BEFORE: Final = "one under the same key may have been made before the store was restored"

BLIND_CHECK: Final = (
    "the check was asked by the run's own key, which says nothing of the time before the restore"
)


def restored(fold: Fold, record: ReadRecord) -> None:
    """Check a restore: what the run does next may have been done before."""
    since = record.instant("since")
    if since > record.at:
        fold.problem("at", "the copy's last word on the run lies after the restore")
    if not record.body.get("actor"):
        fold.problem("actor", "the store was restored, but it is not on record who said so")
    fold.wary, fold.wary_until, fold.restored_in = since, record.instant("until"), record.seq
    fold.own_keys_say_nothing = record.body.get("rule") == RESTORE_RULE
    if fold.commit is not None:
        fold.commit.denied = False
        if fold.commit.doubts:
            fold.commit.once_given_up.append(fold.commit.given_up_at)
            fold.commit.given_up_at = record.at


def was_made(fold: Fold, commit: Commit) -> None:
    """Report an attempt that was made although it may have been made before a restore."""
    if commit.in_flight and _must_not_be_made(fold, commit):
        fold.problem(
            "restored",
            f"{commit.action.name} was called, though it may have been called before the store was restored",
        )


def _must_not_be_made(fold: Fold, commit: Commit) -> bool:
    """Say whether the current attempt began after a restore, with a possibly unknown key.

    It must not be made then. After an older restore, the run's own key passed for known.
    """
    if _computed(commit) or commit.action.key is None or fold.own_keys_say_nothing:
        return may_be_doubted(fold, commit)
    return may_be_doubted(fold, commit) and _after_its_window(fold, commit)


def may_be_doubted(fold: Fold, commit: Commit) -> bool:
    """Say whether a restore may put the current attempt in doubt before it is made."""
    if not fold.wary or commit.denied or commit.began_in < fold.restored_in:
        return False
    if _goes_on_by_itself(commit.action.doubt) and commit.began_at >= fold.wary_until:
        return False
    return not _computed(commit) or _after_its_window(fold, commit)


def _after_its_window(fold: Fold, commit: Commit) -> bool:
    key = commit.action.key
    window = key.window if key is not None else None
    return window is not None and commit.began_at >= fold.wary + microseconds(window)


def _computed(commit: Commit) -> bool:
    """Say whether the contract computes the commit's key. Else it has the run's own."""
    key = commit.action.key
    return key is not None and key.expr is not None and not commit.another


def failed_in_doubt(fold: Fold, commit: Commit) -> bool:
    """Say whether all attempts failed, but one may have been made before a restore.

    That attempt would have had the same key.
    """
    failed = commit.failure is not None and not commit.doubts and commit.outcome is None
    return failed and before_a_restore(fold, commit)


def before_a_restore(fold: Fold, commit: Commit) -> bool:
    """Say whether an attempt under the same key may have been made before a restore."""
    return bool(fold.wary) and _computed(commit) and not commit.denied


def believed_before(fold: Fold, commit: Commit) -> bool:
    """Say whether an older Opord took the run's own key for one that lasts over a restore."""
    older = bool(fold.wary) and not fold.own_keys_say_nothing
    return older and commit.action.key is not None and not commit.denied


def blind(fold: Fold, commit: Commit) -> bool:
    """Say whether the rule for a doubt goes by a key that says nothing after a restore."""
    if not fold.wary or commit.denied or _computed(commit):
        return False
    match commit.action.doubt:
        case Repeat():
            return True
        case Check(args=args):
            origins = {node.origin for node in nodes(args, types=False) if isinstance(node, Var)}
            return "call_key" in origins
        case Ask() | Skip() | Report():
            return False
        case _:
            assert_never(commit.action.doubt)


def success_alone_leaves(action: Action) -> bool:
    """Say whether a run leaves a commit of the action only after the action took effect."""
    return not (action.fails or _goes_on_by_itself(action.doubt) or _goes_on_with_time(action.doubt))


def _goes_on_by_itself(rule: Doubt) -> bool:
    """Say whether a run goes on from a doubt at once, without asking anybody."""
    match rule:
        case Skip() | Report():
            return True
        case Repeat() | Check() | Ask():
            return False
        case _:
            assert_never(rule)


def _goes_on_with_time(rule: Doubt) -> bool:
    """Say whether a run goes on from a doubt when the time to answer is over."""
    match rule:
        case Ask(within):
            return within is not None
        case Repeat() | Check() | Skip() | Report():
            return False
        case _:
            assert_never(rule)


def unsettled_before(fold: Fold, commit: Commit) -> bool:
    """Say whether a final failure leaves open what became of a call before a restore.

    After older restores, it ended the commit.
    """
    return fold.own_keys_say_nothing and before_a_restore(fold, commit)
