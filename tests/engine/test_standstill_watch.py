"""A worker tells at its start and each minute what runs stand still for beside their needs."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import pytest

from opord.engine import crowding
from opord.engine.crowding import crowd_here
from opord.engine.environment import machine_of, worker_name
from opord.engine.look_lines import FIRST_AGAIN_S, NAMED_MOST
from opord.engine.takeovers import Takeovers
from opord.testing.engines import kill
from opord.values.types import Digest, Duration
from tests.engine.contracts import LOOKING
from tests.engine.watching import a_minute, sharing, watching
from tests.support.kit import Kit

FINDING = """
contract Finding(n: int) key n version 1
failure Sick { Down transient }
effect find(n: int) -> str fails Sick { retry 9 times backoff 1h to 1h }
initial state Searching -> Found | Failed {
  match perform find(n) {
    ok found -> goto Found(found)
    Down -> goto Failed
  }
}
final state Found(text: str) success
final state Failed failure
"""
PAYING = """
contract Paying(n: int) key n version 1
action pay(n: int) -> str { timeout 2h, in doubt ask }
phase Open {
  on cancel(reason) -> goto Stopped(reason)
  initial state Paid -> Done | Stopped {
    let number = commit pay(n)
    goto Done(number)
  }
}
final state Done(number: str) success
final state Stopped(reason: str) cancelled
"""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Any:
    """Return the lines of the log so far that name one of some words."""
    caplog.set_level(logging.INFO, "opord.worker")
    lines = lambda: [one.getMessage() for one in caplog.records if one.name == "opord.worker"]  # noqa: E731
    return lambda word: [line for line in lines() if word in line]


def finding() -> Kit:
    """Return a kit whose effect fails at each attempt, an hour apart."""

    def handlers(module: Any) -> object:
        class Handlers:
            def find(self, n: int) -> str:
                raise module.Sick.Down

        return Handlers()

    return Kit(FINDING, handlers)


def paying() -> Kit:
    """Return a kit whose action does not answer."""

    class Handlers:
        async def pay(self, n: int, *, call: Any) -> str:
            await asyncio.sleep(10**6)
            return "late"

    return Kit(PAYING, lambda _: Handlers())


def test_runs_between_two_attempts_are_told_at_the_start_and_again_at_growing_intervals(said: Any) -> None:
    kit = finding()

    async def story() -> None:
        async with kit.engine() as engine:
            for n in (1, 2):
                await engine.start(kit.workflow, n=n)
            await kit.until(lambda: len(kit.store.resting(limit=9)) == 2)
        async with watching(sharing(kit, LOOKING), []):
            for _ in range(int(FIRST_AGAIN_S) // 60 + 5):
                await a_minute()

    kit.run(story())
    first, again = said("between two attempts")
    assert first == again
    assert first.startswith("2 runs between two attempts of a call: Finding/1 (find, due at 20")
    assert first.endswith("; `opord runs list --status waiting`")


def test_a_run_that_begins_to_wait_for_an_attempt_is_told_in_the_next_look(said: Any) -> None:
    kit = finding()

    async def story() -> None:
        async with watching(sharing(kit, LOOKING), []), kit.engine() as engine:
            await a_minute()
            assert said("between two attempts") == []
            for n in range(NAMED_MOST + 1):
                await engine.start(kit.workflow, n=n)
            await a_minute()
            await a_minute()
            await engine.start(kit.workflow, n=99)
            await a_minute()

    kit.run(story())
    many, one = said("between two attempts")
    assert many.startswith("11 runs between two attempts of a call: ")
    assert (many.count("Finding/"), many.count(", …;")) == (NAMED_MOST, 1)
    assert one.startswith("12 runs between two attempts of a call: Finding/99 (find, due at ")


def test_a_cancel_that_waits_is_told_by_name_and_so_is_a_worker_that_died(said: Any) -> None:
    kit = paying()

    async def story() -> None:
        async with watching(sharing(kit, LOOKING), []):
            engine = kit.engine()
            await engine.__aenter__()
            await engine.start(kit.workflow, n=1)
            await kit.until(lambda: "intent" in kit.kinds("Paying/1"))
            await engine.send_event("Paying/1", "cancel", {"reason": "changed my mind"}, actor="ann")
            for _ in range(3):
                await a_minute()
            assert said("no sign of life") == []
            await kill(engine)
            for _ in range(3):
                await a_minute()

    kit.run(story())
    (line,) = said("messages wait")
    assert line.startswith("messages wait for 1 run until a state handles them: Paying/1 (cancel since 20")
    assert line.endswith("); `opord runs show Paying/1`")
    (gone,) = said("no sign of life")
    assert gone.startswith("the worker w1 shows no sign of life since 20")


def test_a_worker_that_ends_in_order_is_not_told(said: Any) -> None:
    kit = finding()

    async def story() -> None:
        async with watching(sharing(kit, LOOKING), []):
            async with kit.engine():
                await a_minute()
            await a_minute()

    kit.run(story())
    assert said("no sign of life") == []


def test_a_worker_that_begins_after_another_has_died_does_not_tell_of_it(said: Any) -> None:
    kit = finding()

    async def story() -> None:
        engine = kit.engine()
        await engine.__aenter__()
        await kill(engine)
        await a_minute()
        async with watching(sharing(kit, LOOKING), []):
            await a_minute()

    kit.run(story())
    assert said("no sign of life") == []


def test_a_worker_says_how_many_runs_it_has_taken_over_and_whose(said: Any) -> None:
    kit = paying()

    async def story() -> None:
        engine = kit.engine()
        await engine.__aenter__()
        for n in range(3):
            await engine.start(kit.workflow, n=n)
        await kit.until(lambda: all("intent" in kit.kinds(f"Paying/{n}") for n in range(3)))
        await kill(engine)
        async with kit.engine():
            await a_minute()

    kit.run(story())
    assert said("took over") == ["took over 3 runs of the worker w1: its leases had ended"]


def test_a_worker_that_takes_up_its_own_runs_again_says_so(said: Any) -> None:
    takeovers = Takeovers("w1")
    takeovers.note({"w1": 2, "w2": 1})
    takeovers.note({f"w{number}": 1 for number in range(2, 20)})
    takeovers.tell()
    takeovers.tell()
    lines = said("took")
    assert lines[0] == "took up 2 runs again: the leases had ended before this worker renewed them"
    assert lines[1] == "took over 2 runs of the worker w2: its leases had ended"
    assert (len(lines), lines[-1]) == (12, "took over 8 runs of other workers: their leases had ended")


def test_more_workers_than_cores_on_one_machine_are_told_once(
    said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowding, "usable_cores", lambda: 2)
    kit = finding()
    digest = Digest("0" * 64)
    here, a_day = socket.gethostname(), Duration(86_400_000_000)

    async def story() -> None:
        async with watching(kit, []):
            for name in (
                "elsewhere:1:a0",
                "elsewhere:2:a0",
                "elsewhere:3:a0",
                f"{here}:1:a0",
                f"{here}:2:a0",
            ):
                kit.store.heartbeat(name, [digest], ttl_us=a_day)
            kit.store.heartbeat(f"{here}:3:a0", [], ttl_us=a_day)  # it has no handlers
            await a_minute()
            assert said("of this machine") == []
            kit.store.heartbeat(f"{here}:4:a0", [digest], ttl_us=a_day)
            for _ in range(3):
                await a_minute()

    kit.run(story())
    (line,) = said("of this machine")
    assert line.startswith("3 live workers of this machine serve the store, and it has 2 cores for them; ")


def test_the_machine_of_a_worker_is_in_its_name() -> None:
    assert machine_of(worker_name()) == socket.gethostname()
    assert [machine_of(name) for name in ("w1", "a:1", "a:1:b:c", "")] == ["", "", "", ""]
    assert crowd_here([worker_name()]) is None
    assert crowd_here([worker_name()] * 2, cores=1) == (2, 1)
