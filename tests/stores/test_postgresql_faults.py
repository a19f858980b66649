"""Faults of a PostgreSQL server and of the way to it: nothing is lost, nothing is done twice.

The server is the module's own: it is killed, stopped and set up at will.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from opord.stores.base import Applied, StoreRefused, StoreUnavailable
from opord.stores.postgres import connections
from opord.stores.postgres.store import PostgresStore
from opord.testing.store_rows import ORDERS, a_start, a_write, the_run
from opord.values.types import RunId
from tests.stores.carrying import Handlers, answered, carry, cut_all, holds, once, refusal
from tests.support.postgres import Server, own_server
from tests.support.proxy import Proxy

SOON_S = 0.5
"""How long the store waits for a connection, in seconds."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server(max_connections="24") as one:
        yield one


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WAIT_S", SOON_S)


@pytest.fixture
def url(server: Server) -> str:
    return server.url(schema=f"s_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def opened(url: str) -> Iterator[PostgresStore]:
    handle = PostgresStore(url)
    handle.put_contract(ORDERS)
    yield handle
    handle.close()


class TestAnEngineGoesOn:
    @pytest.mark.parametrize("how", ["kill", "stop", "shut_down"])
    def test_over_a_server_that_ends_and_is_started_again(self, server: Server, url: str, how: str) -> None:
        def restart() -> None:
            getattr(server, how)()
            server.start()

        handlers = Handlers(once(30, restart))
        holds(carry(url, handlers), handlers)

    def test_over_connections_that_are_ended(self, server: Server, url: str) -> None:
        handlers = Handlers(lambda call: cut_all(server) if call % 16 == 0 else None)
        holds(carry(url, handlers), handlers)

    def test_over_connections_that_break_before_and_after_an_answer(self, server: Server) -> None:
        with Proxy(server.port) as proxy:
            schema = f"s_{uuid.uuid4().hex[:12]}"
            through = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?schema={schema}"
            handlers = Handlers(
                lambda call: proxy.arm("before" if call % 10 else "after") if call % 5 == 0 else None
            )
            holds(carry(through, handlers), handlers)
            assert {"before", "after"} <= set(proxy.cuts)

    def test_over_a_server_that_takes_no_more_connections(self, server: Server, url: str) -> None:
        taken: list[psycopg.Connection[Any]] = []

        def take_all() -> None:
            cut_all(server)
            with contextlib.suppress(psycopg.OperationalError):
                while len(taken) < 40:
                    taken.append(psycopg.connect(server.url()))

        def give_back() -> None:
            for one in taken:
                one.close()

        later = threading.Timer(1.0, give_back)

        def trouble() -> None:
            take_all()
            later.start()

        handlers = Handlers(once(30, trouble))
        holds(carry(url, handlers), handlers)
        later.join()
        assert len(taken) > 8


class TestOneWrite:
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_whose_connection_breaks_is_done_as_a_whole_or_not(self, server: Server, when: str) -> None:
        with Proxy(server.port) as proxy:
            schema = f"s_{uuid.uuid4().hex[:12]}"
            handle = PostgresStore(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?schema={schema}")
            handle.put_contract(ORDERS)
            handle.apply([a_start("Orders/0")])  # the statement is prepared in a request of its own
            proxy.arm(when)
            said = refusal(lambda: handle.apply([a_start("Orders/1")]))
            assert "cannot be reached" in str(said) or "ended the connection" in str(said)
            there = answered(lambda: handle.load(RunId("Orders/1")))
            assert (there is not None) == (when == "after")
            handle.close()

    def test_waits_for_a_lock_for_a_time_only(self, opened: PostgresStore, server: Server) -> None:
        opened.apply([a_start("Orders/1")])
        with opened._connections.use() as connection:
            connection.execute("SET lock_timeout = '50ms'")
        schema = opened.location.schema
        with psycopg.connect(server.url()) as other:
            other.execute(f"LOCK TABLE {schema}.heads".encode())
            said = refusal(lambda: opened.apply([a_write(the_run_of(opened))]))
        assert isinstance(said, StoreUnavailable)
        assert (said.kind, "did not give a lock in time" in str(said)) == ("locked", True)
        assert opened.apply([a_write(the_run(opened))]) == [Applied(0)]

    def test_may_take_a_time_only(self, opened: PostgresStore, server: Server) -> None:
        with opened._connections.use() as connection:
            connection.execute("SET statement_timeout = '50ms'; SET lock_timeout = 0", prepare=False)
        schema = opened.location.schema
        with psycopg.connect(server.url()) as other:
            other.execute(f"LOCK TABLE {schema}.heads".encode())
            said = refusal(lambda: opened.apply([a_start("Orders/1")]))
        assert isinstance(said, StoreUnavailable)
        assert (said.kind, "did not answer in time" in str(said)) == ("locked", True)
        assert opened.apply([a_start("Orders/1")]) == [Applied(0)]

    def test_meets_a_server_that_has_become_read_only(self, opened: PostgresStore, server: Server) -> None:
        server.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        try:
            cut_all(server)
            said = [refusal(lambda: opened.apply([a_start("Orders/1")])) for _ in range(2)][-1]
            assert isinstance(said, StoreUnavailable)
            assert said.kind == "readonly"
            assert "default_transaction_read_only is on" in str(said)
        finally:
            with psycopg.connect(server.url(), options="-c default_transaction_read_only=off") as one:
                one.execute("ALTER DATABASE postgres RESET default_transaction_read_only")
        assert answered(lambda: opened.apply([a_start("Orders/1")])) == [Applied(0)]
        # A refusal that is over is not told for another error.
        assert "read_only" not in str(opened._connections._refusal)

    def test_meets_a_schema_that_is_gone(self, opened: PostgresStore, server: Server) -> None:
        server.execute(f"DROP SCHEMA {opened.location.schema} CASCADE")
        said = refusal(lambda: opened.apply([a_start("Orders/1")]))
        assert isinstance(said, StoreUnavailable)
        assert (said.kind, "is gone" in str(said)) == ("gone", True)


def the_run_of(handle: PostgresStore) -> Any:
    """Return a run as it was started, without a look at the store."""
    return a_start("Orders/1").row


class TestOpening:
    def test_a_wrong_password_is_told_at_once_and_not_shown(self, server: Server) -> None:
        server.execute("CREATE ROLE locked_out LOGIN PASSWORD 'right'")
        rules = server.data / "pg_hba.conf"
        before = rules.read_text()
        rules.write_text("host all locked_out 127.0.0.1/32 scram-sha-256\n" + before)
        server.execute("SELECT pg_reload_conf()")
        at = f"postgresql://locked_out:hunter2@127.0.0.1:{server.port}/postgres"
        said = refusal(lambda: PostgresStore(at))
        assert "password authentication failed" in str(said)
        chain: BaseException | None = said
        while chain is not None:
            assert "hunter2" not in repr(chain)
            chain = chain.__cause__
        rules.write_text(before)

    def test_no_server_is_told_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # A wait for the pool would be longer than the test may take.
        monkeypatch.setattr(connections, "WAIT_S", 600.0)
        said = refusal(lambda: PostgresStore("postgresql://me:hunter2@127.0.0.1:1/postgres"))
        assert "cannot be reached" in str(said)
        assert "hunter2" not in str(said)

    def test_a_role_that_may_only_read_is_refused(self, opened: PostgresStore, server: Server) -> None:
        schema = opened.location.schema
        server.execute(
            f"CREATE ROLE {schema} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {schema}; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {schema}"
        )
        at = f"postgresql://{schema}@127.0.0.1:{server.port}/postgres?schema={schema}"
        reader = PostgresStore(at)
        said = refusal(lambda: reader.apply([a_start("Orders/1")]))
        reader.close()
        assert isinstance(said, StoreRefused)
        assert "may not be used by this role" in str(said)
