"""Check the chain: every record is there, unchanged, in its place, and of this run and contract."""

from __future__ import annotations

from opord.kernel.instants import LAST_INSTANT, text
from opord.kernel.legality.fold import Fold, ReadRecord
from opord.kernel.legality.values import ReferenceWrong
from opord.kernel.records import UNKNOWN_KIND
from opord.kernel.rows import RecordRow, RunRow
from opord.kernel.sealing import opened
from opord.values.canonical import digest, dumps, loads
from opord.values.vault import SecretUnreadable


def check_chain(fold: Fold, row: RunRow, record: RecordRow) -> ReadRecord | None:
    """Check one record against its own hash and the record before it.

    Return None if it cannot be read.
    """
    expected, before = fold.seq + 1, fold.hash
    fold.seq = record.seq
    if record.seq != expected:
        fold.problem(
            "sequence", f"record {expected} should stand here, this is {record.seq}: records are missing"
        )
    if digest(record.body) != record.hash:
        fold.problem("hash", "the record does not have the hash kept with it: it was changed")
    fold.hash = record.hash
    try:
        body = loads(record.body)
    except Exception as error:
        fold.problem("form", f"the record is not JSON: {error}")
        return None
    if not isinstance(body, dict):
        fold.problem("form", "the record is not an object")
        return None
    if dumps(body) != record.body:
        fold.problem("form", "the record is not in canonical form")
    if body.get("prev") != before:
        fold.problem("hash", "the record does not name the hash of the record before it")
    for name, value in (("run", row.run), ("seq", record.seq), ("kind", record.kind)):
        if body.get(name) != value:
            fold.problem(name, f"the record says {body.get(name)!r}, expected {value!r}")
    if not fold.program.is_named_by(body.get("contract")):
        fold.problem(
            "contract", f"the record says {body.get('contract')!r}, expected {fold.program.digest!r}"
        )
    _check_epoch(fold, row, body.get("epoch"))
    if not 0 <= record.at <= LAST_INSTANT or body.get("at") != text(record.at):
        fold.problem("at", f"the record says {body.get('at')!r}, and was kept with {record.at}")
    kind = record.known_kind
    if kind is None:
        fold.problem("kind", f"`{record.kind}`: {UNKNOWN_KIND}, which has to verify the run")
        return None
    try:
        whole = fold.values.whole(opened(fold.program, row.run, f"record {record.seq}", body))
    except ReferenceWrong as error:
        fold.problem("value", str(error))
        return None
    except SecretUnreadable as error:
        fold.problem("secret", str(error))
        return None
    return ReadRecord(record.seq, record.at, kind, whole)


def _check_epoch(fold: Fold, row: RunRow, epoch: object) -> None:
    if not isinstance(epoch, int) or epoch < fold.epoch:
        fold.problem(
            "epoch", f"it was written in epoch {epoch}, after one of epoch {fold.epoch}: by a stale worker"
        )
    elif epoch > row.epoch:
        fold.problem("epoch", f"it was written in epoch {epoch}, and the run is only in epoch {row.epoch}")
    else:
        fold.epoch = epoch
