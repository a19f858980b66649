"""Reading a store in which single rows are not what was written: the others are shown, and of those what is left."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.kit import Shop

NOT_TEXT = "CAST(x'7bff7d' AS TEXT)"


@pytest.fixture
def five(shop: Shop) -> Shop:
    shop.start("o1", "o2", "o3", "o4", "o5")
    return shop


def damage(shop: Shop, statement: str) -> None:
    with sqlite3.connect(shop.folder / "opord.db") as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("damaged", "column"),
    [
        *(((number,), "body") for number in (1, 3, 5)),
        ((2, 3), "body"),
        ((1, 2, 3, 4, 5), "body"),
        *(((3,), column) for column in ("reason", "hash", "worker")),
    ],
)
def test_a_list_shows_what_is_left_of_a_row_that_is_no_text(
    five: Shop, damaged: tuple[int, ...], column: str
) -> None:
    damage(five, f"UPDATE heads SET {column} = {NOT_TEXT} WHERE run IN ({', '.join(map(str, damaged))})")
    views = five.opord("runs", "list", "--json").json
    assert [view["run"] for view in views] == [f"Desk/o{number}" for number in (5, 4, 3, 2, 1)]
    for number, view in zip((5, 4, 3, 2, 1), views, strict=True):
        assert (view["state"], view["status"], view["contract"]) == ("Received", "running", "Desk")
        is_told = view["reason"] is not None and "no UTF-8" in view["reason"]
        assert (view["data"] is None, is_told) == (number in damaged, number in damaged)


def test_a_text_that_is_none_is_shown_with_a_sign_for_each_wrong_byte(five: Shop) -> None:
    damage(five, f"UPDATE heads SET state = {NOT_TEXT} WHERE run = 2")
    said = five.opord("runs", "list")
    assert (said.status, said.err) == (0, "")
    assert "Desk/o2  {\ufffd}" in said.out


def test_limits_and_pages_count_damaged_rows_as_others(five: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opord.backends.shown.PAGE", 2)
    damage(five, f"UPDATE heads SET body = {NOT_TEXT} WHERE run IN (1, 4)")
    for limit in range(1, 6):
        said = five.opord("runs", "list", "--limit", str(limit), "--json")
        assert [view["run"][-1] for view in said.json] == ["5", "4", "3", "2", "1"][:limit]
        assert ("there are more" in said.err) == (limit < 5)


def test_one_damaged_run_asked_for_by_name_is_an_error_with_its_reason(five: Shop) -> None:
    damage(five, f"UPDATE heads SET body = {NOT_TEXT} WHERE run = 2")
    said = five.opord("runs", "show", "Desk/o2")
    assert (said.status, said.out) == (3, "")
    assert said.err.startswith("error[store_damaged]: the store is damaged: a row is not what was written")


def test_runs_of_a_contract_that_is_no_text_are_shown_without_what_they_carry(five: Shop) -> None:
    damage(five, f"UPDATE contracts SET sources = {NOT_TEXT}")
    views = five.opord("runs", "list", "--json").json
    assert [view["data"] for view in views] == [None] * 5
    assert all("no UTF-8" in view["reason"] for view in views)
