"""After a storm of runs nothing is left of them. The tests count things, never time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import apsw
import pytest

import opord
from opord.backends.front import Engine
from opord.drive.errors import EngineError, EventRefused
from opord.stores.base import NotStored, StoreUnavailable
from opord.stores.sqlite.store import SqliteStore
from tests.support.contracts import compiled, workflow_of
from tests.support.kit import Kit
from tests.support.store import FaultyStore

DESK = """
contract Desk(id: str) key id
failure Trouble { Broken, Busy transient }
event hint(text: str) keep
event tick()
event open()
effect look(id: str) -> str fails Trouble { retry 1 times backoff 1ms to 1ms, timeout 50ms }
action charge(id: str) fails Trouble { key id, retry 1 times backoff 1ms to 1ms, timeout 60s }
initial state Asked -> Held | Gone {
  let seen = perform look(id) else problem -> goto Gone
  goto Held(seen)
}
state Held(seen: str) -> Paid | Gone {
  on tick() ignore
  on open() {
    commit charge(id) else problem -> goto Gone
    goto Paid
  }
  on cancel(reason) -> goto Gone
  after 1h -> goto Gone
}
final state Paid success
final state Gone failure
"""


RUNS = 56


class Storm:
    """Handlers that go wrong in every way, each for some runs."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.tries: Counter[str] = Counter()

    async def look(self, id: str) -> str:
        return await self._answer("look", id)

    def charge(self, id: str, *, call: Any) -> None:
        number = int(id.rsplit("-", 1)[1])
        if number % 5 == 1:
            raise self.module.Trouble.Broken
        if number % 5 == 2 and call.attempt == 1:
            raise self.module.Trouble.Busy

    async def _answer(self, what: str, id: str) -> str:
        number = int(id.rsplit("-", 1)[1])
        self.tries[id] += 1
        if number % 7 == 1:
            raise self.module.Trouble.Broken
        if number % 7 == 2 and self.tries[id] == 1:
            raise self.module.Trouble.Busy
        if number % 7 == 3 and self.tries[id] == 1:
            await asyncio.sleep(10)
        self.tries.pop(id, None)
        return "seen"


def open_things(engine: Engine) -> dict[str, int]:
    """Count what an engine and its process hold."""
    opened = engine._running
    worker, writer = opened.worker, opened.writer
    assert worker is not None
    return {
        "flights": len(worker.flights),
        "waiting for a flight": len(worker._on_end),
        "in the background": len(worker._side),
        "watched": len(opened.waiters._waiting),
        "changes": len(writer._waiting) + len(writer._behind) + len(writer._calls),
        "locks": len(engine.client._locks),
        "unreadable": len(worker.unreadable),
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
        "readers": len(opened.store._pool._readers),  # type: ignore[attr-defined]
        "open transactions": int(not opened.store._pool.writer.connection.getautocommit()),  # type: ignore[attr-defined]
    }


async def storm(engine: Engine, flow: Any, name: str, runs: int) -> None:
    """Start runs, send them many events at once, stop waiting for some, and see them end."""

    async def one(number: int) -> None:
        run = await engine.start(flow, id=f"{name}-{number}")
        again = await engine.start(flow, id=f"{name}-{number}")
        assert again.id == run.id
        for _ in range(3):
            with contextlib.suppress(EngineError):
                await run.send.hint(text="x" * 200)
            with contextlib.suppress(EngineError):
                await engine.send_event(run.id, "nothing", {})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001 * (number % 4)):
                await run.result()
        for event in ("tick", "open"):
            for _ in range(200):
                try:
                    await engine.send_event(run.id, event, {})
                    break
                except EventRefused:
                    await asyncio.sleep(0.005)
                except EngineError:
                    break
        await run.result()

    await asyncio.gather(*[one(number) for number in range(runs)])


