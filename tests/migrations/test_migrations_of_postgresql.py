"""A schema in PostgreSQL that is newer than the code, made twice, or made by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from opord.backends.opening import inspect
from opord.stores.base import Applied, StoreRefused
from opord.stores.postgres import opening, sql
from opord.stores.postgres.store import PostgresStore
from opord.testing.store_rows import DIGEST, ORDERS, SECOND, a_start, a_write, the_run
from tests.support.postgres import AnyServer

ADDED = """
ALTER TABLE opord.runs ADD COLUMN parent text;
CREATE TABLE opord.children (run bigint PRIMARY KEY, place bigint NOT NULL);
"""


@pytest.fixture
def schema() -> str:
    return f"s_{uuid4().hex[:12]}"


@pytest.fixture
def url(postgres: AnyServer, schema: str) -> str:
    return postgres.url(schema=schema)


def newer(monkeypatch: pytest.MonkeyPatch, url: str, *, usable_from: int | None) -> None:
    """Open a store with an Opord whose schema has one step more."""
    steps = sql.migrations
    known = len(steps())
    with monkeypatch.context() as later:
        later.setattr(
            sql, "migrations", lambda schema="opord": [*steps(schema), sql.in_schema(ADDED, schema)]
        )
        if usable_from is not None:
            later.setattr(opening, "USABLE_FROM", {known + 1: usable_from})
        PostgresStore(url).close()


def works(store: PostgresStore, run: str) -> None:
    """Start a run, claim it and write to it."""
    assert store.apply([a_start(run)]) == [Applied(0)]
    (row,) = store.claim("w", [DIGEST], limit=1, ttl_us=SECOND)
    assert store.apply([a_write(row)]) == [Applied(0)]
    assert the_run(store, run).seq == 2
    store.release("w", [(row.run, row.epoch)])


def test_older_code_uses_a_newer_schema_that_says_it_may(
    monkeypatch: pytest.MonkeyPatch, url: str, schema: str, postgres: AnyServer
) -> None:
    store = PostgresStore(url)
    store.put_contract(ORDERS)
    store.apply([a_start("Orders/before")])
    newer(monkeypatch, url, usable_from=len(sql.migrations()))
    assert postgres.execute(f"SELECT max(number), max(usable_from) FROM {schema}.migrations") == [
        (len(sql.migrations()) + 1, len(sql.migrations()))
    ]
    # A worker that was there all the time goes on, and another one is started.
    assert the_run(store, "Orders/before").seq == 1
    (row,) = store.claim("w", [DIGEST], limit=1, ttl_us=SECOND)
    assert store.apply([a_write(row)]) == [Applied(0)]
    store.close()
    store = PostgresStore(url, create=False)
    works(store, "Orders/after")
    store.close()


def test_a_store_of_the_first_schema_is_inspected_before_it_is_brought_up_to_date(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    first = sql.migrations
    with monkeypatch.context() as then:
        then.setattr(sql, "migrations", lambda schema="opord": first(schema)[:1])
        PostgresStore(url).close()
    facts = inspect(url)
    assert (facts.exists, facts.schema, facts.runs) == (True, 1, 0)
    store = PostgresStore(url)
    store.put_contract(ORDERS)
    works(store, "Orders/1")
    store.close()


def test_older_code_refuses_a_newer_schema_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, url: str, schema: str, postgres: AnyServer
) -> None:
    PostgresStore(url).close()
    newer(monkeypatch, url, usable_from=None)
    before = postgres.execute(f"SELECT * FROM {schema}.migrations")
    known = len(sql.migrations())
    refused = rf"made by a newer opord \(schema {known + 1}, this one knows {known}\); upgrade"
    with pytest.raises(StoreRefused, match=refused):
        PostgresStore(url)
    assert postgres.execute(f"SELECT * FROM {schema}.migrations") == before


def test_the_script_may_be_run_again_beside_a_worker(url: str, schema: str, postgres: AnyServer) -> None:
    store = PostgresStore(url)
    store.put_contract(ORDERS)
    store.apply([a_start("Orders/1")])
    before = (store.identity(), store.load(the_run(store).run), store.contracts())
    steps = postgres.execute(f"SELECT * FROM {schema}.migrations")
    for _ in range(2):
        postgres.execute(opening.script(schema))
    assert (store.identity(), store.load(the_run(store).run), store.contracts()) == before
    assert postgres.execute(f"SELECT * FROM {schema}.migrations") == steps
    assert len(store.claim("w", [DIGEST], limit=1, ttl_us=10 * SECOND)) == 1
    works(store, "Orders/2")
    store.close()


@pytest.fixture
def role(postgres: AnyServer, schema: str) -> Iterator[str]:
    """A role that may create nothing."""
    name = f"worker_{schema}"
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    postgres.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    postgres.execute(f"DROP OWNED BY {name}")
    postgres.execute(f"DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    """Return the URL with another user."""
    return url + f"&user={role}"


def test_a_role_that_may_not_create_is_told_what_to_do(url: str, role: str) -> None:
    with pytest.raises(
        StoreRefused, match=r"this role may not make the schema .* `opord db print-sql --role NAME` prints"
    ):
        PostgresStore(as_role(url, role))


GRANTS = """
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
"""


def test_a_role_that_may_not_create_works_after_a_DBA_ran_the_script(
    url: str, schema: str, role: str, postgres: AnyServer
) -> None:
    postgres.execute(opening.script(schema))
    postgres.execute(GRANTS.format(schema=schema, role=role))
    store = PostgresStore(as_role(url, role))
    with store._connections.use() as connection:
        who: Any = connection.execute(b"SELECT current_user", prepare=False).fetchone()
    assert who == (role,)
    store.put_contract(ORDERS)
    works(store, "Orders/1")
    store.heartbeat("w", [DIGEST], ttl_us=SECOND)
    assert [one.worker for one in store.workers()] == ["w"]
    assert store.rewrite(the_run(store).run, lambda kept: kept) is not None
    store.close()
