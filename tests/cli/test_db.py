"""`opord db check` and `opord db print-sql`, which look at a store and change nothing."""

from __future__ import annotations

import json

from tests.cli.kit import Shop


def test_check_says_whether_a_store_is_there_and_up_to_date(shop: Shop) -> None:
    missing = shop.opord("db", "check")
    assert (missing.status, missing.err) == (1, "")
    assert missing.out.endswith("there is no store yet; `opord db migrate` makes one\n")
    assert not (shop.folder / "opord.db").exists()
    shop.start("o1")
    there = shop.opord("db", "check")
    assert (there.status, there.err) == (0, "")
    assert there.out.endswith("up to date\n")
    facts = json.loads(shop.opord("db", "check", "--json").out)
    assert (facts["exists"], facts["current"], facts["wrong"]) == (True, True, [])
    assert facts["schema"] == facts["schema_known"]


def test_no_sql_is_printed_for_a_file(shop: Shop) -> None:
    said = shop.opord("db", "print-sql")
    assert (said.status, said.out) == (3, "")
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
