"""A process is woken by what another one does: by a bell, not by looking at the store.

Looking is an hour away in most of these tests, so what comes at all has come by a ring.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.engine import hearing
from opord.engine.environment import Environment
from opord.engine.hearing import Hearing
from opord.engine.waiters import POLL_S
from opord.loading import load
from opord.stores import open_store
from opord.stores.base import RowDamaged, Store
from opord.stores.bell import Ring
from opord.stores.sqlite.store import SqliteStore
from opord.values.types import RunId
from tests.support.postgres import shared_server
from tests.support.store import FaultyStore

HOUR_S = 3600.0
PATIENCE_S = 60.0
"""How long a test waits before it fails, in seconds; much less than an hour."""

DESK = """
contract Desk(id: str) key id
event approve()
event paid()
effect look(id: str) -> str
initial state Asked -> Looking {
  on approve() -> goto Looking
}
state Looking -> Owed {
  let seen = perform look(id)
  goto Owed(seen)
}
state Owed(seen: str) -> Done {
  on paid() -> goto Done
  after 1h -> goto Done
}
final state Done success
"""

SHORT = """
contract Short(id: str) key id
pure weigh(id: str) -> int
effect look(id: str) -> str
initial state Looking -> Done {
  let weight = weigh(id)
  let seen = perform look(id)
  goto Done(weight)
}
final state Done(weight: int) success
"""


class Handlers:
    """They answer, unless `broken`; `look` does so once it `may_answer`."""

    def __init__(self) -> None:
        self.broken = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.began = asyncio.Event()

    def weigh(self, id: str) -> int:
        if self.broken:
            raise LookupError("nothing to weigh")
        return 7

    async def look(self, id: str) -> str:
        self.began.set()
        await self.may_answer.wait()
        return "seen"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    return shared_server().url(schema=f"woken_{uuid.uuid4().hex[:8]}")


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    return _loaded(tmp_path, "Desk", DESK)


@pytest.fixture
def short(tmp_path: Path) -> Any:
    return _loaded(tmp_path, "Short", SHORT)


def _loaded(folder: Path, name: str, text: str) -> Any:
    (folder / f"{name.lower()}.opord").write_text(text)
    return getattr(load(folder / f"{name.lower()}.opord"), name)


@pytest.fixture(autouse=True)
def _looks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hears a bell looks at the store each hour."""
    monkeypatch.setattr(hearing, "HEARD_POLL_S", HOUR_S)


@asynccontextmanager
async def engine_on(
    store: Store | str, workflows: list[Any], *, poll_s: float = HOUR_S, drain_s: float = 0.0
) -> AsyncIterator[opord.Engine]:
    """Open an engine that looks at its store each `poll_s` seconds; it is a process of its own."""
    opened = open_store(store) if isinstance(store, str) else store
    environment = Environment(poll_s=poll_s, watch_needs=False)
    engine = opord.Engine(opened, workflows, environment=environment, drain_s=drain_s)
    try:
        async with engine:
            yield engine
    finally:
        assert environment.store_thread is not None
        environment.store_thread.shutdown()  # type: ignore[attr-defined]
        opened.close()


