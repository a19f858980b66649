"""Records are canonical JSON although they are not sorted when they are written."""

from __future__ import annotations

from typing import get_args

import msgspec

from opord.kernel import views
from opord.kernel.records import (
    OutcomeBy,
    RecordBody,
    RecordKind,
    Teller,
    Verdict,
    encode_record,
    known_by,
    known_kind,
    known_teller,
    known_verdict,
)
from opord.values.canonical import dumps


def test_members_are_declared_in_the_order_in_which_they_are_written() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(RecordBody)]
    assert names == sorted(names)


def test_a_record_is_canonical_json_without_members_that_do_not_apply() -> None:
    record = RecordBody(
        at="2026-01-01T00:00:00.000000Z", contract="c", epoch=1, kind="transition", prev="", run="C/1", seq=2,
        worker="w", from_="A", to="B", data={"b": {"z": 1, "a": None}, "a": [1.0]},
    )  # fmt: skip
    written = encode_record(record).decode()
    assert written == dumps(msgspec.json.decode(written))
    assert '"from":"A"' in written
    assert "actor" not in written
    assert '"a":null' in written


def test_only_known_words_are_read_from_a_record() -> None:
    for known, names in (
        (known_kind, get_args(RecordKind)),
        (known_by, get_args(OutcomeBy)),
        (known_verdict, get_args(Verdict)),
        (known_teller, get_args(Teller)),
    ):
        assert [known(name) for name in names] == list(names)
        assert [known(kept) for kept in ("paused", "", None, 1, ["event"])] == [None] * 5


def test_every_member_of_a_record_is_shown_or_left_out_by_name() -> None:
    typed = {"args", "answers", "calls", "data", "input", "outcome"}  # shown by their types
    row = {"at", "kind", "seq"}
    # The view is of one run, whose row has the contract's digest. The id distinguishes equal
    # messages. Large values are shown in their places.
    left_out = {"run", "contract", "id", "values"}
    members = {field.encode_name for field in msgspec.structs.fields(RecordBody)}
    assert members == typed | row | left_out | set(views._PLAIN_MEMBERS)
