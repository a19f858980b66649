"""A DBA changes a role, a database or a schema: a worker waits, says why, and goes on."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from opord.kernel.outgoing import Subscription
from opord.stores import schema_script
from opord.stores.postgres import connections
from opord.stores.postgres.store import PostgresStore
from opord.testing.store_rows import ORDERS, started
from tests.stores.carrying import Handlers, carry, cut_all, holds, once
from tests.support.postgres import Server, own_server

AT_CALL = 30


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as one:
        yield one


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WAIT_S", 1.0)


@pytest.fixture
def schema() -> str:
    return f"s_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "opord")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "opord.store"]


Told = Callable[[], list[str]]


def through(url: str, begin: Callable[[], Any], end: Callable[[], Any], told: Told, words: str) -> None:
    """Carry runs while something is wrong, until the log says so in some words."""

    def is_told() -> bool:
        return any(words in line for line in told())

    def mend() -> None:
        for _ in range(400):
            if is_told():
                break
            threading.Event().wait(0.025)
        end()

    mending = threading.Thread(target=mend)

    def trouble() -> None:
        begin()
        mending.start()

    handlers = Handlers(once(AT_CALL, trouble))
    try:
        holds(carry(url, handlers), handlers)
    finally:
        if mending.ident is not None:
            mending.join()
    assert is_told(), told()
    assert told()[-1] == "the store answers again"


def worker_role(server: Server, schema: str) -> str:
    """Make a role with the rights of a worker; return the store's URL with it."""
    server.execute(f"CREATE ROLE {schema} LOGIN")
    server.execute(schema_script(server.url(schema=schema), role=schema))
    return server.url(schema=schema).replace("postgres@", f"{schema}@")


def test_a_workers_role_may_begin_and_end_to_tell_endpoints(server: Server, schema: str) -> None:
    """Triggers belong to the tables' owner, who has left a function that makes them."""
    store = PostgresStore(worker_role(server, schema))
    try:
        store.put_contract(ORDERS)
        assert store.outbox.subscribe([Subscription("billing")]) == ["billing"]
        started(store)
        assert [one.run for one in store.outbox.messages("billing", given_up=False, limit=10)] == ["Orders/1"]
        assert store.outbox.unsubscribe("billing") == 1
        triggers = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'outbox_of_%' AND tgrelid::regclass::text LIKE $1"
        assert server.execute(triggers.replace("$1", f"'{schema}.%'")) == [(0,)]
    finally:
        store.close()


@pytest.mark.parametrize("right", ["USAGE ON SCHEMA {0}", "UPDATE ON {0}.heads", "INSERT ON {0}.journal"])
def test_a_right_that_is_revoked_and_given_back(server: Server, schema: str, said: Told, right: str) -> None:
    url = worker_role(server, schema)
    through(
        url,
        lambda: server.execute(f"REVOKE {right.format(schema)} FROM {schema}"),
        lambda: server.execute(f"GRANT {right.format(schema)} TO {schema}"),
        said,
        f"the store is not open to this role: store {url} may not be used by this role (permission denied for ",
    )
    assert "`opord db print-sql --role NAME` prints what has to be granted; nothing is lost" in said()[0]


def test_a_role_that_may_not_log_in_for_a_time(server: Server, schema: str, said: Told) -> None:
    def refuse() -> None:
        server.execute(f"ALTER ROLE {schema} NOLOGIN")
        cut_all(server)

    through(
        worker_role(server, schema),
        refuse,
        lambda: server.execute(f"ALTER ROLE {schema} LOGIN"),
        said,
        "let a DBA allow this role to log in; nothing is lost",
    )


def test_a_password_that_is_changed_and_changed_back(server: Server, schema: str, said: Told) -> None:
    def change() -> None:
        server.execute(f"ALTER ROLE {schema} PASSWORD 'another'")
        cut_all(server)

    url = worker_role(server, schema).replace(f"{schema}@", f"{schema}:hunter2@")
    server.execute(f"ALTER ROLE {schema} PASSWORD 'hunter2'")
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"host all {schema} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
    server.execute("SELECT pg_reload_conf()")
    through(
        url,
        change,
        lambda: server.execute(f"ALTER ROLE {schema} PASSWORD 'hunter2'"),
        said,
        "check the user and the password; nothing is lost",
    )
    assert "hunter2" not in "".join(said())


def test_a_schema_that_is_renamed_and_named_back(server: Server, schema: str, said: Told) -> None:
    through(
        server.url(schema=schema),
        lambda: server.execute(f"ALTER SCHEMA {schema} RENAME TO x{schema}"),
        lambda: server.execute(f"ALTER SCHEMA x{schema} RENAME TO {schema}"),
        said,
        "the store is gone: ",
    )
    assert "nothing more is written, trying again in" in said()[0]


def test_a_database_that_is_renamed_and_named_back(server: Server, schema: str, said: Told) -> None:
    def rename(one: str, other: str) -> None:
        server.execute(f"ALTER DATABASE {one} ALLOW_CONNECTIONS false")
        server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{one}'")
        server.execute(f"ALTER DATABASE {one} RENAME TO {other}")
        server.execute(f"ALTER DATABASE {other} ALLOW_CONNECTIONS true")

    server.execute(f"CREATE DATABASE {schema}")
    through(
        f"{server.url().removesuffix('postgres')}{schema}",
        lambda: rename(schema, f"x{schema}"),
        lambda: rename(f"x{schema}", schema),
        said,
        f"make it with `createdb {schema}`, or correct the URL",
    )


def test_limits_that_a_dba_has_set_for_a_role_are_not_those_of_a_worker(
    server: Server, schema: str, said: Told
) -> None:
    url = worker_role(server, schema)
    limits = {
        "statement_timeout": "1min",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "15s",
        "idle_session_timeout": "0",
    }
    if server.version >= 17:
        limits["transaction_timeout"] = "0"
    for limit in limits:
        server.execute(f"ALTER ROLE {schema} SET {limit} = '700ms'")
    handlers = Handlers(once(AT_CALL, lambda: threading.Event().wait(1.5)))  # connections are idle meanwhile
    holds(carry(url, handlers), handlers)
    assert said() == []
    store = PostgresStore(url)
    with store._connections.use() as connection:
        for limit, value in limits.items():
            assert connection.execute(f"SHOW {limit}", prepare=False).fetchone() == (value,)
    with store._connections.own() as connection:
        for limit in limits:
            assert connection.execute(f"SHOW {limit}", prepare=False).fetchone() == ("0",)
    store.close()
