"""Plain handlers that hang hold their threads: the worker says how many, and which calls."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive.held_calls import AGAIN_S, HeldCalls
from opord.engine.environment import Environment
from opord.stores.memory import MemoryStore
from opord.values.types import RunId
from tests.support.contracts import compiled, workflow_of

TEXT = """
contract Hanging(id: str) key id version 1
effect look(id: str) -> str { timeout 200ms }
initial state New -> Done | Late {
  match perform look(id) {
    ok found -> goto Done(found)
    TimedOut -> goto Late
  }
}
final state Done(found: str) success
final state Late failure
"""


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    """Other tests of this process may have turned the log down."""
    caplog.set_level(logging.INFO, logger="opord")


def shortages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if " held, " in one.getMessage()]


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the log wakes nobody
        await asyncio.sleep(0.01)


def test_a_shortage_of_threads_is_said_with_numbers(caplog: pytest.LogCaptureFixture) -> None:
    """In real time: two threads, and three calls that hang."""
    workflow = workflow_of(compiled(TEXT))
    free = threading.Event()

    class Handlers:
        def look(self, id: str) -> str:
            free.wait(20)
            return id

    async def story() -> list[str]:
        environment = Environment(max_threads=2)
        store = MemoryStore(lambda: time.time_ns() // 1000)
        async with Engine(store, [workflow(Handlers())], environment=environment, lease_s=0.6) as engine:
            runs = [await engine.start(workflow, id=id) for id in ("a", "b")]
            ends = [type(await run.result()).__name__ for run in runs]
            waiting = await engine.start(workflow, id="c")
            await asyncio.wait_for(_until(lambda: bool(shortages(caplog))), 20)
            await asyncio.wait_for(_until(lambda: bool(store.workers()[0].trouble)), 20)
            reason = (await waiting.status())["reason"]
            assert reason.startswith(
                f"its worker {environment.worker}: 2 threads are held, 2 by calls given up"
            )
            free.set()
            await asyncio.wait_for(_until(lambda: not store.workers()[0].trouble), 20)
            return [*ends, type(await waiting.result()).__name__]

    with caplog.at_level(logging.INFO, logger="opord"):
        assert asyncio.run(story()) == ["Late", "Late", "Done"]
    assert shortages(caplog) == [
        "2 threads are held, 2 by calls given up (look of Hanging/a, look of Hanging/b); 1 call waits for a thread"
    ]
    assert "look of Hanging/a ended" in caplog.text


def test_it_is_said_again_each_minute_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0

    async def story() -> None:
        nonlocal now
        held = HeldCalls(1, lambda: now)
        await held.thread("look", RunId("Hanging/a"))
        waiting = [asyncio.create_task(held.thread("look", None)) for _ in range(2)]
        await asyncio.sleep(0)
        assert len(shortages(caplog)) == 1
        now = AGAIN_S - 1
        held.say_if_full()
        assert len(shortages(caplog)) == 1
        now = AGAIN_S
        held.say_if_full()
        assert shortages(caplog)[1] == "1 thread is held, 0 by calls given up; 2 calls wait for a thread"
        for _ in waiting:
            held.thread_is_free()
        await asyncio.gather(*waiting)
        now = 2 * AGAIN_S
        held.say_if_full()
        assert len(shortages(caplog)) == 2

    asyncio.run(story())


def test_a_call_that_waits_for_a_thread_may_be_cancelled() -> None:
    async def story() -> Any:
        held = HeldCalls(1, lambda: 0.0)
        await held.thread("look", None)
        waiting = asyncio.create_task(held.thread("look", None))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return held.shortage

    assert asyncio.run(story()) is None
