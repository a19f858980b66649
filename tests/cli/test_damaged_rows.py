"""Reading a store with damaged rows: other rows are shown, and of damaged ones what is readable."""

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
def test_a_list_shows_what_is_readable_of_a_row_with_invalid_utf8(
    five: Shop, damaged: tuple[int, ...], column: str
) -> None:
    damage(five, f"UPDATE heads SET {column} = {NOT_TEXT} WHERE run IN ({', '.join(map(str, damaged))})")
    views = five.opord("runs", "list", "--json").json
    assert [view["run"] for view in views] == [f"Desk/o{number}" for number in (5, 4, 3, 2, 1)]
    for number, view in zip((5, 4, 3, 2, 1), views, strict=True):
        assert (view["state"], view["status"], view["contract"]) == ("Received", "running", "Desk")
        is_told = view["reason"] is not None and "not UTF-8" in view["reason"]
        assert (view["data"] is None, is_told) == (number in damaged, number in damaged)


def test_invalid_utf8_is_shown_with_replacement_characters(five: Shop) -> None:
    damage(five, f"UPDATE heads SET state = {NOT_TEXT} WHERE run = 2")
    said = five.opord("runs", "list")
    assert (said.status, said.err) == (0, "")
    assert "Desk/o2  {\ufffd}" in said.out


def test_limits_and_pages_count_damaged_rows(five: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opord.backends.shown.PAGE", 2)
    damage(five, f"UPDATE heads SET body = {NOT_TEXT} WHERE run IN (1, 4)")
    for limit in range(1, 6):
        said = five.opord("runs", "list", "--limit", str(limit), "--json")
        assert [view["run"][-1] for view in said.json] == ["5", "4", "3", "2", "1"][:limit]
        assert ("there are more" in said.err) == (limit < 5)


def test_a_damaged_run_is_shown_as_far_as_it_can_be_read(five: Shop) -> None:
    damage(five, f"UPDATE heads SET body = {NOT_TEXT} WHERE run = 2")
    said = five.opord("runs", "show", "Desk/o2")
    assert said.status == 0
    assert "Desk/o2  Desk version 1" in said.out
    assert "why        a row is damaged: it is not UTF-8" in said.out


def test_runs_of_an_unreadable_contract_are_shown_without_data(five: Shop) -> None:
    damage(five, f"UPDATE contracts SET sources = {NOT_TEXT}")
    views = five.opord("runs", "list", "--json").json
    assert [view["data"] for view in views] == [None] * 5
    assert all("not UTF-8" in view["reason"] for view in views)


INBOX = "INSERT INTO inbox (run, message, arrived, kind, body) VALUES (2, 'm', 1, 'event', "

ROWS = {
    "runs": f"UPDATE runs SET input = {NOT_TEXT} WHERE id = 2",
    "runs, its name": f"UPDATE runs SET run = {NOT_TEXT} WHERE id = 2",
    "heads": f"UPDATE heads SET reason = {NOT_TEXT} WHERE run = 2",
    "heads, no JSON": "UPDATE heads SET body = '{' WHERE run = 2",
    "heads, no status": "UPDATE heads SET status = 'odd' WHERE run = 2",
    "heads, no instant": f"UPDATE heads SET since = {2**63 - 1} WHERE run = 2",
    "heads, another contract": "UPDATE heads SET contract = 99 WHERE run = 2",
    "journal": f"UPDATE journal SET body = {NOT_TEXT} WHERE run = 2",
    "journal, no JSON": "UPDATE journal SET body = '{' WHERE run = 2",
    "journal, nothing said": "UPDATE journal SET body = '{}' WHERE run = 2",
    "inbox": f"{INBOX} {NOT_TEXT})",
    "inbox, no JSON": f"{INBOX} '{{')",
    "event_keys": f"INSERT INTO event_keys VALUES (2, 'approve', {NOT_TEXT}, 'x')",
    "settled": f"INSERT INTO settled VALUES (2, 'charge', 'x', 'x', {NOT_TEXT})",
    "large_values": f"INSERT INTO large_values (run, digest, body) VALUES (2, 'x', {NOT_TEXT})",
    "no head": "DELETE FROM heads WHERE run = 2",
    "no run": "DELETE FROM runs WHERE id = 2",
}


@pytest.mark.parametrize("row", ROWS)
def test_one_row_that_cannot_be_read_shows_as_damaged_and_hides_no_other(five: Shop, row: str) -> None:
    damage_all(five, ROWS[row])
    listed = five.opord("runs", "list", "--json")
    assert {"Desk/o1", "Desk/o3", "Desk/o4", "Desk/o5"} <= {view["run"] for view in listed.json}, listed.err
    for other in ("Desk/o1", "Desk/o3"):
        assert five.opord("runs", "show", other).status == 0
    if row not in ("runs, its name", "no head", "no run"):
        assert "Desk/o2" in five.opord("runs", "show", "Desk/o2").out
        told = five.opord("runs", "history", "Desk/o2")
        assert (told.status, told.out[:7]) == (0, "Desk/o2"), told.err
    found = five.opord("runs", "verify", "--json")
    assert found.status == 1
    wrong = [each["run"] for each in found.json if each["problems"]]
    assert len(wrong) == 1
    assert {"Desk/o1", "Desk/o3", "Desk/o4", "Desk/o5"} == {each["run"] for each in found.json} - set(wrong)


@pytest.mark.parametrize(
    "table", ["runs", "heads", "journal", "inbox", "event_keys", "settled", "large_values", "no run"]
)
def test_doctor_names_the_table_of_a_row_that_cannot_be_read(five: Shop, table: str) -> None:
    assert "are damaged" not in five.opord("doctor").out
    damage_all(five, ROWS[table])
    said = five.opord("doctor")
    assert f"rows of `{'runs' if table == 'no run' else table}` are damaged" in said.out
    assert said.status == 1


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("heads", "UPDATE heads SET body = '{' WHERE run = 2"),
        ("heads", "UPDATE heads SET body = '{\"alarms\":5}' WHERE run = 2"),
        ("heads", "UPDATE heads SET status = 'lost' WHERE run = 2"),
        ("heads", "UPDATE heads SET outcome = 'lost' WHERE run = 2"),
        ("journal", "UPDATE journal SET body = '{' WHERE run = 2"),
        ("inbox", "INSERT INTO inbox (run, message, arrived, kind, body) VALUES (2, 'm', 1, 'event', '{')"),
    ],
)
def test_doctor_names_the_table_of_a_row_in_another_form(five: Shop, table: str, statement: str) -> None:
    damage_all(five, statement)
    said = five.opord("doctor")
    assert f"rows of `{table}` are damaged" in said.out
    assert said.status == 1


