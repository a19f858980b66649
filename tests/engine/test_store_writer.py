"""Group commit: waiting changes are written together, and only once.

They are written in the event loop if that is quick, else on a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from opord.engine import outage, store_writer
from opord.engine.pace import LOOK_AGAIN
from opord.engine.store_writer import StoreWriter
from opord.stores.base import Result, Start, StoreDamaged, StoreUnavailable, Write
from opord.stores.memory import MemoryStore
from opord.testing.store_rows import ORDERS, a_start


class Watched(MemoryStore):
    """A store that notes the thread and the size of each batch."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.put_contract(ORDERS)
        self.batches: list[tuple[bool, int]] = []
        self.locked = 0
        self.hurry = False
        self.takes_s = 0.0

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        here = threading.current_thread() is threading.main_thread()
        if self.locked and self.hurry:
            self.locked -= 1
            raise StoreUnavailable("locked", "somebody else writes")
        Clock.now += self.takes_s
        self.batches.append((here, len(batch)))
        return super().apply(batch)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        self.hurry = True
        try:
            yield
        finally:
            self.hurry = False


class Clock:
    now = 0.0


@pytest.fixture(autouse=True)
def _stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = 0.0
    monkeypatch.setattr(store_writer.time, "perf_counter", lambda: Clock.now)


async def write(store: Watched, rounds: Sequence[int]) -> None:
    with ThreadPoolExecutor(1) as thread:
        door = StoreWriter(store, thread)
        door.start()
        number = 0
        for size in rounds:
            futures: list[asyncio.Future[Any]] = []
            for _ in range(size):
                number += 1
                futures.append(door.apply(a_start(f"C/{number}")))
            await asyncio.gather(*futures)
        await door.stop(1.0)


def test_changes_that_wait_together_are_written_together() -> None:
    store = Watched()
    asyncio.run(write(store, [40]))
    assert [size for _, size in store.batches] == [40]


def test_a_quick_store_is_written_in_the_event_loop_in_small_batches() -> None:
    store = Watched()
    asyncio.run(write(store, [600]))
    assert store.batches == [(True, store_writer.QUICK_CHANGES)] * 2 + [
        (True, 600 - 2 * store_writer.QUICK_CHANGES)
    ]


def test_the_thread_waits_for_a_store_that_another_process_writes() -> None:
    store = Watched()
    store.locked = 1
    asyncio.run(write(store, [1, 1, 1]))
    assert [here for here, _ in store.batches] == [False, False, True]


def test_a_slow_disk_is_left_to_the_thread_and_tried_again_later() -> None:
    store = Watched()
    store.takes_s = 0.1
    asyncio.run(write(store, [1] * (LOOK_AGAIN + 3)))
    places = [here for here, _ in store.batches]
    assert places[0]
    assert places[1 : LOOK_AGAIN + 1] == [False] * LOOK_AGAIN
    assert places[LOOK_AGAIN + 1]


def test_one_slow_sync_among_quick_ones_changes_nothing() -> None:
    store = Watched()

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            door = StoreWriter(store, thread)
            door.start()
            for number in range(9):
                store.takes_s = 0.02 if number == 3 else 0.0
                await door.apply(a_start(f"C/{number}"))
            await door.stop(1.0)

    asyncio.run(main())
    assert store.batches == [(True, 1)] * 9


class Choosy(Watched):
    """A store that refuses every batch that contains one of certain runs, as a whole."""

    def __init__(self, *cannot: str) -> None:
        super().__init__()
        self.cannot = set(cannot)
        self.error: Exception = ValueError("this row cannot be written")

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        names = {change.row.run if isinstance(change, Start) else change.run for change in batch}
        if names & self.cannot:
            self.batches.append((True, len(batch)))
            raise self.error
        return super().apply(batch)


async def outcomes(store: Watched, runs: Sequence[str]) -> list[Any]:
    door = StoreWriter(store, None)
    door.start()
    found = await asyncio.gather(*[door.apply(a_start(run)) for run in runs], return_exceptions=True)
    await door.stop(1.0)
    return found


def test_a_change_that_cannot_be_written_fails_alone() -> None:
    store = Choosy("C/17", "C/40")
    found = asyncio.run(outcomes(store, [f"C/{number}" for number in range(64)]))
    assert [number for number, result in enumerate(found) if isinstance(result, Exception)] == [17, 40]
    assert len(store._rows.runs) == 62
    # By halving: for each of the two runs, at most two batches for each halving.
    assert len(store.batches) <= 1 + 2 * 2 * 6


def test_a_store_that_is_damaged_as_a_whole_is_not_written_again() -> None:
    store = Choosy("C/1")
    store.error = StoreDamaged("the file is damaged")
    found = asyncio.run(outcomes(store, [f"C/{number}" for number in range(8)]))
    assert all(isinstance(result, StoreDamaged) for result in found)
    assert len(store.batches) == 1


