"""What goes wrong in a PostgreSQL store, with one row or for a moment, stops nothing else."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from uuid import uuid4

import pytest

from opord.engine.store_writer import StoreWriter
from opord.stores import open_store, schema_script
from opord.stores.base import Applied, RowDamaged, Store, StoreError, StoreRefused, StoreUnavailable
from opord.stores.postgres.store import PostgresStore
from opord.testing.store_rows import DIGEST, ORDERS, SECOND, SteppedClock, a_start, a_write, the_run
from opord.values.types import RunId
from tests.support.postgres import AnyServer

REFUSED = r'(permission denied|skipping "\w+" --- only table or database owner)'
"""How PostgreSQL 16 and later says that a role may not rewrite a table, and how older ones do."""


@pytest.fixture
def schema() -> str:
    return f"s_{uuid4().hex[:12]}"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(postgres: AnyServer, schema: str, clock: SteppedClock) -> Iterator[Store]:
    store = open_store(postgres.url(schema=schema), clock=clock)
    store.put_contract(ORDERS)
    yield store
    store.close()


def test_a_row_that_cannot_be_read_stops_no_claim_of_others(
    postgres: AnyServer, schema: str, store: Store, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.apply([a_start(name) for name in ("A/1", "A/2", "A/3")])
    postgres.execute(f"UPDATE {schema}.heads SET status = 'dozing' WHERE run = 2")
    assert [row.run for row in store.claim("w", [DIGEST], limit=9, ttl_us=SECOND)] == ["A/1", "A/3"]
    assert "run A/2 cannot be claimed, and is left alone for a minute" in caplog.text
    clock.forward(59)
    assert [row.run for row in store.claim("v", [DIGEST], limit=9, ttl_us=SECOND)] == ["A/1", "A/3"]
    with pytest.raises(RowDamaged, match="has the status 'dozing'"):
        store.load(RunId("A/2"))
    postgres.execute(f"UPDATE {schema}.heads SET status = 'running' WHERE run = 2")
    clock.forward(1)
    assert "A/2" in [row.run for row in store.claim("u", [DIGEST], limit=9, ttl_us=SECOND)]


CONFLICTS = """
CREATE SEQUENCE {schema}.attempts;
CREATE FUNCTION {schema}.conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('{schema}.attempts') % {of} <> 0 THEN
    RAISE EXCEPTION 'others changed these rows' USING ERRCODE = '{code}';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER conflict AFTER INSERT ON {schema}.journal FOR EACH STATEMENT EXECUTE FUNCTION {schema}.conflict();
"""


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_write_is_tried_again_where_the_server_asks_for_it(
    postgres: AnyServer, schema: str, store: Store, code: str
) -> None:
    postgres.execute(CONFLICTS.format(schema=schema, code=code, of=4))
    for number in range(5):
        start = a_start(f"A/{number}")
        assert store.apply([start]) == [Applied(0)]
        assert store.apply([a_write(the_run(store, start.row.run))]) == [Applied(0)]
        assert [record.seq for record in store.journal(start.row.run)] == [1, 2]


def test_a_write_that_others_are_always_in_the_way_of_may_succeed_later(
    postgres: AnyServer, schema: str, store: Store
) -> None:
    postgres.execute(CONFLICTS.format(schema=schema, code="40001", of=1_000_000))
    with pytest.raises(StoreUnavailable, match="changed the same rows again and again") as caught:
        store.apply([a_start()])
    assert caught.value.kind == "locked"
    assert store.load(RunId("Orders/1")) is None
    postgres.execute(f"DROP TRIGGER conflict ON {schema}.journal")
    assert store.apply([a_start()]) == [Applied(0)]


def test_a_write_that_never_fits_is_refused_and_hinders_no_other(
    postgres: AnyServer, schema: str, store: Store
) -> None:
    postgres.execute(f"CREATE INDEX added_by_a_dba ON {schema}.runs (input)")
    noise = random.Random(7).randbytes(3000).hex()
    starts = [
        a_start(f"A/{number}", input_text=f'{{"a":"{noise}"}}' if number == 3 else "{}")
        for number in range(8)
    ]
    with pytest.raises(StoreError, match=r"a limit of PostgreSQL is in the way .*added_by_a_dba") as caught:
        store.apply([starts[3]])
    assert not isinstance(caught.value, StoreUnavailable)

    async def write() -> list[Applied | BaseException]:
        writer = StoreWriter(store, None)
        writer.start()
        found = await asyncio.gather(*map(writer.apply, starts), return_exceptions=True)
        await writer.stop(1.0)
        return found  # type: ignore[return-value]

    found = asyncio.run(write())
    assert [number for number, one in enumerate(found) if one != Applied(0)] == [3]
    assert isinstance(found[3], StoreError)


def test_a_role_that_may_not_compact_is_told_so(postgres: AnyServer, schema: str) -> None:
    url, role = postgres.url(schema=schema), f"worker_{schema}"
    postgres.execute(f"CREATE ROLE {role} LOGIN")
    postgres.execute(schema_script(url, role=role))
    store = open_store(url.replace("//postgres@", f"//{role}@"))
    with pytest.raises(StoreRefused, match=f"could not be compacted: {REFUSED}"):
        store.compact()
    store.close()
    postgres.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    owner = open_store(url)
    owner.compact()
    owner.close()


def test_only_what_the_pools_of_opord_warn_of_is_left_out(store: Store) -> None:
    assert isinstance(store, PostgresStore)
    pools = logging.getLogger("psycopg.pool")

    def is_said(level: int, *arguments: object) -> bool:
        record = logging.LogRecord(
            "psycopg.pool", level, "", 0, "error connecting in %r: %s", arguments, None
        )
        return bool(pools.filter(record))

    assert not is_said(logging.WARNING, "opord", "refused")
    assert is_said(logging.WARNING, "shop", "refused")
    assert is_said(logging.ERROR, "opord", "refused")
    with store._connections.use() as connection:
        assert not is_said(logging.WARNING, connection, "broken")
