"""The demonstration, end to end: real processes, a real SIGKILL, and what it prints is what happened."""

from __future__ import annotations

import re

import pytest

from opord.cli.program import run
from opord.examples.orders import demo
from opord.stores import open_store
from tests.support.postgres import AnyServer


@pytest.mark.slow
def test_the_demonstration_charges_every_order_once_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    status = demo.main()
    printed = capfd.readouterr().out
    assert status == 0, printed
    assert "SIGKILL to worker" in printed
    assert re.search(r"ord_1001\.json +5 times +200", printed)
    assert re.search(r"Opord: no card was charged twice", printed)
    assert re.search(r"glue\.py: ord_1001 .*charged more than once", printed)
    compared = printed[printed.index("The same day, twice") :]
    assert re.search(r"ord_1001 .*\$54\.85 +Delivered +\$54\.85 \+ \$54\.85 +delivered", compared)
    assert re.search(r"ord_1007 .*\$3,099\.95 +Delivered", compared)
    assert re.search(r"ord_1006 .*nothing +Rejected", compared)
    assert re.search(r"in all +8 for 8 orders", compared)


def test_the_demonstration_on_postgresql_takes_a_schema_of_its_own(
    capfd: pytest.CaptureFixture[str], postgres: AnyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it plays is the same as above; only the URL differs."""
    stores: list[str | None] = []
    monkeypatch.setattr(demo, "main", stores.append)
    assert run(["demo", "--store", postgres.url()]) == 0
    assert re.search(r"schema=opord_demo_[0-9_]{15}$", stores[0] or "")
    assert re.search(
        r"opord runs list --store \S+schema=opord_demo_[0-9_]{15}$", capfd.readouterr().out.strip()
    )
    schema = "s_demo_is_there"
    open_store(postgres.url(schema=schema)).close()
    assert run(["demo", "--store", postgres.url(schema=schema)]) == 2
    assert "has a store already; the demo needs a schema of its own" in capfd.readouterr().err
    postgres.execute(f"DROP SCHEMA {schema} CASCADE")
    assert run(["demo", "--store", "sqlite:///orders.db"]) == 2
    assert "expected a store like postgresql://user@host/database" in capfd.readouterr().err
    assert len(stores) == 1
