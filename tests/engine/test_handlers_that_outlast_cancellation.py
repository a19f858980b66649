"""A coroutine that does not let itself be cancelled is given up at its time-out, as a thread is.

What it brings later is evidence of an action. The run, the drain and the other runs keep their
limits, whatever it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.stores.memory import MemoryStore
from tests.support.contracts import compiled, workflow_of
from tests.support.kit import Kit

TEXT = """
contract Stubborn(id: str) key id version 1
failure Refusal { No(why: str) settles }
effect look(id: str) -> str { timeout 2s }
action pay(id: str) -> str fails Refusal {
  in doubt ask
  timeout 5s
}
initial state Asking -> Paying | Silent {
  match perform look(id) {
    ok found -> goto Paying(found)
    TimedOut -> goto Silent
  }
}
state Paying(found: str) -> Done | Refused {
  match commit pay(found) {
    ok paid -> goto Done(paid)
    No(why) -> goto Refused(why)
  }
}
final state Done(paid: str) success
final state Refused(why: str) failure
final state Silent failure
"""


async def swallow(seconds: float) -> None:
    """Wait, and take no notice of cancellations."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(left)


async def tidy_up(seconds: float) -> None:
    """Wait, and tidy up slowly when cancelled."""
    try:
        await asyncio.sleep(10**6)
    finally:
        await asyncio.sleep(seconds)


async def shielded(seconds: float) -> None:
    """Wait for a task of its own, also when cancelled."""
    work = asyncio.ensure_future(asyncio.sleep(seconds))
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(work)


async def nested(seconds: float) -> None:
    """Wait in a task group that waits for such a task."""
    async with asyncio.TaskGroup() as group:
        group.create_task(swallow(seconds))


STUBBORN = [swallow, shielded, nested, tidy_up]


class Handlers:
    def __init__(self, look: Callable[[], Awaitable[Any]] | None, pay: Callable[[], Awaitable[Any]] | None):
        self._look, self._pay = look, pay

    async def look(self, id: str) -> str:
        if self._look is not None:
            await self._look()
        return id

    async def pay(self, id: str, *, call: Any) -> str:
        if self._pay is not None:
            await self._pay()
        return "paid"


def kit_with(look: Any = None, pay: Any = None) -> Kit:
    return Kit(TEXT, lambda module: Handlers(look, pay))


def elapsed(kit: Kit) -> float:
    return kit.clock.monotonic()


@pytest.mark.parametrize("stubborn", [swallow, shielded])
def test_an_action_is_in_doubt_on_time_and_its_late_answer_ends_the_doubt(stubborn: Any) -> None:
    kit = kit_with(pay=lambda: stubborn(60))

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await kit.until(lambda: kit.row("Stubborn/a").head.status == "in_doubt", seconds=10)
            assert 5 <= elapsed(kit) < 6
            await kit.until(lambda: kit.row("Stubborn/a").head.status == "ended", seconds=100)
            assert 60 <= elapsed(kit) < 61

    kit.run(story())
    assert kit.row("Stubborn/a").head.state == "Done"
    assert "evidence" in kit.kinds("Stubborn/a")
    kit.check()


@pytest.mark.parametrize("stubborn", STUBBORN)
def test_an_effect_has_timed_out_on_time(stubborn: Any) -> None:
    kit = kit_with(look=lambda: stubborn(60))

    async def story() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            assert type(await run.result()).__name__ == "Silent"
            assert 2 <= elapsed(kit) < 3

    kit.run(story())
    kit.check()


@pytest.mark.parametrize("stubborn", [nested, tidy_up])
def test_a_handler_that_is_slow_to_give_in_leaves_the_action_in_doubt(stubborn: Any) -> None:
    kit = kit_with(pay=lambda: stubborn(60))

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await asyncio.sleep(100)
            assert kit.row("Stubborn/a").head.status == "in_doubt"

    kit.run(story())
    assert "evidence" not in kit.kinds("Stubborn/a")
    kit.check()


