"""Programs that write their own tables, start runs and send events in one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

import opord
from opord.backends import transactions
from opord.backends.base import Unsupported, check_carried
from opord.backends.front import Engine
from opord.engine.store_writer import TRANSACTIONS
from opord.loading import program_of
from tests.support.contracts import compiled
from tests.support.postgres import AnyServer

CONTRACT = """
contract Approvals(id: str, text: str) key id version 1
effect tell(text: str) -> str
event approve(by_whom: str)
event confirm(by_whom: str) except id
initial state Telling -> Waiting {
  let told = perform tell(text)
  goto Waiting(told)
}
state Waiting(told: str) -> Approved {
  on approve(by_whom) -> goto Approved(by_whom)
  on confirm(by_whom) -> goto Approved(by_whom)
}
final state Approved(by_whom: str) success
"""


class Desk:
    def tell(self, text: str) -> str:
        return text


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgres: AnyServer) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    return postgres.url(schema=f"s_{uuid4().hex[:12]}")


@pytest.fixture
def table() -> str:
    return f"notes_{uuid4().hex[:12]}"


Story = Callable[[Engine, Any], Awaitable[None]]


def told(url: str, story: Story, *, serve: bool = True) -> None:
    flow = compiled(CONTRACT).Approvals

    async def main() -> None:
        async with Engine(url, [flow(Desk()) if serve else flow]) as engine:
            await story(engine, flow)

    asyncio.run(asyncio.wait_for(main(), 60))


async def make(engine: Engine, table: str) -> None:
    async with engine.transaction() as transaction:
        transaction.connection.execute(f"CREATE TABLE {table} (note text)")


async def notes(engine: Engine, table: str) -> list[Any]:
    async with engine.transaction() as transaction:
        return [*transaction.connection.execute(f"SELECT note FROM {table}").fetchall()]


async def waits(run: Any) -> None:
    for _ in range(3000):
        if (await run.status())["state"] == "Waiting":
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


def insert(transaction: Any, table: str) -> None:
    transaction.connection.execute(f"INSERT INTO {table} VALUES ('one')")


def test_an_excluded_sender_is_refused_in_a_transaction_too(url: str, table: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)
        run = await engine.start(flow, id="ann", text="x")
        await waits(run)

        async def as_(actor: str) -> None:
            async with engine.transaction() as transaction:
                insert(transaction, table)
                await transaction.run(flow, "ann").as_(actor).send.confirm(by_whom=actor)

        for excluded in ("ann", ""):
            with pytest.raises(opord.SenderExcluded):
                await as_(excluded)
        assert await notes(engine, table) == []
        await as_("eve")
        assert (await run.result()).by_whom == "eve"

    told(url, story)


def test_a_start_and_a_row_are_one(url: str, table: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)

        async def failing() -> None:
            async with engine.transaction() as transaction:
                insert(transaction, table)
                await transaction.start(flow, id="a", text="x")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing()
        assert await notes(engine, table) == []
        with pytest.raises(opord.RunUnknown):
            await engine.run(flow, "a").status()
        async with engine.transaction() as transaction:
            insert(transaction, table)
            await transaction.start(flow, id="a", text="x")
        run = engine.run(flow, "a")
        assert await notes(engine, table) == [("one",)]
        await waits(run)
        async with engine.transaction() as transaction:
            insert(transaction, table)
            await transaction.run(flow, "a").send.approve(by_whom="ann")
        assert (await run.result()).by_whom == "ann"
        assert len(await notes(engine, table)) == 2

    told(url, story)


def test_an_event_that_is_rolled_back_was_never_sent(url: str, table: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        run = await engine.start(flow, id="a", text="x")
        await waits(run)

        async def failing() -> None:
            async with engine.transaction() as transaction:
                await transaction.run(flow, "a").send.approve(by_whom="bob")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing()
        assert (await run.status())["state"] == "Waiting"
        await run.send.approve(by_whom="ann")
        assert (await run.result()).by_whom == "ann"

    told(url, story)


def test_a_refusal_leaves_the_transaction_as_it_was(url: str, table: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)
        await engine.start(flow, id="a", text="x")
        async with engine.transaction() as transaction:
            insert(transaction, table)
            with pytest.raises(opord.StartConflict):
                await transaction.start(flow, id="a", text="other")
            await transaction.start(flow, id="a", text="x")
            await transaction.start(flow, id="b", text="y")
            with pytest.raises(opord.InputInvalid):
                await transaction.start(flow, id="c", text=7)
            with pytest.raises(opord.RunUnknown):
                await transaction.run(flow, "none").send.approve(by_whom="ann")
        assert await notes(engine, table) == [("one",)]
        assert (await engine.run(flow, "b").status())["run"] == "Approvals/b"

    told(url, story)


def test_one_that_takes_too_long_is_rolled_back(
    url: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "TRANSACTION_LIMIT", timedelta(seconds=0.2))

    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)

        async def lasting() -> None:
            async with engine.transaction() as transaction:
                insert(transaction, table)
                await engine.start(flow, id="other", text="x")  # waits for the database, in SQLite
                await asyncio.sleep(0.3)

        with pytest.raises(TimeoutError, match="was rolled back: others wait for the database"):
            await lasting()
        assert await notes(engine, table) == []

    told(url, story)


def test_a_contract_that_the_engine_does_not_know_is_kept(url: str) -> None:
    async def main() -> None:
        flow = compiled(CONTRACT).Approvals
        async with Engine(url) as engine:
            async with engine.transaction() as transaction:
                await transaction.start(flow, id="a", text="x")
            assert (await engine.run(flow, "a").status())["state"] == "Telling"

    asyncio.run(main())


def test_it_is_of_no_use_outside_its_block(url: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        transaction = engine.transaction()
        with pytest.raises(RuntimeError, match="the transaction is not open"):
            await transaction.start(flow, id="a", text="x")
        async with transaction:
            pass
        with pytest.raises(RuntimeError, match="the transaction is not open"):
            await transaction.start(flow, id="a", text="x")

    told(url, story)


def test_sqlite_takes_no_connection_of_another_library(tmp_path: Path) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        with pytest.raises(TypeError, match="two copies of SQLite in one process"):
            async with engine.transaction(sqlite3.connect(tmp_path / "s.db")):
                pass

    told(f"sqlite:///{tmp_path}/s.db", story)


@pytest.fixture
def postgres_url(postgres: AnyServer) -> str:
    return postgres.url(schema=f"s_{uuid4().hex[:12]}")


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_connection_of_the_program_s_own(postgres_url: str, table: str, ends: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)
        with psycopg.connect(postgres_url.partition("?")[0]) as connection:
            connection.execute(f"INSERT INTO {table} VALUES ('one')")
            async with engine.transaction(connection) as transaction:
                assert transaction.connection is connection
                await transaction.start(flow, id="a", text="x")
            getattr(connection, ends)()
        there = ends == "commit"
        assert len(await notes(engine, table)) == there
        assert len((await engine.runs(flow)).runs) == there

    told(postgres_url, story, serve=False)


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_an_async_connection_of_the_program_s_own(postgres_url: str, table: str, ends: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)
        connection = await psycopg.AsyncConnection.connect(postgres_url.partition("?")[0])
        async with connection:
            await connection.execute(f"INSERT INTO {table} VALUES ('one')")
            async with engine.transaction(connection) as transaction:
                run = await transaction.start(flow, id="a", text="x")
                with pytest.raises(opord.EventRefused):
                    await run.send.approve(by_whom="ann")
            await getattr(connection, ends)()
        there = ends == "commit"
        assert len(await notes(engine, table)) == there
        assert len((await engine.runs(flow)).runs) == there

    told(postgres_url, story, serve=False)


def test_connections_that_are_refused(postgres_url: str) -> None:
    async def story(engine: Engine, flow: Any) -> None:
        place = postgres_url.partition("?")[0]
        with psycopg.connect(place, autocommit=True) as connection:
            with pytest.raises(opord.StoreRefused, match="no transaction is open on this connection"):
                async with engine.transaction(connection):
                    pass
            name = f"d{uuid4().hex[:12]}"
            connection.execute(f"CREATE DATABASE {name}")
        with (
            psycopg.connect(place.rpartition("/")[0] + f"/{name}") as connection,
            pytest.raises(opord.StoreRefused, match="is not to the database of the store"),
        ):
            async with engine.transaction(connection):
                pass
        with pytest.raises(TypeError, match="expected a connection of psycopg, sync or async, got: object"):
            async with engine.transaction(object()):
                pass

    told(postgres_url, story, serve=False)


def test_a_runtime_without_transactions_says_so_before_anything_runs() -> None:
    within = compiled(
        """