def test_a_storm_leaves_nothing_behind(tmp_path: Path) -> None:
    module = compiled(DESK)
    flow = workflow_of(module)
    sizes: list[int] = []
    things: list[dict[str, int]] = []

    async def main() -> None:
        async with opord.Engine(f"sqlite:///{tmp_path}/runs.db", [flow(Storm(module))]) as engine:
            for name in ("warm", "first", "second"):
                await storm(engine, flow, name, RUNS)
                await engine.until_idle()
                for _ in range(100):
                    if len(engine._running.waiters._waiting) == 0 and engine._running.waiters._looking.done():  # type: ignore[union-attr]
                        break
                    await asyncio.sleep(0.02)
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
                # An idle worker asks the store for due runs now and then. Wait for that call.
                for _ in range(100):
                    if not (seen := open_things(engine))["changes"]:
                        break
                    await asyncio.sleep(0.02)
                things.append(seen)

    tracemalloc.start()
    try:
        asyncio.run(main())
    finally:
        tracemalloc.stop()
    # Up to four connections are opened for parallel reads, each with two files and those of its
    # thread.
    assert all(seen["readers"] <= 4 for seen in things)
    assert things[2]["files"] - things[1]["files"] <= 3 * (things[2]["readers"] - things[1]["readers"])
    first, second = ({**seen, "files": 0, "readers": 0} for seen in things[1:])
    assert first == second
    kept = {name: count for name, count in things[2].items() if count}
    assert set(kept) <= {"tasks", "files", "readers"}, kept
    # This coroutine, and the loops that claim, renew, look for needs and commit.
    assert things[2]["tasks"] == 5
    # A run in memory takes some kilobytes, with all that waits for it.
    assert sizes[2] - sizes[1] < RUNS * 1000, sizes


def test_a_caller_that_gives_up_leaves_nothing_behind() -> None:
    class Slow:
        async def look(self, id: str) -> str:
            await asyncio.sleep(60)
            return "seen"

    kit = Kit(
        """
contract Slow(id: str) key id
effect look(id: str) -> str { timeout 2h }
initial state Asked -> Held {
  let seen = perform look(id) else problem -> goto Held
  goto Held
}
final state Held success
""",
        lambda module: Slow(),
    )

    async def main() -> None:
        async with kit.engine() as engine, kit.engine(serve=False) as other:
            run = await engine.start(kit.workflow, id="a")
            assert engine.worker is not None
            for each in (engine, other):
                for _ in range(150):
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.01):
                            await each.wait_result(run.id)
                assert len(each._running.waiters._waiting) == 0
            assert engine.worker._on_end == {}
            assert len(engine.worker.flights) == 1
            # Cancelled timers are removed from the loop's heap too.
            assert len(asyncio.get_running_loop()._scheduled) < 300  # type: ignore[attr-defined]
            assert [type(await each.wait_result(run.id)).__name__ for each in (engine, other)] == ["Held"] * 2

    kit.run(main())


def test_a_locked_store_makes_all_wait_and_leaves_no_transaction_open(tmp_path: Path) -> None:
    flow = workflow_of(compiled(DESK))
    file = tmp_path / "runs.db"

    async def main() -> None:
        async with opord.Engine(f"sqlite:///{file}", [flow]) as engine:
            other = apsw.Connection(str(file))
            other.execute("BEGIN IMMEDIATE")
            starts = [asyncio.create_task(engine.start(flow, id=f"o{number}")) for number in range(200)]
            given_up = starts[::4]
            for _ in range(20):
                await asyncio.sleep(0)
            for one in given_up:
                one.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)
            other.execute("ROLLBACK")
            other.close()
            await asyncio.gather(*[one for one in starts if one not in given_up])
            writer = engine._running.writer
            assert (len(writer._waiting), len(writer._behind), len(writer._calls)) == (0, 0, 0)
            assert engine.store._pool.writer.connection.getautocommit()  # type: ignore[attr-defined]
            # A caller that gave up may still have started a run: the next start returns that run,
            # and never a second one.
            for number in range(200):
                assert (await engine.start(flow, id=f"o{number}")).id == f"Desk/o{number}"
            assert len(asyncio.all_tasks()) == 2

    asyncio.run(main())


def test_a_log_that_grew_behind_a_long_reader_is_cut_when_the_reader_ends(tmp_path: Path) -> None:
    from opord.testing.store_rows import ORDERS, a_start

    file = tmp_path / "runs.db"
    store = SqliteStore(file)
    store.put_contract(ORDERS)
    connection = store._pool.writer.connection
    connection.pragma("journal_size_limit", 300_000)
    connection.pragma("wal_autocheckpoint", 50)
    store.apply([a_start("Orders/0")])
    reader = apsw.Connection(str(file))
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM runs").get == 1

    def write(rounds: range) -> int:
        for number in rounds:
            store.apply([a_start(f"Orders/{number}", input_text=f'"{"x" * 20_000}"')])
        return os.path.getsize(f"{file}-wal")

    grown = write(range(1, 101))
    assert grown > 2_000_000
    # A reader sees its snapshot and does not block writers.
    assert reader.execute("SELECT count(*) FROM runs").get == 1
    reader.close()
    assert write(range(101, 110)) < 400_000
    store.close()
    assert not os.path.exists(f"{file}-wal")