def test_a_late_failure_that_settles_ends_the_doubt_too() -> None:
    module = compiled(TEXT)

    async def refuse() -> None:
        await swallow(60)
        raise module.Refusal.No(why="no money")

    kit = kit_with(pay=refuse)

    async def story() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            assert (await run.result()).why == "no money"

    kit.run(story())
    kit.check()


def test_what_a_handler_says_at_once_when_it_is_cancelled_counts() -> None:
    module = compiled(TEXT)

    async def refuse() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise module.Refusal.No(why="broken off") from None

    kit = kit_with(pay=refuse)

    async def story() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            assert (await run.result()).why == "broken off"
            assert 5 <= elapsed(kit) < 6

    kit.run(story())
    kit.check()


def test_the_end_of_a_call_that_was_given_up_is_logged_by_name(caplog: pytest.LogCaptureFixture) -> None:
    kit = kit_with(look=lambda: swallow(60))

    async def story() -> None:
        logging.getLogger("opord").setLevel(logging.INFO)
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await asyncio.sleep(10)
            names = {task.get_name() for task in asyncio.all_tasks()}
            assert "opord: look of Stubborn/a, given up" in names
            await asyncio.sleep(60)

    with caplog.at_level(logging.INFO):
        kit.run(story())
    assert "look of Stubborn/a ended 58.0 s after it was given up" in caplog.text


@pytest.mark.parametrize("stubborn", STUBBORN)
def test_a_drain_keeps_its_limit(stubborn: Any) -> None:
    """In real time: the engine closes while a handler takes no notice of anything."""
    workflow = workflow_of(compiled(TEXT))
    took: list[float] = []

    async def story() -> None:
        engine = Engine(
            MemoryStore(lambda: time.time_ns() // 1000),
            [workflow(Handlers(lambda: stubborn(4), None))],
            drain_s=0.2,
        )
        async with engine:
            await engine.start(workflow, id="a")
            await asyncio.sleep(0.1)
            began = time.monotonic()
        took.append(time.monotonic() - began)

    asyncio.run(story())
    assert took[0] < 3


def test_a_handler_keeps_its_task_and_its_context() -> None:
    """Its own time limits and scopes belong to the task in which they began."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
    seen: list[Any] = []

    async def look() -> None:
        token = variable.set("look")
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(0.5):
                await asyncio.sleep(60)
        except TimeoutError:
            seen.append(asyncio.current_task() is task)
        await asyncio.sleep(0.5)
        seen.append(variable.get())
        variable.reset(token)

    kit = kit_with(look=look)

    async def story() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            assert type(await run.result()).__name__ == "Done"

    kit.run(story())
    assert seen == [True, "look"]
    kit.check()


def test_a_handler_that_answers_at_once_costs_no_task() -> None:
    kit = kit_with()

    async def story() -> None:
        async with kit.engine() as engine:
            loop = asyncio.get_running_loop()
            made: list[str] = []

            def factory(loop: Any, work: Any, **options: Any) -> asyncio.Task[Any]:
                made.append(work.__qualname__)
                return asyncio.Task(work, loop=loop, **options)

            loop.set_task_factory(factory)
            run = await engine.start(kit.workflow, id="a")
            await run.result()
            loop.set_task_factory(None)
            assert made == ["Relay._carry"]

    kit.run(story())


def test_other_runs_go_on_while_a_handler_hangs() -> None:
    class Some(Handlers):
        async def look(self, id: str) -> str:
            if id.startswith("bad"):
                await swallow(3600)
            return id

    kit = Kit(TEXT, lambda _: Some(None, None))

    async def story() -> None:
        async with kit.engine(concurrency=3) as engine:
            for number in range(10):
                await engine.start(kit.workflow, id=f"bad{number}")
            run = await engine.start(kit.workflow, id="good")
            assert type(await run.result()).__name__ == "Done"
            assert elapsed(kit) < 20

    kit.run(story())
    kit.check()
