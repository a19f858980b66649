"""Verify that a journal is whole and every transition legal.

The journal and the contract alone decide. This is a second opinion: it shares no code with what
writes journals (`recording.py`, `inbox.py`, `doubt.py`), so that a fault there is found here and
not repeated. It checks, in this order:

- `chain.py`: is every record there, unchanged, in its place, and of this run and contract?
- `order.py`: may this kind of record follow the ones before it? A table.
- `transitions.py`: does the contract allow this transition, this event, this timer?
- `steps.py`: does a step go on from what is on record of it?
- `commits.py`: was an action called only when its declared rule allowed it?
- `effects.py`: was an effect tried again only as its policy says?
- `alarms.py`: did what contradicts a decision raise an alarm, and nothing else?
- `values.py`: is every large value there, unchanged, and referred to?
- `stored.py`, `pending.py`, `holding.py`: does each stored column of the run match, or can it
  match, its journal?
- `kept.py`: the same for the rows beside it: its keys and the waiting messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from opord.kernel.legality import checks, collisions, commits, effects, transitions, wariness
from opord.kernel.legality.alarms import Alarms
from opord.kernel.legality.chain import check_chain
from opord.kernel.legality.fold import Fold, Problem, ReadRecord
from opord.kernel.legality.kept import Keys, check_inbox, check_keys
from opord.kernel.legality.order import FOLLOWS, check_order
from opord.kernel.legality.rebuilt import NotRebuilt, rebuilt_body
from opord.kernel.legality.stored import check_row
from opord.kernel.program import Program
from opord.kernel.rows import InboxRow, Kept, RecordRow, RunRow, ValueRow
from opord.kernel.run import RunBody
from opord.values.types import Digest

__all__ = [
    "FOLLOWS",
    "Keys",
    "NotRebuilt",
    "Problem",
    "body_by_journal",
    "verify",
    "verify_chain",
    "verify_kept",
]


def verify_chain(
    program: Program, row: RunRow, records: Iterable[RecordRow], values: Sequence[ValueRow] = ()
) -> list[Problem]:
    """Return the problems of the chain of a run's records, without checking the contract's rules.

    Of `program` only the digests are used.
    """
    fold = Fold(program, row.run, values)
    for record in records:
        if check_chain(fold, row, record) is None:
            return fold.problems
    for why in fold.values.problems():
        fold.stored_problem("value", why)
    for what, value, total in (("sequence", row.seq, fold.seq), ("hash", row.hash, fold.hash)):
        if value != total:
            fold.problems.append(Problem(None, what, f"it says {value!r}, its journal adds up to {total!r}"))
    return fold.problems


def verify(
    program: Program,
    row: RunRow,
    records: Iterable[RecordRow],
    inbox: Sequence[InboxRow] | None = None,
    values: Sequence[ValueRow] = (),
    keys: Keys | None = None,
    *,
    now: int | None = None,
) -> list[Problem]:
    """Return the problems of a run; none if its journal is unbroken and legal and matches the run.

    `records` is the whole journal in order, and `values` are all large values that it refers to. A
    record that cannot be read ends the verification. `inbox` and `keys` are not checked if they are
    None. With `now`, the store's clock, None, it is not checked whether an instant has come.
    """
    fold, to_its_end = _followed(program, row, records, values)
    if not to_its_end:
        return fold.problems
    check_row(fold, row, now)
    for why in fold.values.problems():
        fold.stored_problem("value", why)
    waiting = check_inbox(fold, row, inbox) if inbox is not None else {}
    if keys is not None:
        check_keys(fold, keys, waiting)
    return fold.problems


def verify_kept(program: Program, run: Kept, *, now: int | None = None) -> list[Problem]:
    """Return the problems of all that is stored of a run; see `verify`."""
    keys = Keys(run.event_keys, run.used_keys)
    return verify(program, run.row, run.records, run.inbox, run.values, keys, now=now)


def body_by_journal(
    program: Program, row: RunRow, records: Iterable[RecordRow], values: Sequence[ValueRow] = ()
) -> tuple[RunBody, Digest]:
    """Return the body of a run and the hash of its last record, by its journal alone.

    It is for ending the run; see `rebuilt.py`.

    Raises:
        NotRebuilt: the journal has problems, or does not end where the row does.
    """
    fold, _ = _followed(program, row, records, values)
    return rebuilt_body(fold, row), Digest(fold.hash)


def _followed(
    program: Program, row: RunRow, records: Iterable[RecordRow], values: Sequence[ValueRow]
) -> tuple[Fold, bool]:
    """Return the sum of the records, and whether all of them could be followed."""
    fold, alarms = Fold(program, row.run, values), Alarms()
    for record in records:
        entry = check_chain(fold, row, record)
        if entry is None:
            return fold, False
        check_order(fold, entry.kind)
        fold.follow(entry)
        try:
            _check(fold, entry)
            alarms.follow(fold, entry)
        except Exception as error:
            # A member is missing or has another form: Opord does not write such a record.
            fold.problem(
                "form", f"the `{entry.kind}` record cannot be followed ({type(error).__name__}: {error})"
            )
            return fold, False
        fold.last_kind = entry.kind
    alarms.end(fold)
    return fold, True


def _check(fold: Fold, record: ReadRecord) -> None:
    """Check one record against the contract and the records before it."""
    match record.kind:
        case "started":
            transitions.started(fold, record)
        case "event":
            transitions.event(fold, record)
        case "ignored":
            transitions.ignored(fold, record)
        case "unhandled":
            transitions.unhandled(fold, record)
        case "dropped":
            transitions.dropped(fold, record)
        case "transition":
            transitions.transition(fold, record)
        case "stalled":
            if "key" in record.body:
                collisions.collided(fold, record)
            transitions.stalled(fold, record)
        case "retried":
            transitions.retried(fold, record)
        case "terminated":
            transitions.terminated(fold, record)
        case "intent":
            commits.intent(fold, record)
        case "attempt" if "key" in record.body:
            commits.attempt(fold, record)
        case "attempt" if "intent" in record.body:
            checks.attempt(fold, record)
        case "attempt":
            effects.attempt(fold, record)
        case "limited":
            effects.limited(fold, record)
        case "doubt":
            commits.doubt(fold, record)
        case "resolved":
            commits.resolved(fold, record)
        case "outcome":
            commits.outcome(fold, record)
        case "evidence" if "of" in record.body:
            effects.late_answer(fold, record)
        case "evidence":
            commits.evidence(fold, record)
        case "restored":
            wariness.restored(fold, record)
        case "alarm" | "acknowledged":
            pass  # `Alarms` follows them
        case _:
            assert_never(record.kind)