contract Booking(id: str) key id version 1
action book(id: str) in transaction
initial state A -> B {
  commit book(id)
  goto B
}
final state B success
"""
    )
    contracts = [program_of(within.Booking).contract, program_of(compiled(CONTRACT).Approvals).contract]
    check_carried({"transactions"}, "this cluster", contracts)
    check_carried(set(), "this cluster", contracts[1:])
    with pytest.raises(Unsupported, match="this cluster cannot carry out actions in transaction"):
        check_carried(set(), "this cluster", contracts)


def test_a_program_that_is_cancelled_during_the_commit_holds_up_nobody(url: str, table: str) -> None:
    """A client that hangs up cancels its request, and the disk may be slow at that moment."""
    reached, goes_on = threading.Event(), threading.Event()

    async def request(engine: Engine) -> None:
        async with engine.transaction() as transaction:
            transaction.connection.execute(f"INSERT INTO {table} VALUES ('mine')")
            inner = transaction._inner._inner  # type: ignore[union-attr]
            commit = inner.commit

            def slow_commit() -> None:
                reached.set()
                goes_on.wait(30)
                commit()

            inner.commit = slow_commit  # type: ignore[method-assign]
            engine._running.writer._writes.was_refused()  # it is made on a thread

    async def story(engine: Engine, flow: Any) -> None:
        await make(engine, table)
        cancelled = asyncio.create_task(request(engine))
        await asyncio.to_thread(reached.wait, 30)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        goes_on.set()
        assert await asyncio.wait_for(notes(engine, table), 30) == [("mine",)]
        assert engine._running.writer._room._value == TRANSACTIONS

    told(url, story)


def test_a_start_and_a_row_are_one_for_a_program_without_an_event_loop(url: str, table: str) -> None:
    flow = compiled(CONTRACT).Approvals
    with opord.Client(url) as client:
        with client.transaction() as transaction:
            transaction.connection.execute(f"CREATE TABLE {table} (note text)")

        def failing() -> None:
            with client.transaction() as transaction:
                insert(transaction, table)
                transaction.start(flow, id="a", text="x")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            failing()
        assert client.runs(flow).runs == []
        with client.transaction() as transaction:
            insert(transaction, table)
            assert transaction.start(flow, id="a", text="x") == "Approvals/a"
            with pytest.raises(opord.EventRefused):
                transaction.send("Approvals/a", "approve", by_whom="ann")
        assert [run["run"] for run in client.runs(flow).runs] == ["Approvals/a"]
        with client.transaction() as transaction:
            assert [*transaction.connection.execute(f"SELECT note FROM {table}").fetchall()] == [("one",)]
        with pytest.raises(RuntimeError, match="the transaction is not open"):
            transaction.start(flow, id="b", text="x")


def test_a_client_joins_a_connection_of_the_program_s_own(postgres_url: str, table: str) -> None:
    flow = compiled(CONTRACT).Approvals
    with opord.Client(postgres_url) as client, psycopg.connect(postgres_url.partition("?")[0]) as connection:
        connection.execute(f"CREATE TABLE {table} (note text)")
        with client.transaction(connection) as transaction:
            transaction.start(flow, id="a", text="x")
        assert client.runs(flow).runs == []
        connection.commit()
        assert len(client.runs(flow).runs) == 1


def test_two_that_start_one_run_at_once_get_the_same_run(postgres_url: str) -> None:
    """The second one waits for the first one's commit, and goes on in its own transaction."""

    async def story(engine: Engine, flow: Any) -> None:
        async def second(begun: asyncio.Event) -> str:
            async with engine.transaction() as transaction:
                begun.set()
                return (await transaction.start(flow, id="a", text="x")).id

        begun = asyncio.Event()
        async with engine.transaction() as transaction:
            await transaction.start(flow, id="a", text="x")
            other = asyncio.create_task(second(begun))
            await begun.wait()
            await asyncio.sleep(0.2)  # by now it waits for this one
            assert not other.done()
        assert await other == "Approvals/a"
        assert len((await engine.runs(flow)).runs) == 1

    told(postgres_url, story, serve=False)


def test_an_engine_that_closes_rolls_back_what_is_open(url: str, table: str) -> None:
    flow = compiled(CONTRACT).Approvals

    async def main() -> None:
        async with Engine(url, [flow]) as engine:
            await make(engine, table)
            left = engine.transaction()
            await left.__aenter__()
            insert(left, table)
        async with Engine(url, [flow]) as engine:
            assert await notes(engine, table) == []

    asyncio.run(asyncio.wait_for(main(), 30))