def test_few_readers_of_a_store_stay_open(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    gate = threading.Barrier(20)

    def read() -> None:
        with store._read() as connection:
            gate.wait()
            assert connection.execute("SELECT 1").get == 1

    def storm() -> int:
        threads = [threading.Thread(target=read) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store._pool._readers) == 4
        return len(os.listdir("/proc/self/fd"))

    # SQLite closes a file only after the last lock on it in the process is gone; until then the
    # next reader gets it.
    first = storm()
    assert [storm() for _ in range(5)] == [first] * 5
    store.close()


def test_a_refusal_in_the_middle_of_a_batch_leaves_no_transaction_open(tmp_path: Path) -> None:
    from opord.testing.store_rows import ORDERS, REFUNDS, a_start

    store = SqliteStore(tmp_path / "runs.db")
    store.put_contract(ORDERS)
    for _ in range(50):
        assert type(store.apply([a_start("Refunds/1", contract=REFUNDS)])[0]) is NotStored
        with pytest.raises(ValueError, match="twice"):
            store.apply([a_start("Orders/1"), a_start("Orders/1")])
        assert store._pool.writer.connection.getautocommit()
    other = apsw.Connection(str(tmp_path / "runs.db"))
    other.execute("BEGIN IMMEDIATE")
    for _ in range(50):
        with pytest.raises(StoreUnavailable), store.at_once():
            store.apply([a_start("Orders/1")])
    other.close()
    assert store.load("Orders/1") is None
    store.close()


class Counted(FaultyStore):
    """A store that notes the largest number of runs of a claim."""

    most_claimed = 0

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name == "claim":
            self.most_claimed = max(self.most_claimed, len(answer))
        return super().after(name, args, answer)


BELL = """
contract Bell(id: str) key id
event ring()
initial state Quiet -> Rung {
  on ring() -> goto Rung
  after 30d -> goto Rung
}
final state Rung success
"""


async def waiting(kit: Kit, runs: int) -> None:
    async with kit.engine(serve=False) as engine:
        await asyncio.gather(*[engine.start(kit.workflow, id=f"{number}") for number in range(runs)])


def test_an_idle_worker_reads_one_number_however_many_runs_wait() -> None:
    asked = []
    for runs in (1, 2000):
        kit = Kit(BELL, lambda module: object())
        kit.store = SqliteStore(None, clock=kit.clock.now)
        store = Counted(kit.store)

        async def main(kit: Kit = kit, store: Counted = store, runs: int = runs) -> None:
            await waiting(kit, runs)
            async with kit.engine(store=store) as engine:
                await engine.until_idle()
                store.asked.clear()
                await asyncio.sleep(30)
                assert engine.worker is not None
                assert engine.worker.flights == {}
                asked.append(dict(store.asked))

        kit.run(main())
    assert asked[0] == asked[1]
    # Twenty checks a second, and a heartbeat every third of a lease; no run is claimed, loaded or
    # written.
    assert set(asked[0]) <= {"next_wake", "now", "heartbeat", "workers", "limits"}
    assert asked[0]["next_wake"] <= 30 * 20 + 1


def test_many_due_timers_are_claimed_in_bounded_batches_and_fire_once_each() -> None:
    kit = Kit(BELL, lambda module: object())
    kit.store = SqliteStore(None, clock=kit.clock.now)
    store = Counted(kit.store)
    most_flights = 0

    def hook(point: str, run: str) -> None:
        nonlocal most_flights
        worker = engines[0].worker
        assert worker is not None
        most_flights = max(most_flights, len(worker.flights))

    engines: list[Engine] = []

    async def main() -> None:
        await waiting(kit, 1500)
        kit.clock.advance(60 * 24 * 3600)  # no worker ran when they became due, a month ago
        engines.append(kit.engine(store=store, hook=hook, concurrency=200))
        async with engines[0] as engine:
            await engine.until_idle()

    kit.run(main())
    assert (store.most_claimed, most_flights <= 200) == (200, True)
    for number in range(1500):
        assert kit.kinds(f"Bell/{number}") == ["started", "transition"]
        assert kit.row(f"Bell/{number}").head.status == "ended"


@pytest.mark.parametrize(("wait", "year"), [("3000000d", 9999), ("30d", 2026)])
def test_a_timer_at_the_last_instant_is_kept_and_wakes_no_worker(wait: str, year: int) -> None:
    kit = Kit(BELL.replace("30d", wait), lambda module: object())

    async def main() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            await engine.until_idle()
            (waits,) = [one for one in (await engine.run_status(run.id))["waiting_for"] if "timer" in one]
            assert waits["at"].startswith(str(year))
            await run.send.ring()
            assert kit.row(run.id).head.status == "ended"

    kit.run(main())
    kit.check()
