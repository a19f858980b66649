"""`opord db check` and `opord db print-sql`, which look at a store and change nothing."""

from __future__ import annotations

import json

import pytest

from opord.server.state import STEPS
from tests.cli.kit import Shop, order


def test_check_says_whether_a_store_is_there_and_up_to_date(shop: Shop) -> None:
    missing = shop.opord("db", "check")
    assert (missing.status, missing.err) == (1, "")
    assert missing.out.endswith("there is no store yet; `opord db migrate` makes one\n")
    assert not (shop.folder / "opord.db").exists()
    shop.start("o1")
    there = shop.opord("db", "check")
    assert (there.status, there.err) == (0, "")
    assert there.out.endswith(
        "up to date\ntables of `opord serve`: there are none yet; `opord serve` or `opord db migrate` makes them\n"
    )
    facts = json.loads(shop.opord("db", "check", "--json").out)
    assert (facts["exists"], facts["current"], facts["wrong"]) == (True, True, [])
    assert facts["schema"] == facts["schema_known"]
    assert facts["server_schema"] == 0


def server_schema(shop: Shop, store: str) -> int:
    return int(shop.opord("db", "check", "--json", "--store", store).json["server_schema"])


def test_migrate_makes_the_tables_of_the_server(shop: Shop) -> None:
    shop.start("o1")
    assert shop.opord("db", "migrate").status == 0
    there = shop.opord("db", "check")
    assert there.status == 0
    assert there.out.endswith(f"tables of `opord serve`: schema {STEPS.newest}, up to date\n")


def test_migrate_makes_the_tables_of_the_server_where_they_are_to_lie(shop: Shop) -> None:
    (shop.folder / "opord.toml").write_text('[server]\nstate = "sqlite:///own.db"\n')
    assert shop.opord("db", "migrate").status == 0
    assert server_schema(shop, "sqlite:///opord.db") == 0
    assert server_schema(shop, "sqlite:///own.db") == STEPS.newest


@pytest.mark.parametrize(
    ("text", "said"),
    [("[server]\nstat = 1", "sets `[server] stat`, which is not a setting"), ("[server]\nstate = 1", "expected str for `[server] state`, got 1"),
     ("server = 1", "expected dict for `server`, got 1")],
)  # fmt: skip
def test_settings_of_the_server_are_checked(shop: Shop, text: str, said: str) -> None:
    (shop.folder / "opord.toml").write_text(text)
    refused = shop.opord("db", "check")
    assert refused.status == 2
    assert said in refused.err


def test_no_sql_is_printed_for_a_file(shop: Shop) -> None:
    said = shop.opord("db", "print-sql")
    assert (said.status, said.out) == (2, "")
    assert "a store in a file needs no SQL" in said.err


def test_the_sql_of_a_schema_is_printed_without_asking_the_server(shop: Shop) -> None:
    url = "postgresql://ann:hunter2@nowhere.invalid/shop?schema=desk"
    said = shop.opord("db", "print-sql", "--role", "clerk", "--store", url)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("BEGIN;\n")
    assert said.out.endswith("COMMIT;\n")
    assert 'GRANT USAGE ON SCHEMA desk TO "clerk";' in said.out
    assert "opord." not in said.out.replace("opord.may_change", "")
    assert "hunter2" not in said.out
    assert "CREATE TABLE desk.server_idempotency" in said.out


WRONG_USAGE = [
    ("db", "print-sql", "--role", "no such", "--store", "postgresql://db/shop"),
    ("runs", "list", "--store", "mysql://db/shop"),
    ("runs", "list", "--store", "sqlite:orders.db"),
    ("runs", "start", "desk.opord", "--input", "@orders.jsonl", "--store", "opord.db"),
    ("runs", "list", "--store", "sqlite://orders.db"),
    ("runs", "list", "--store", "postgresql://ann@db:port/shop"),
    ("runs", "list", "--store", "postgresql://ann@db/shop?schema=Desk"),
    ("runs", "list", "--store", "postgresql://ann@db/shop?connect_timeout=soon"),
    ("runs", "list", "--store", "postgresql://ann@db/shop?colour=red"),
    ("runs", "start", "desk.opord", "--input", "@orders.jsonl", "--store", "sqlite:///:memory:"),
]


@pytest.mark.parametrize("command", WRONG_USAGE, ids=" ".join)
def test_a_store_that_is_named_wrongly_is_wrong_usage(shop: Shop, command: tuple[str, ...]) -> None:
    (shop.folder / "orders.jsonl").write_text(order("o1"))
    said = shop.opord(*command)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("error[store_refused]: ")
    assert any(move in said.err for move in ("expected ", "write ", "the parameters are", "name a file"))


def test_a_dry_run_of_restored_lists_the_runs_and_marks_none(shop: Shop) -> None:
    shop.start("o1", "o2")
    would = shop.opord("db", "restored", "--dry-run")
    assert (would.status, would.err) == (0, "")
    assert "2 live runs would be marked" in would.out
    assert would.out.splitlines()[-1].startswith("Nothing was changed")
    data = shop.opord("db", "restored", "--dry-run", "--json").json
    assert (data["would_mark"], "marked" in data) == (2, False)
    assert {one["how"] for one in data["runs"]} == {"to be marked"}
    marked = shop.opord("db", "restored", "--reason", "disk of host 7 lost")
    assert "2 live runs are marked now" in marked.out
    assert "disk of host 7 lost" in shop.opord("runs", "history", "Desk/o1").out
    assert (
        "0 live runs would be marked; 2 were marked before" in shop.opord("db", "restored", "--dry-run").out
    )
