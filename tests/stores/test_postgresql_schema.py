"""Who makes the schema, who may only use it, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from opord.stores import inspect_store, open_store, schema_script, store_exists
from opord.stores.base import Applied, StoreMissing, StoreRefused, StoreUnavailable
from opord.testing.store_rows import DIGEST, ORDERS, SECOND, a_start, a_write
from tests.support.postgres import AnyServer


@pytest.fixture
def schema() -> str:
    return f"s_{uuid4().hex[:12]}"


@pytest.fixture
def role(postgres: AnyServer, schema: str) -> Iterator[str]:
    """A role that may use what it is granted, and make no schema."""
    name = f"worker_{schema}"
    postgres.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    postgres.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    return url.replace("//postgres@", f"//{role}@")


def test_a_role_without_rights_works_once_somebody_ran_the_script(
    postgres: AnyServer, schema: str, role: str
) -> None:
    url = as_role(postgres.url(schema=schema), role)
    with pytest.raises(StoreRefused, match="what `opord db print-sql --role NAME` prints"):
        open_store(url)
    (rights,) = (remark for remark in inspect_store(url).remarks if remark.area == "rights")
    assert (rights.verdict, rights.text) == (
        "wrong",
        f"this role may neither use nor make the schema {schema}",
    )
    for _ in range(2):  # it may be run again
        postgres.execute(schema_script(url, role=role))
    store = open_store(url)
    store.put_contract(ORDERS)
    start = a_start()
    assert store.apply([start]) == [Applied(0)]
    assert [row.run for row in store.claim("w", [DIGEST], limit=1, ttl_us=SECOND)] == [start.row.run]
    row = store.load(start.row.run)
    assert row is not None
    assert store.apply([a_write(row)]) == [Applied(0)]
    store.close()
    verdicts = {remark.area: remark.verdict for remark in inspect_store(url).remarks}
    assert verdicts["rights"] == "fine"


def test_a_role_that_may_only_read_is_told_so(postgres: AnyServer, schema: str, role: str) -> None:
    postgres.execute(schema_script(postgres.url(schema=schema), role=role))
    postgres.execute(f"REVOKE INSERT ON {schema}.journal FROM {role}")
    url = as_role(postgres.url(schema=schema), role)
    postgres.execute(f"REVOKE USAGE ON SCHEMA {schema} FROM {role}")
    (rights,) = (remark for remark in inspect_store(url).remarks if remark.area == "rights")
    assert (rights.verdict, rights.text) == (
        "wrong",
        f"this role may neither use nor make the schema {schema}",
    )
    postgres.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    (rights,) = (remark for remark in inspect_store(url).remarks if remark.area == "rights")
    assert (rights.verdict, rights.text) == ("wrong", "this role may not write journal")
    store = open_store(url)
    store.put_contract(ORDERS)
    with pytest.raises(StoreRefused, match="may not be used by this role"):
        store.apply([a_start()])
    store.close()


def test_a_missing_store_is_made_only_if_it_may_be(postgres: AnyServer, schema: str) -> None:
    url = postgres.url(schema=schema)
    assert not store_exists(url)
    with pytest.raises(StoreMissing, match=f"the database has no schema {schema} with a store"):
        open_store(url, create=False)
    assert not inspect_store(url).exists
    open_store(url).close()
    assert store_exists(url)
    assert inspect_store(url).schema == inspect_store(url).schema_known


def test_a_schema_of_another_program_is_left_alone(postgres: AnyServer, schema: str) -> None:
    postgres.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.orders (id int)")
    with pytest.raises(StoreRefused, match="has tables of another program"):
        open_store(postgres.url(schema=schema))
    assert postgres.execute(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'") == [(1,)]


def test_the_journal_only_grows(postgres: AnyServer, schema: str) -> None:
    store = open_store(postgres.url(schema=schema))
    store.put_contract(ORDERS)
    store.apply([a_start()])
    store.close()
    for statement in ("DELETE FROM", "TRUNCATE"):
        with pytest.raises(psycopg.errors.RaiseException, match="the journal is append-only"):
            postgres.execute(f"{statement} {schema}.journal")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ann:hun/ter2@db/shop", "write / as %2F"),
        ("postgresql://ann:hun?ter2@db/shop", "write / as %2F"),
        ("postgresql://ann:hun#ter2@db/shop", "write / as %2F"),
        ("postgresql://ann:hunter2@db:port/shop", "write / as %2F"),
        ("postgresql://ann:hunter2@127.0.0.1/shop?colour=red", 'invalid URI query parameter: "colour"'),
        ("postgresql://ann:hunter2@127.0.0.1/shop?schema=a&schema=b", "expected one ?schema="),
        ("postgresql://ann:hunter2@127.0.0.1/shop?schema=pg_mine", "a schema of small letters"),
        ("postgresql://ann:hunter2@127.0.0.1:1/shop", "ann@127.0.0.1:1/shop cannot be reached"),
        ("postgresql://ann:hunter2@/shop?host=/nowhere", "cannot be reached"),
    ],
)
def test_a_wrong_url_is_told_without_its_password(url: str, said: str) -> None:
    for use in (store_exists, inspect_store):
        with pytest.raises((StoreRefused, StoreUnavailable)) as caught:
            use(url)
        assert said in str(caught.value)
        assert "ter2" not in str(caught.value)


def test_no_script_is_printed_for_a_file_or_an_odd_role(postgres: AnyServer) -> None:
    with pytest.raises(StoreRefused, match="a store in a file needs no SQL"):
        schema_script("sqlite:///runs.db")
    with pytest.raises(StoreRefused, match="expected a role of letters"):
        schema_script(postgres.url(), role='x"; DROP TABLE runs')
