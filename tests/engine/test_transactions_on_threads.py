"""Handlers of actions in transactions on threads of their own: how long they hold the database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import opord
from opord.backends.front import Engine
from tests.support.contracts import compiled
from tests.support.postgres import AnyServer

CONTRACT = """
contract Bookings(id: str, kind: str) key id version 1
action book(id: str, kind: str) -> int in transaction { timeout 300ms }
initial state Booking -> Booked {
  let place = commit book(id, kind)
  goto Booked(place)
}
final state Booked(place: int) success
"""


class Hall:
    """Handlers that hang at the first call of each run of the kind `slow`, until the test ends."""

    def __init__(self) -> None:
        self.table = f"seats_{uuid4().hex[:12]}"
        self.free, self.ended = threading.Event(), threading.Event()
        self.hung: list[Any] = []
        self.late: list[BaseException] = []
        self.kept: Any = None

    def book(self, id: str, kind: str, *, call: opord.TransactionCall) -> int:
        connection = call.connection
        connection.execute(f"INSERT INTO {self.table} VALUES ('{id}')")
        if kind == "slow" and id not in self.hung:
            self.hung.append(id)
            self.free.wait(60)
            try:
                connection.execute(f"INSERT INTO {self.table} VALUES ('late')")
            except Exception as error:
                self.late.append(error)
                self.ended.set()
                raise
        if kind == "keeps":
            self.kept = connection
        return 7


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, postgres: AnyServer) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    return postgres.url(schema=f"s_{uuid4().hex[:12]}")


def told(url: str, story: Callable[[Engine, Any, Hall], Awaitable[None]]) -> None:
    module, hall = compiled(CONTRACT), Hall()

    async def main() -> None:
        async with Engine(url, [module.Bookings(hall)]) as engine:
            async with engine.transaction() as transaction:
                transaction.connection.execute(f"CREATE TABLE {hall.table} (booking text)")
            try:
                await story(engine, module.Bookings, hall)
            finally:
                hall.free.set()

    asyncio.run(asyncio.wait_for(main(), 60))


async def bookings(engine: Engine, hall: Hall) -> list[Any]:
    async with engine.transaction() as transaction:
        rows = transaction.connection.execute(f"SELECT booking FROM {hall.table} ORDER BY 1").fetchall()
    return [booking for (booking,) in rows]


def test_a_handler_that_takes_too_long_is_undone_and_tried_again(url: str) -> None:
    async def story(engine: Engine, bookings_: Any, hall: Hall) -> None:
        slow = await engine.start(bookings_, id="a", kind="slow")
        quick = await engine.start(bookings_, id="b", kind="quick")
        await quick.result()
        await slow.result()
        assert await bookings(engine, hall) == ["a", "b"]
        records = await engine.run_history("Bookings/a")
        attempt = next(record for record in records if record["kind"] == "attempt")
        assert attempt["error"] == "book did not end within 0.3 s, and what it wrote was rolled back"
        hall.free.set()
        await asyncio.wait_for(asyncio.to_thread(hall.ended.wait), 30)
        assert hall.late
        assert await bookings(engine, hall) == ["a", "b"]

    told(url, story)


def test_a_connection_that_a_handler_keeps_writes_nothing_later(url: str) -> None:
    async def story(engine: Engine, bookings_: Any, hall: Hall) -> None:
        await (await engine.start(bookings_, id="a", kind="keeps")).result()
        with pytest.raises(Exception, match="the transaction has ended"):
            hall.kept.execute(f"INSERT INTO {hall.table} VALUES ('later')")
        assert await bookings(engine, hall) == ["a"]

    told(url, story)


def test_many_at_once(url: str) -> None:
    async def story(engine: Engine, bookings_: Any, hall: Hall) -> None:
        runs = [await engine.start(bookings_, id=f"{n:03}", kind="quick") for n in range(60)]
        await asyncio.gather(*(run.result() for run in runs))
        assert await bookings(engine, hall) == [f"{n:03}" for n in range(60)]

    told(url, story)


def test_an_async_handler_is_refused(url: str) -> None:
    class Wrong:
        async def book(self, id: str, kind: str, *, call: Any) -> int:
            return 1

    module = compiled(CONTRACT)

    async def main() -> None:
        async with Engine(url, [module.Bookings(Wrong())]):
            pass

    with pytest.raises(opord.HandlersInvalid, match=r"is `async def`, but an action in a transaction holds"):
        asyncio.run(main())