def test_many_changes_of_one_run_are_written_in_order_without_scans() -> None:
    class Counted(Watched):
        names: list[str]

        def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
            self.names += [change.row.run if isinstance(change, Start) else change.run for change in batch]
            return super().apply(batch)

    store = Counted()
    store.names = []
    found = asyncio.run(outcomes(store, ["C/1"] * 300 + ["C/2"]))
    assert [type(result).__name__ for result in found[:2]] == ["Applied", "Applied"]
    # The other run does not wait for those behind the first one.
    assert store.names[:2] == ["C/1", "C/2"]
    assert store.names.count("C/1") == 300


def test_the_writer_forgets_runs_after_their_changes_are_written() -> None:
    async def main() -> StoreWriter:
        door = StoreWriter(Watched(), None)
        door.start()
        await asyncio.gather(*[door.apply(a_start(f"C/{number % 7}")) for number in range(100)])
        await door.stop(1.0)
        return door

    door = asyncio.run(main())
    assert (dict(door._behind), list(door._waiting)) == ({}, [])


def test_calls_that_wait_at_once_share_one_line_for_the_outage_and_one_for_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[int] = Counter()

    class Away(Watched):
        readers = 4

    def verb(number: int) -> int:
        asked[number] += 1
        if asked[number] < 6:
            raise StoreUnavailable("unreachable", "nobody answers")
        return number

    async def main() -> list[int]:
        with ThreadPoolExecutor(1) as thread:
            door = StoreWriter(Away(), thread)
            door.start()
            answers = await asyncio.gather(*(door.read(verb, number) for number in range(8)))
            await door.stop(1.0)
            return answers

    monkeypatch.setattr(outage, "LONGEST_PAUSE_S", 0.2)
    with caplog.at_level("WARNING", "opord.store"):
        assert asyncio.run(main()) == list(range(8))
    said = [one.getMessage() for one in caplog.records]
    assert said == [
        "the store is unreachable: nobody answers; nothing is lost, trying again in 0.2 s",
        "the store answers again",
    ]


class Remote(Watched):
    """A store behind a network: a write takes until it is let through."""

    readers, writers = 2, 2

    def __init__(self) -> None:
        super().__init__()
        self.through = threading.Semaphore(0)
        self.under_way: list[list[str]] = []
        self.most = 0

    def apply(self, batch: Sequence[Start | Write]) -> list[Result]:
        assert threading.current_thread() is not threading.main_thread(), "the event loop never waits"
        names = [change.row.run if isinstance(change, Start) else change.run for change in batch]
        self.under_way.append(names)
        self.most = max(self.most, len(self.under_way))
        self.through.acquire()
        self.under_way.remove(names)
        return super().apply(batch)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not come to that")


def test_a_store_behind_a_network_takes_as_many_batches_at_once_as_it_says() -> None:
    store = Remote()

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            door = StoreWriter(store, thread)
            door.start()
            first = door.apply(a_start("C/1"))
            await until(lambda: len(store.under_way) == 1)
            second = [door.apply(a_start("C/2")), door.apply(a_start("C/3"))]
            await until(lambda: len(store.under_way) == 2)
            third = [door.apply(a_start("C/4")), door.apply(a_start("C/1"))]
            assert await door.call(store.counts) == {}, "other verbs need no turn"
            await asyncio.sleep(0.02)
            assert store.under_way == [["C/1"], ["C/2", "C/3"]]
            store.through.release(9)
            await asyncio.gather(first, *second, *third)
            await door.stop(1.0)

    asyncio.run(main())
    assert store.most == 2
    assert sorted(size for _, size in store.batches) in ([1, 1, 1, 2], [1, 2, 2])


def test_two_changes_of_a_run_are_never_under_way_at_once() -> None:
    store = Remote()

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            door = StoreWriter(store, thread)
            door.start()
            futures = [door.apply(a_start("C/1")) for _ in range(3)]
            for number in range(3):
                await until(lambda: len(store.under_way) == 1)
                await asyncio.sleep(0.01)
                assert store.under_way == [["C/1"]], number
                store.through.release()
            await asyncio.gather(*futures)
            await door.stop(1.0)

    asyncio.run(main())
    assert store.most == 1


def test_what_is_under_way_is_waited_for_at_the_end() -> None:
    store = Remote()

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            door = StoreWriter(store, thread)
            door.start()
            last = door.apply(a_start("C/1"))
            await until(lambda: len(store.under_way) == 1)
            asyncio.get_running_loop().call_later(0.05, store.through.release)
            await door.stop(5.0)
            assert last.done()

    asyncio.run(main())
    assert [size for _, size in store.batches] == [1]
