"""Check that the stored run matches its journal, column by column.

Some columns have no record: the worker and its lease, and the time when a person was asked. For
these it is only checked that they are possible (`holding.py`, `pending.py`).
"""

from __future__ import annotations

from typing import Any

from opord.kernel.large import INPUT_VALUES
from opord.kernel.legality.differing import compare, same
from opord.kernel.legality.fold import Fold
from opord.kernel.legality.holding import check_holding
from opord.kernel.legality.pending import by_timer, check_pending
from opord.kernel.legality.values import ReferenceWrong
from opord.kernel.rows import RunRow
from opord.kernel.sealing import opened
from opord.values.canonical import loads
from opord.values.vault import SecretUnreadable


def check_row(fold: Fold, row: RunRow, now: int | None) -> None:
    """Check the stored run against the sum of its records. `now` is the store's clock."""
    if not fold.state:
        fold.stored_problem("sequence", "the run has no journal")
        return
    try:
        body = fold.values.whole(opened(fold.program, row.run, "body", _object(row.head.body)))
        kept_input = opened(fold.program, row.run, "input", _object(row.input))
        input_rest = fold.values.whole(kept_input, INPUT_VALUES)
    except SecretUnreadable as error:
        fold.stored_problem("secret", str(error))
        return
    except ReferenceWrong as error:
        fold.stored_problem("value", str(error))
        return
    except Exception as error:
        fold.stored_problem("body", f"it cannot be read ({type(error).__name__}: {error})")
        return
    _check_columns(fold, row)
    if not same(body.get("data"), fold.data):
        fold.stored_problem("data", f"what it carries in {row.head.state} is not what its journal says")
    if not same(input_rest, fold.input_rest):
        fold.stored_problem("input", "it is not the one the run was started with")
    try:
        _check_body(fold, row, body)
        check_pending(fold, body)
        check_holding(fold, row, body, now)
    except Exception as error:
        # A member has another form: Opord does not write such a row.
        fold.stored_problem("body", f"it cannot be followed ({type(error).__name__}: {error})")


def _object(text: str) -> dict[str, Any]:
    plain = loads(text)
    if not isinstance(plain, dict):
        raise TypeError("it is not an object")
    return plain


def _check_columns(fold: Fold, row: RunRow) -> None:
    """Compare what the store keeps in columns of its own."""
    head, program = row.head, fold.program
    for column, value, journal in (
        ("sequence", row.seq, fold.seq),
        ("hash", row.hash, fold.hash),
        ("state", head.state, fold.state),
        ("outcome", head.outcome, fold.ended),
        ("since", head.since, fold.since),
        ("started_at", row.started_at, fold.started_at),
        ("name", row.name, program.name),
        ("version", row.version, program.version),
        ("priority", row.priority, fold.priority),
        ("label", row.label, fold.label),
    ):
        compare(fold, column, value, journal)
    if not program.is_named_by(row.contract):
        compare(fold, "contract", row.contract, program.digest)


def _check_body(fold: Fold, row: RunRow, body: dict[str, Any]) -> None:
    """Compare what the kernel keeps in the body of a row, except the step under way."""
    # A timer that takes a stalled run leaves no record until its step commits or ends.
    taken_by_timer = row.head.status == "running" and by_timer(body)
    for column, value, journal in (
        ("entered", body.get("entered"), fold.entered),
        ("phase_since", body.get("phase_since", 0), fold.phase_since),
        ("fired", sorted(body.get("fired", ())), sorted(fold.fired)),
        ("wary", body.get("wary", 0), fold.wary),
        ("wary_until", body.get("wary_until", 0), fold.wary_until),
        ("trouble", body.get("trouble"), None if taken_by_timer else fold.trouble),
        ("dropped", body.get("dropped", []), fold.dropped_keys),
        ("not_before", body.get("not_before", {}), fold.not_before),
        ("alarms", body.get("alarms", []), fold.open_alarms),
        ("settled", sorted(body.get("settled", ())), sorted({action for action, _ in fold.used_keys})),
    ):
        compare(fold, column, value, journal)
    # Rows of older versions do not have these.
    for column, said in (("how", fold.how), ("stalled_at", fold.stalled_at), ("trace", fold.trace)):
        if column in body:
            compare(fold, column, body[column], said)
