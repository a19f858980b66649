"""What holds the event loop is named with its place, in real time."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.stores.memory import MemoryStore
from tests.support.contracts import compiled, workflow_of

TEXT = """
contract Holding(id: str) key id version 1
effect look(id: str) -> str
initial state New -> Done {
  let found = perform look(id)
  goto Done(found)
}
final state Done(found: str) success
"""

HELD = re.compile(r"the event loop has been held for \d+\.\d s at (\S+):\d+ in (\S+)\. ")


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    """Other tests of this process may have turned the log down."""
    caplog.set_level(logging.INFO, logger="opord")


def block(seconds: float) -> None:
    time.sleep(seconds)


class Handlers:
    async def look(self, id: str) -> str:
        block(float(id.partition(" ")[0]))
        return id


def places(caplog: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    return [match.groups() for one in caplog.records if (match := HELD.match(one.getMessage()))]


async def work(*ids: str, also: Any = None, lease_s: float = 0.9) -> None:
    workflow = workflow_of(compiled(TEXT))
    store = MemoryStore(lambda: time.time_ns() // 1000)
    async with Engine(store, [workflow(Handlers())], lease_s=lease_s) as engine:
        for id in ids:
            await (await engine.start(workflow, id=id)).result()
        if also is not None:
            also()
        await asyncio.sleep(0.05)


def test_a_handler_that_blocks_is_named_once_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(work("1.5 a", "1.5 b"))
    assert places(caplog) == [("tests/engine/test_loop_watch.py", "block")]
    record = next(one for one in caplog.records if HELD.match(one.getMessage()))
    assert record.levelno == logging.WARNING
    assert "make the handler a plain `def`" in record.getMessage()


def test_a_callback_of_the_users_own_loop_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    def compute() -> None:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            pass

    asyncio.run(work(also=lambda: asyncio.get_running_loop().call_soon(compute)))
    assert [function.rpartition(".")[2] for _, function in places(caplog)] == ["compute"]


def test_a_short_pause_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(work("0.1 a", "0.1 b", lease_s=30))
    assert places(caplog) == []


def test_a_loop_that_waits_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    async def wait() -> None:
        workflow = workflow_of(compiled(TEXT))
        store = MemoryStore(lambda: time.time_ns() // 1000)
        async with Engine(store, [workflow(Handlers())], lease_s=0.9):
            await asyncio.sleep(1.5)

    asyncio.run(wait())
    assert places(caplog) == []


def test_a_loop_that_rests_between_two_calls_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    """As in a notebook: the engine stays open while nothing runs the loop."""
    workflow = workflow_of(compiled(TEXT))
    engine = Engine(MemoryStore(lambda: time.time_ns() // 1000), [workflow(Handlers())], lease_s=0.9)
    with asyncio.Runner() as runner:
        runner.run(engine.__aenter__())
        time.sleep(1.5)
        runner.run(engine.__aexit__())
    assert places(caplog) == []
