"""Runs found by their data: the same answers of every store, and no look at the other runs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from opord.kernel.rows import EventKey, delivery_name
from opord.stores.base import Store, StoreDenied
from opord.stores.finding import CANDIDATES, index_of
from opord.stores.memory import MemoryStore
from opord.stores.postgres.store import PostgresStore
from opord.stores.sqlite import SqliteStore
from opord.stores.sqlite.finding import _on_path, _statements
from opord.testing.store_rows import BEGIN, ORDERS, a_head, a_write, started, the_run
from opord.values.types import Key
from tests.support.postgres import AnyServer

PATH = ("receipt", "charge")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store
    if request.param == "memory":
        opened = MemoryStore()
    elif request.param == "sqlite":
        opened = SqliteStore(tmp_path / "runs.db")
    else:
        server: AnyServer = request.getfixturevalue("postgres")
        opened = PostgresStore(server.url(schema=f"s_{uuid4().hex[:12]}"))
    opened.put_contract(ORDERS)
    yield opened
    opened.close()


def charged(charge: str, *, number: int = 1) -> str:
    return f'{{"data":{{"receipt":{{"charge":"{charge}","number":{number}}}}},"entered":1}}'


def move(store: Store, run: str, charge: str, *, ended: bool = False) -> None:
    """Bring a run into a state with a charge, with the record that says so."""
    row = the_run(store, run)
    head = a_head(
        status="ended" if ended else "waiting",
        outcome="success" if ended else None,
        wake_at=None,
        body=charged(charge),
    )
    write = a_write(row, head=head, records=1)
    record = write.records[0].replace(body=charged(charge))
    store.apply([write.replace(records=(record,))])


def test_live_runs_are_found_by_what_their_state_has_now(store: Store) -> None:
    for run in ("Orders/1", "Orders/2", "Orders/3"):
        started(store, run)
    move(store, "Orders/1", "a")
    finding = store.finding()
    finding.prepare(PATH)
    finding.prepare(PATH)
    assert finding.live("Orders", PATH, "a") == ["Orders/1"]
    assert (finding.live("Refunds", PATH, "a"), finding.live("Orders", PATH, "b")) == ([], [])
    move(store, "Orders/2", "a")
    assert sorted(finding.live("Orders", PATH, "a")) == ["Orders/1", "Orders/2"]
    move(store, "Orders/1", "b")
    assert finding.live("Orders", PATH, "a") == ["Orders/2"]
    move(store, "Orders/2", "a", ended=True)
    assert finding.live("Orders", PATH, "a") == []


def noise(seed: int, letters: tuple[int, int], length: int) -> str:
    """Return a text that no database makes shorter."""
    chance = random.Random(seed)
    return "".join(chr(chance.randint(*letters)) for _ in range(length))


@pytest.mark.parametrize("letters", [(0x30, 0x5B), (0x20000, 0x2A000)], ids=["of one byte", "of four bytes"])
def test_a_long_value_hinders_no_write_and_is_found(store: Store, letters: tuple[int, int]) -> None:
    one, two = noise(1, letters, 3000), noise(2, letters, 3000)
    finding = store.finding()
    finding.prepare(PATH)
    started(store, "Orders/1")
    move(store, "Orders/1", one)
    started(store, "Orders/2", input_text=f'{{"receipt":{{"charge":"{two}"}}}}')
    assert finding.live("Orders", PATH, one) == ["Orders/1"]
    assert finding.live("Orders", PATH, two) == ["Orders/2"]


def test_many_long_values_that_begin_alike_are_looked_at(store: Store) -> None:
    finding = store.finding()
    finding.prepare(PATH)
    for number in range(CANDIDATES + 10):
        started(store, f"Orders/{number}")
        move(store, f"Orders/{number}", "a" * 600 + str(number))
    for number in (0, CANDIDATES, CANDIDATES + 9):
        assert f"Orders/{number}" in finding.live("Orders", PATH, "a" * 600 + str(number))


def test_a_run_with_a_long_value_is_indexed_later(store: Store) -> None:
    value = noise(3, (0x30, 0x5B), 3000)
    started(store, "Orders/1")
    move(store, "Orders/1", value)
    store.finding().prepare(PATH)
    assert store.finding().live("Orders", PATH, value) == ["Orders/1"]


@pytest.mark.parametrize("place", ["receipt", "receipt.charge"])
def test_a_run_whose_value_is_stored_apart_may_have_it(store: Store, place: str) -> None:
    finding = store.finding()
    finding.prepare(PATH)
    started(store, "Orders/0")
    move(store, "Orders/0", "b")
    row = started(store, "Orders/1")
    body = json.dumps({"data": {}, "values": {f"data.{place}": "digest"}})
    write = a_write(row, head=a_head(body=body, wake_at=None), records=1)
    store.apply([write.replace(records=(write.records[0].replace(body=body),))])
    started(store, "Orders/2", input_text=json.dumps({"$values": {place: "digest"}}))
    started(store, "Orders/3", input_text=json.dumps({"$values": {"about": "digest"}}))
    assert sorted(finding.live("Orders", PATH, "a")) == ["Orders/1", "Orders/2"]


def test_a_nul_is_no_value(store: Store) -> None:
    store.finding().prepare(PATH)
    assert store.finding().live("Orders", PATH, "a\0b") == []
    assert store.finding().delivered("@e", Key("a\0b")) is None


def test_at_most_some_candidates_are_looked_at(store: Store) -> None:
    store.finding().prepare(PATH)
    for number in range(CANDIDATES + 10):
        started(store, f"Orders/{number}")
        move(store, f"Orders/{number}", "same")
    assert len(store.finding().live("Orders", PATH, "same")) == CANDIDATES


def test_the_run_that_took_a_delivery_is_known(store: Store) -> None:
    row = started(store, "Orders/1")
    store.finding().prepare(PATH)
    names = (delivery_name("paid"), "paid")
    keys = tuple(EventKey(name, Key("k"), "c") for name in names)
    store.apply([a_write(row, head=a_head(), records=1).replace(event_keys=keys)])
    assert store.finding().delivered(names[0], Key("k")) == "Orders/1"
    assert store.finding().delivered(names[0], Key("other")) is None


@pytest.mark.parametrize("path", [(), ("a b",), ("a'",), ("a", ""), ("$",)])
def test_a_path_has_names_only(store: Store, path: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="names of fields"):
        store.finding().prepare(path)


def test_damaged_json_hinders_no_write_and_no_index(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.put_contract(ORDERS)
    for body in ("", "{", "nonsense"):
        row = started(store, f"Orders/{body}")
        store.apply([a_write(row, head=a_head(body=body), records=1)])
    store.finding().prepare(PATH)
    row = started(store, "Orders/later")
    store.apply([a_write(row, head=a_head(body="{{"), records=1)])
    assert store.finding().live("Orders", PATH, "a") == []
    store.close()


def test_sqlite_scans_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.finding().prepare(PATH)
    texts = [
        _on_path("live_by_state", "heads_data", PATH), _on_path("live_by_input", "runs_data", PATH), _statements()["delivered"],
    ]  # fmt: skip
    with store._pool.read() as connection:
        for text in texts:
            plan = [
                row[3]
                for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", ("a", "b", 5)[: text.count("?")])
            ]
            assert plan, text
            assert all(step.startswith("SEARCH") for step in plan), plan
    store.close()


def test_postgresql_reads_few_pages_beside_many_runs(postgres: AnyServer) -> None:
    store = PostgresStore(postgres.url(schema=f"s_{uuid4().hex[:12]}"))
    store.put_contract(ORDERS)
    with store._connections.own() as connection:
        name = store.location.schema
        connection.execute(
            f"""INSERT INTO {name}.runs (run, contract, started_at, input)
              SELECT 'Orders/c' || n, (SELECT id FROM {name}.contracts), {BEGIN}, '{{}}' FROM generate_series(1, 20000) AS n;
            INSERT INTO {name}.journal (run, seq, at, kind, hash, body)
              SELECT id, 1, {BEGIN}, 'transition', 'h', '{{"data":{{"receipt":{{"charge":"c' || id || '"}}}}}}' FROM {name}.runs;
            INSERT INTO {name}.heads (run, contract, epoch, seq, arrivals, since, hash, state, status, needs, body)
              SELECT id, contract, 1, 1, 0, {BEGIN}, 'h', 'Paid', 'waiting', '', '{{"data":{{"receipt":{{"charge":"c' || id || '"}}}}}}'
              FROM {name}.runs;""".encode()
        )
    finding = store.finding()
    finding.prepare(PATH)
    assert finding.live("Orders", PATH, "c77") == ["Orders/c77"]
    with store._connections.use() as connection:
        for text in (
            finding._on_path("live_by_state", "journal_data", PATH),
            finding._on_path("live_by_input", "runs_data", PATH),
        ):
            plan = "\n".join(
                row[0] for row in connection.execute(f"EXPLAIN {text}", ("c77", "Orders", 50)).fetchall()
            )
            assert index_of(PATH, "journal_data" if "journal" in text else "runs_data") in plan, plan
            assert "Seq Scan on runs" not in plan, plan
            assert "Seq Scan on heads" not in plan, plan
    store.close()


def test_an_index_whose_making_was_broken_off_is_made_again(postgres: AnyServer) -> None:
    store = PostgresStore(postgres.url(schema=f"s_{uuid4().hex[:12]}"))
    store.finding().prepare(PATH)
    name = f"{store.location.schema}.{index_of(PATH, 'journal_data')}"
    with store._connections.own() as connection:
        connection.execute(
            f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass".encode()
        )
    store.finding().prepare(PATH)
    with store._connections.own() as connection:
        found = connection.execute(
            f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{name}'::regclass".encode()
        )
        assert found.fetchall() == [(True,)]
    store.close()


def test_a_role_that_may_make_no_index_is_told_what_to_run(postgres: AnyServer) -> None:
    schema, role = f"s_{uuid4().hex[:12]}", f"r_{uuid4().hex[:12]}"
    owner = PostgresStore(postgres.url(schema=schema))
    with owner._connections.own() as connection:
        for text in (
            f"CREATE ROLE {role} LOGIN PASSWORD 'x'", f"GRANT USAGE ON SCHEMA {schema} TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        ):  # fmt: skip
            connection.execute(text.encode())
    store = PostgresStore(postgres.url(schema=schema, user=role, password="x"))
    with pytest.raises(
        StoreDenied, match=r"may not make the indexes .* let the owner of the tables run: CREATE INDEX"
    ):
        store.finding().prepare(PATH)
    store.close()
    owner.close()
