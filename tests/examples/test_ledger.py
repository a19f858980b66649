"""The ledger keeps what it has acknowledged, and nothing that it has not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from opord.examples.orders.ledger import Entry, Ledger, charged_twice, read_ledger

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def charge(charge_id: str, order_id: str = "o-1", key: str | None = None) -> Entry:
    return Entry("charge", charge_id, order_id, 500, AT, key)


def refund(charge_id: str, order_id: str = "o-1") -> Entry:
    return Entry("refund", charge_id, order_id, 500, AT)


def test_an_entry_is_there_when_the_ledger_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        ledger.append(charge("ch_1", key="k-1"))
    with Ledger(path) as ledger:
        ledger.append(refund("ch_1"))
        assert ledger.entries == [charge("ch_1", key="k-1"), refund("ch_1")]


def test_a_line_that_a_crash_left_half_written_is_gone_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        ledger.append(charge("ch_1"))
    path.write_bytes(path.read_bytes() + b'{"kind":"charge","charge_id":"ch_2"')
    with Ledger(path) as ledger:
        ledger.append(charge("ch_3"))
    assert list(read_ledger(path)) == [charge("ch_1"), charge("ch_3")]


def test_who_reads_while_a_line_is_written_sees_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        ledger.append(charge("ch_1"))
    path.write_bytes(path.read_bytes() + b'{"kind":"char')
    assert list(read_ledger(path)) == [charge("ch_1")]


def test_two_charges_of_one_order_are_one_too_many_unless_one_was_given_back() -> None:
    both = [charge("ch_1"), charge("ch_2"), charge("ch_3", "o-2")]
    assert charged_twice(both) == {"o-1": [charge("ch_1"), charge("ch_2")]}
    assert charged_twice([*both, refund("ch_2")]) == {}
