"""Records are canonical JSON without being sorted."""

from __future__ import annotations

import msgspec

from opord.kernel.records import RecordBody, encode_record
from opord.values.canonical import dumps


def test_members_are_declared_in_the_order_in_which_they_are_written() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(RecordBody)]
    assert names == sorted(names)


def test_a_record_is_written_as_canonical_json_without_what_does_not_apply() -> None:
    record = RecordBody(
        at="2026-01-01T00:00:00.000000Z", contract="c", epoch=1, kind="transition", prev="", run="C/1", seq=2,
        worker="w", from_="A", to="B", data={"b": {"z": 1, "a": None}, "a": [1.0]},
    )  # fmt: skip
    written = encode_record(record).decode()
    assert written == dumps(msgspec.json.decode(written))
    assert '"from":"A"' in written
    assert "actor" not in written
    assert '"a":null' in written
