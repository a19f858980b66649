"""The connections for the transactions of programs end, fork and come back as a pool's do."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import psycopg
import pytest

import opord
from opord.engine.store_writer import TRANSACTIONS
from opord.stores import schema_script
from opord.stores.base import StoreUnavailable
from opord.stores.postgres.store import PostgresStore
from opord.stores.postgres.transaction import PostgresTransaction
from tests.stores.carrying import cut_all
from tests.support.children import answer_of_child
from tests.support.postgres import Server, own_server

FREE = 3


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as one:
        yield one


@pytest.fixture
def url(server: Server) -> str:
    return server.url(schema=f"s_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    one = PostgresStore(url)
    yield one
    one.close()


def begun(store: PostgresStore) -> PostgresTransaction:
    transaction = store.transaction()
    assert transaction is not None
    return transaction


def backend_of(transaction: PostgresTransaction) -> int:
    return transaction.connection.info.backend_pid


def test_connections_that_the_server_has_ended_are_missed_once(server: Server, store: PostgresStore) -> None:
    several = [begun(store) for _ in range(FREE)]
    for one in several:
        one.commit()
    cut_all(server)
    with pytest.raises(StoreUnavailable) as caught:
        store.transaction()
    assert caught.value.kind == "unreachable"
    begun(store).commit()


def test_a_program_that_begins_after_a_restart_sees_nothing_of_it(server: Server, url: str) -> None:
    async def main() -> None:
        async with opord.Engine(url, []) as engine:
            for _ in range(2):
                async with engine.transaction() as transaction:
                    assert transaction.connection.execute("SELECT 7").fetchone() == (7,)
                cut_all(server)

    asyncio.run(main())


def test_a_child_that_closes_its_store_leaves_them_to_its_parent(store: PostgresStore) -> None:
    before = begun(store)
    number = backend_of(before)
    before.commit()

    def job() -> str:
        store.close()
        return "closed"

    assert answer_of_child(job) == "closed"
    after = begun(store)
    assert backend_of(after) == number
    after.commit()


@pytest.mark.parametrize("lacks", ["the right", "the name"])
def test_what_is_in_use_ends_also_if_the_server_does_not_end_it(server: Server, url: str, lacks: str) -> None:
    """A DBA may take the right away; a program may name its session otherwise."""
    role = f"w_{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    server.execute(schema_script(url, role=role))
    server.execute("REVOKE EXECUTE ON FUNCTION pg_terminate_backend(int, bigint) FROM PUBLIC")
    store = PostgresStore(url.replace("//postgres@", f"//{role}@"))
    transaction = begun(store)
    if lacks == "the name":
        server.execute("GRANT EXECUTE ON FUNCTION pg_terminate_backend(int, bigint) TO PUBLIC")
        transaction.connection.execute("SET application_name = 'shop'")
    number = backend_of(transaction)
    transaction.roll_back(in_use=True)
    with psycopg.connect(server.url(), autocommit=True) as watcher:
        for _ in range(500):  # at most 5 s; its own limit of time is 10 s
            there = watcher.execute(
                "SELECT pid, pg_sleep(0.01) FROM pg_stat_activity WHERE pid = %s", [number]
            )
            if there.fetchone() is None:
                break
        else:
            pytest.fail("the session is still there")
    begun(store).commit()
    store.close()


def test_transactions_wait_for_room_before_they_take_the_servers_connections(url: str) -> None:
    open_now: set[int] = set()
    most = 0

    async def one_of_many(engine: opord.Engine) -> None:
        nonlocal most
        async with engine.transaction() as transaction:
            number = transaction.connection.info.backend_pid
            open_now.add(number)
            most = max(most, len(open_now))
            await asyncio.to_thread(transaction.connection.execute, "SELECT pg_sleep(0.02)")
            open_now.remove(number)

    async def main() -> None:
        async with opord.Engine(url, []) as engine:
            await asyncio.gather(*(one_of_many(engine) for _ in range(4 * TRANSACTIONS)))

    asyncio.run(main())
    assert 1 < most <= TRANSACTIONS
