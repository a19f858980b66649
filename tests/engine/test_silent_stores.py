"""What the log says of a store that neither answers nor fails, or that fails for a moment."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from opord.engine import outage
from opord.engine.store_writer import StoreWriter
from opord.stores.base import StoreUnavailable
from opord.stores.memory import MemoryStore


class Remote(MemoryStore):
    """A store behind a network; `silent` calls wait until the answers may come."""

    readers, writers = 2, 2

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.answers = threading.Event()
        self.failures = 0

    def silent(self) -> str:
        self.answers.wait(30)
        return "answer"

    def broken_once(self) -> str:
        self.failures += 1
        if self.failures == 1:
            raise StoreUnavailable("unreachable", "the server ended the connection")
        return "answer"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level("WARNING", "opord.store")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "opord.store"]


def tell(story: Callable[[StoreWriter, Remote], Awaitable[None]]) -> None:
    """Tell a story over a store that is behind a network."""
    store = Remote()

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            writer = StoreWriter(store, thread)
            writer.start()
            try:
                await story(writer, store)
            finally:
                store.answers.set()
                await writer.stop(1.0)

    asyncio.run(main())


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not come to that")


def test_a_store_that_neither_answers_nor_fails_is_told_once_and_so_is_its_next_answer(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(writer: StoreWriter, store: Remote) -> None:
        waiting = [asyncio.ensure_future(writer.call(store.silent)) for _ in range(5)]
        await until(lambda: bool(lines()))
        store.answers.set()
        assert await asyncio.gather(*waiting) == ["answer"] * 5
        assert await writer.call(store.silent) == "answer"

    monkeypatch.setattr(outage, "SILENT_S", 0.6)
    tell(story)
    assert lines() == [
        "the store has not answered for 1 s; nothing is lost, its callers wait",
        "the store answers again",
    ]


def test_a_store_that_answers_others_is_not_silent(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(writer: StoreWriter, store: Remote) -> None:
        slow = asyncio.ensure_future(writer.call(store.silent))
        looked: list[float] = []
        while len(looked) < 4:
            await writer.call(store.counts)
            if writer._outage._look is not None and writer._outage._look.when() not in looked:
                looked.append(writer._outage._look.when())
            await asyncio.sleep(0)
        store.answers.set()
        assert await slow == "answer"

    monkeypatch.setattr(outage, "SILENT_S", 0.5)
    tell(story)
    assert lines() == []


def test_an_answer_that_the_event_loop_has_not_seen_yet_is_no_silence(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(writer: StoreWriter, store: Remote) -> None:
        asked = asyncio.ensure_future(writer.call(store.counts))
        await asyncio.sleep(0)
        while writer._outage._unheard:
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)
        await asked

    monkeypatch.setattr(outage, "SILENT_S", 0.05)
    tell(story)
    assert lines() == []


def test_a_short_outage_is_told_when_it_is_over(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(writer: StoreWriter, store: Remote) -> None:
        assert await writer.call(store.broken_once) == "answer"

    monkeypatch.setattr(outage, "NOTED_S", 0.01)
    tell(story)
    (line,) = lines()
    assert re.fullmatch(
        r"the store did not answer for \d+\.\d s \(the server ended the connection\); it answers again", line
    )
