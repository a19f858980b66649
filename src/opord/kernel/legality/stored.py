"""Is the run as stored what its journal adds up to?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from opord.kernel.large import INPUT_VALUES
from opord.kernel.legality.fold import Fold
from opord.kernel.legality.transitions import decoded
from opord.kernel.legality.values import ReferenceWrong
from opord.kernel.rows import InboxRow, RunRow, Status
from opord.kernel.sealing import SEALED, comparable, opened
from opord.values.canonical import dumps, loads
from opord.values.vault import SecretUnreadable


def check_row(fold: Fold, row: RunRow) -> None:
    """Hold the stored run against the sum of its records."""
    head = row.head
    if not fold.state:
        _differs(fold, "sequence", "the run has no journal")
        return
    program = fold.program
    try:
        body = fold.values.whole(opened(program, row.run, "body", loads(head.body)))
        kept_input = opened(program, row.run, "input", loads(row.input))
        input_rest = fold.values.whole(kept_input, INPUT_VALUES)
    except SecretUnreadable as error:
        _differs(fold, "secret", str(error))
        return
    except ReferenceWrong as error:
        _differs(fold, "value", str(error))
        return
    outcome = fold.ended
    pairs: list[tuple[str, Any, Any]] = [
        ("sequence", row.seq, fold.seq),
        ("hash", row.hash, fold.hash),
        ("state", head.state, fold.state),
        ("outcome", head.outcome, outcome),
        ("since", head.since, fold.since),
        ("started_at", row.started_at, fold.started_at),
        ("entered", body.get("entered"), fold.entered),
        ("wary", body.get("wary", 0), fold.wary),
    ]
    for what, stored, expected in pairs:
        if stored != expected:
            _differs(fold, what, f"it says {stored!r}, its journal adds up to {expected!r}")
    if not program.is_named_by(row.contract):
        _differs(fold, "contract", f"it says {row.contract!r}, its journal adds up to {program.digest!r}")
    if dumps(comparable(body.get("data"))) != dumps(comparable(fold.data)):
        _differs(fold, "data", f"what it carries in {head.state} is not what its journal says")
    if dumps(comparable(input_rest)) != dumps(comparable(fold.input_rest)):
        _differs(fold, "input", "it is not the one the run was started with")
    expected = _statuses(fold)
    if head.status not in expected:
        _differs(
            fold, "status", f"it says {head.status}, by its journal it is {' or '.join(sorted(expected))}"
        )


def check_inbox(fold: Fold, row: RunRow, inbox: Sequence[InboxRow]) -> None:
    """Hold the messages that wait against the contract."""
    for message in inbox:
        match message.kind:
            case "event":
                _check_message(fold, row, message)
            case "evidence":
                pass  # what it speaks of is held against the journal once it is on record
            case _:
                assert_never(message.kind)


def _check_message(fold: Fold, row: RunRow, message: InboxRow) -> None:
    body = opened(fold.program, row.run, f"inbox {message.id}", loads(message.body))
    program = fold.program.events.get(body["event"])
    if program is None:
        _differs(fold, "inbox", f"an event {body['event']} waits, which the contract does not have")
        return
    # One that was terminated by its row alone keeps what is sealed for a place in the inbox.
    by_row = row.head.outcome == "terminated" and SEALED in message.body
    if row.head.status == "ended" and not by_row:
        _differs(fold, "inbox", f"{body['event']} still waits for a run that has ended")
    if decoded(fold, f"the content of a waiting {body['event']}", program.args, body["args"]) is None:
        fold.problems[-1] = fold.problems[-1]._replace(seq=None)


def _statuses(fold: Fold) -> set[Status]:
    commit = fold.commit
    if fold.ended is not None:
        return {"ended"}
    if fold.stalled:
        return {"stalled"}
    if commit is not None and commit.outcome is None:
        if commit.doubts:
            # Somebody resumed a run that stalled in a doubt: until a worker has it, it can go on.
            return {"in_doubt", "running"} if fold.last_kind in ("retried", "restored") else {"in_doubt"}
        return {"running", "in_doubt"} if commit.asked_again else {"running"}
    if commit is not None or fold.taken is not None or fold.acts:
        return {"running"}
    # A timer whose step makes calls has no record of its own, so that the run may be on its way already.
    return {"waiting", "running"}


def _differs(fold: Fold, what: str, why: str) -> None:
    fold.stored_problem(what, why)