def test_a_start_and_an_end_are_heard_in_the_other_process(url: str, short: Any) -> None:
    async def main() -> None:
        async with (
            engine_on(url, [short(Handlers())]),
            engine_on(url, [short]) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            for number in range(3):
                await (await client.start(short, id=str(number))).result()

    asyncio.run(main())


def test_events_are_heard(url: str, desk: Any) -> None:
    async def main() -> None:
        async with (
            engine_on(url, [desk(Handlers())]),
            engine_on(url, [desk]) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            run = await client.start(desk, id="a")
            await client.send_event(run.id, "approve", {})
            await _until(client, run.id, "state", "Owed")
            result = asyncio.ensure_future(run.result())
            await client.send_event(run.id, "paid", {})
            assert type(await result).__name__ == "Done"

    asyncio.run(main())


def test_a_resume_from_another_process_is_heard(url: str, short: Any) -> None:
    async def main() -> None:
        handlers = Handlers()
        handlers.broken = True
        async with (
            engine_on(url, [short(handlers)]),
            engine_on(url, [short]) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            run = await client.start(short, id="a")
            await _until(client, run.id, "status", "stalled")
            handlers.broken = False
            await client.backend.resume(RunId(run.id), actor="ann")
            assert (await run.result()).weight == 7

    asyncio.run(main())


def test_an_end_by_an_administrator_is_heard(url: str, desk: Any) -> None:
    async def main() -> None:
        async with (
            engine_on(url, [desk]) as waits,
            engine_on(url, [desk]) as administers,
            asyncio.timeout(PATIENCE_S),
        ):
            run = await waits.start(desk, id="a")
            end = asyncio.ensure_future(waits.backend.end_of(RunId(run.id)))
            await administers.backend.terminate(RunId(run.id), actor="ann")
            assert (await end).head.outcome == "terminated"

    asyncio.run(main())


def test_runs_that_a_worker_gives_back_are_heard(url: str, short: Any) -> None:
    """A worker that stops gives its runs back, and another one goes on with them at once."""

    async def main() -> None:
        handlers, others = Handlers(), Handlers()
        handlers.may_answer.clear()
        async with engine_on(url, [short]) as client, asyncio.timeout(PATIENCE_S):
            async with engine_on(url, [short(handlers)]):
                run = await client.start(short, id="a")
                await handlers.began.wait()
                second = engine_on(url, [short(others)])
                await second.__aenter__()
            await run.result()
            await second.__aexit__(None, None, None)

    asyncio.run(main())


def test_a_ring_that_is_lost_is_only_late(url: str, short: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If bells never ring, looking finds all, and looks are as frequent as without a bell then."""
    monkeypatch.setattr(hearing, "HEARD_POLL_S", 2 * POLL_S)

    async def main() -> None:
        async with (
            engine_on(Deaf(open_store(url)), [short(Handlers())], poll_s=0.01) as worker,
            engine_on(Deaf(open_store(url)), [short], poll_s=0.01) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            await (await client.start(short, id="a")).result()
            for one in (worker.worker._hearing, client._running.waiters._hearing):  # type: ignore[union-attr]
                assert one._bell is not None
                assert one.pause_s() <= POLL_S

    asyncio.run(main())


def test_without_a_bell_looks_follow_closely_upon_one_that_found_something(url: str, short: Any) -> None:
    async def main() -> None:
        async with (
            engine_on(Mute(open_store(url)), [short(Handlers())], poll_s=0.05) as worker,
            engine_on(Mute(open_store(url)), [short], poll_s=0.05) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            await (await client.start(short, id="a")).result()
            hears = Hearing(worker.store, "work", lambda: None, hears=True, poll_s=0.05)
            hears.open()
            assert hears.pause_s() == 0.05
            hears.found(by_looking=True)
            pauses = [hears.pause_s() for _ in range(12)]
            assert pauses[0] == 0.001
            assert pauses == sorted(pauses)
            assert pauses[-1] == 0.05

    asyncio.run(main())


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """An event loop that cannot wait for a file, like those made from `BaseEventLoop` alone."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError


def test_a_loop_that_cannot_wait_for_a_bell_looks_at_the_store(url: str, short: Any) -> None:
    async def main() -> None:
        async with (
            engine_on(url, [short(Handlers())], poll_s=0.05) as worker,
            engine_on(url, [short], poll_s=0.05) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            await (await client.start(short, id="a")).result()
            deaf = Deaf(worker.store)
            hears = Hearing(deaf, "work", lambda: None, hears=True, poll_s=0.05)
            hears.open()
            assert hears.pause_s() <= 0.05
            assert [bell.is_closed for bell in deaf.bells] == [True]

    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        runner.run(main())


def test_all_who_wait_share_one_look(url: str, short: Any) -> None:
    async def main() -> None:
        handlers = Handlers()
        handlers.may_answer.clear()
        counted = FaultyStore(open_store(url))
        async with (
            engine_on(url, [short(handlers)]),
            engine_on(counted, [short]) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            runs = [await client.start(short, id=str(number)) for number in range(40)]
            results = [asyncio.ensure_future(run.result()) for run in runs]
            await handlers.began.wait()
            before = counted.asked["ends"]
            handlers.may_answer.set()
            await asyncio.gather(*results)
            # A ring for each batch of the worker, however many ends are in it and how many wait.
            assert before <= 2
            assert counted.asked["ends"] - before <= 40

    asyncio.run(main())


def test_nobody_looks_while_nobody_waits(url: str, short: Any) -> None:
    async def main() -> None:
        counted = FaultyStore(open_store(url))
        async with (
            engine_on(url, [short(Handlers())]),
            engine_on(counted, [short]) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            await (await client.start(short, id="a")).result()
            looks = counted.asked["ends"]
            run = await client.start(short, id="b")
            await _until(client, run.id, "status", "ended")
            assert counted.asked["ends"] == looks
            assert client._running.waiters._looking.done()  # type: ignore[union-attr]

    asyncio.run(main())


def test_a_process_that_does_all_itself_looks_for_no_ends(tmp_path: Path, short: Any) -> None:
    """Its own rings come back to it. The count of changes by others says that nobody else wrote."""

    async def main() -> None:
        counted = FaultyStore(SqliteStore(tmp_path / "runs.db"))
        async with engine_on(counted, [short(Handlers())]) as engine, asyncio.timeout(PATIENCE_S):
            never = asyncio.ensure_future(engine.backend.end_of(RunId("Short/gone")))
            with pytest.raises(opord.RunUnknown):
                await never
            handlers = Handlers()
            handlers.may_answer.clear()
            for number in range(20):
                await (await engine.start(short, id=str(number))).result()
            assert counted.asked["ends"] == 1

    asyncio.run(main())


def test_a_row_that_cannot_be_read_fails_only_who_waits_for_it(tmp_path: Path, short: Any) -> None:
    class Damaged(FaultyStore):
        def before(self, name: str, args: tuple[Any, ...]) -> None:
            super().before(name, args)
            if name == "ends" and "Short/b" in args[0]:
                raise RowDamaged("a row is damaged")

    async def main() -> None:
        file = tmp_path / "runs.db"
        async with (
            engine_on(f"sqlite:///{file}", [short(Handlers())]),
            engine_on(Damaged(SqliteStore(file)), [short]) as client,
            asyncio.timeout(PATIENCE_S),
        ):
            runs = [await client.start(short, id=name) for name in "abc"]
            a, b, c = await asyncio.gather(*(run.result() for run in runs), return_exceptions=True)
            assert (a.weight, c.weight) == (7, 7)
            assert isinstance(b, RowDamaged)

    asyncio.run(main())


class NeverRings:
    """A bell that is never rung."""

    def __init__(self) -> None:
        self.ends = os.pipe()
        self.is_closed = False

    def fileno(self) -> int:
        return self.ends[0]

    def heard(self) -> None:
        raise AssertionError("it has rung")

    def close(self) -> None:
        self.is_closed = True
        for end in self.ends:
            os.close(end)


class Deaf(FaultyStore):
    """A store whose rings are all lost."""

    free = ("now", "at_once")

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.bells: list[NeverRings] = []

    def bell(self, ring: Ring) -> NeverRings:
        self.bells.append(NeverRings())
        return self.bells[-1]


class Mute(FaultyStore):
    """A store without a bell."""

    free = ("now", "at_once")

    def bell(self, ring: Ring) -> None:
        return None


async def _until(engine: opord.Engine, run: str, member: str, value: str) -> None:
    for _ in range(1000):
        if (await engine.run_status(run))[member] == value:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{run} has not come to {value}")