def test_a_history_shows_the_records_beside_a_damaged_one(five: Shop) -> None:
    five.work()
    damage_all(five, f"UPDATE journal SET body = {NOT_TEXT} WHERE run = 2 AND seq = 3")
    damage_all(five, "UPDATE journal SET body = '{' WHERE run = 2 AND seq = 5")
    told = five.opord("runs", "history", "Desk/o2", "--json").json
    assert [record["seq"] for record in told] == list(range(1, len(told) + 1))
    assert [record["seq"] for record in told if "damaged" in record] == [3, 5]
    page = five.opord("runs", "history", "Desk/o2").out
    assert "record 3 is damaged: a row is damaged" in page
    assert "record 5 is damaged: it cannot be read" in page


def damage_all(shop: Shop, statement: str) -> None:
    """Change the file as a fault below the store would, past every rule of the store."""
    with sqlite3.connect(shop.folder / "opord.db") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        assert connection.execute(statement).rowcount
    connection.close()


@pytest.mark.parametrize("value", [NOT_TEXT, "'{'", "'{\"alarms\":5}'"])
def test_a_restore_marks_the_runs_beside_one_that_cannot_be_read(five: Shop, value: str) -> None:
    damage(five, f"UPDATE heads SET body = {value} WHERE run = 2")
    told = five.opord("db", "restored", "--json")
    assert told.status == 1
    assert (told.json["marked"], told.json["unreadable"]) == (4, 1)
    assert [one["run"] for one in told.json["runs"] if one["how"] == "unreadable"] == ["Desk/o2"]
    again = five.opord("db", "restored")
    assert "0 live runs are marked now; 4 were marked before" in again.out
    assert "1 cannot be read and got no mark; mend this before you start a worker" in again.out
    assert "Workers may start now" not in again.out


def test_an_alarm_of_a_run_that_cannot_be_read_is_shown_without_an_empty_line(five: Shop) -> None:
    damage(five, "UPDATE heads SET body = '{', needs = 'alarm' WHERE run = 2")
    said = five.opord("runs", "show", "Desk/o2")
    assert "needs      alarm: later evidence contradicts a decision\n" in said.out
    assert not any(not line.strip() for line in said.out.rstrip().splitlines())


@pytest.mark.parametrize("value", [NOT_TEXT, "'{'", "'{\"alarms\":5}'"])
def test_a_run_whose_row_cannot_be_read_can_be_terminated_by_its_journal(five: Shop, value: str) -> None:
    five.start("lost-1")
    five.work()
    damage(five, f"UPDATE heads SET body = {value} WHERE run IN (2, 6)")
    for run in ("o2", "lost-1"):
        assert five.opord("runs", "verify", f"Desk/{run}").status == 1
    said = five.opord("runs", "terminate", "Desk/lost-1", "--reason", "the disk lost it", "--as", "ann")
    assert said.status == 0, said.err
    assert five.opord("runs", "verify", "Desk/lost-1").status == 0
    last = five.opord("runs", "history", "Desk/lost-1", "--json").json[-1]
    assert (last["kind"], last["actor"], last["reason"]) == ("terminated", "ann", "the disk lost it")
    assert (last["open"]["call"], last["open"]["attempt"]) == ("charge", 1)
    assert five.opord("runs", "show", "Desk/lost-1", "--json").json["outcome"] == "terminated"


def test_a_run_with_neither_row_nor_journal_is_not_terminated(five: Shop) -> None:
    damage(five, "UPDATE heads SET body = '{' WHERE run = 2")
    damage_all(five, "UPDATE journal SET body = '{' WHERE run = 2")
    said = five.opord("runs", "terminate", "Desk/o2", "--reason", "the disk lost it")
    assert said.status == 1
    assert (
        "error[run_unreadable]: Desk/o2 cannot be read: its row is damaged, and its journal cannot be followed: "
        in said.err
    )
