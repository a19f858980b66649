"""A worker tells at its start, and then each minute, what runs need that no process opens."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest

from opord.engine.look_lines import FIRST_AGAIN_S, NAMED_MOST, READ_MOST
from opord.kernel.needs import OVERDUE_US
from opord.kernel.open_needs import OpenNeed
from opord.stores.base import RunFilter, Write
from opord.story.needs import need_line
from opord.testing.crashing import Killed
from opord.testing.engines import kill
from tests.engine.contracts import ASKING, LOOKING, LOST
from tests.engine.desk import Sim
from tests.engine.watching import a_minute, sharing, watched, watching
from tests.support.kit import Kit
from tests.support.store import Fault, FaultyStore

WAITING = """
contract Waiting(n: int) key n version 1
event go()
initial state Asked -> Gone | Late {
  on go() -> goto Gone
  after 1h -> goto Late
}
final state Gone success
final state Late failure
"""


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Any:
    """Return the warnings about needs so far."""
    caplog.set_level(logging.WARNING, "opord.needs")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "opord.needs"]


def started(kit: Kit, count: int = 1) -> None:
    """Start runs without a worker."""

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            for n in range(count):
                await engine.start(kit.workflow, n=n)

    kit.run(main())


def opens_a_need(verb: str, args: tuple[Any, ...]) -> bool:
    """Say whether a call of the store puts a need on record."""
    return verb == "apply" and any(isinstance(one, Write) and one.head and one.head.needs for one in args[0])


def test_needs_that_were_open_at_the_start_are_one_line_for_each_reason(warned: Any) -> None:
    sim = Sim(ASKING, charge=[LOST]).rest()
    needs = watched(sim.kit, a_minute)
    assert warned()[1:] == ["1 run needs a person: doubt: Charging/1; `opord runs list --needs doubt`"]
    assert [(need.run, need.reason, need.key) for need in needs] == [("Charging/1", "doubt", "Charging/1/1")]


def test_of_many_open_needs_some_are_named_and_the_line_says_that_there_are_more(warned: Any) -> None:
    kit = Kit(LOOKING, lambda _: type("Handlers", (), {"look": lambda self, n: 1 / 0})())
    started(kit, READ_MOST + 5)

    async def carry() -> None:
        async with kit.engine():
            await kit.until(
                lambda: len(kit.store.runs(RunFilter(needs="stalled"), limit=200)) == READ_MOST + 5
            )

    kit.run(carry())
    before = len(warned())
    needs = watched(kit, a_minute)
    line, rest = warned()[before:]
    assert line.startswith(f"at least {READ_MOST} runs need a person: stalled: Lookup/104, Lookup/103, ")
    assert line.count("Lookup/") == NAMED_MOST
    assert line.endswith(", …; `opord runs list --needs stalled`")
    assert (
        rest
        == "5 runs need a person: stalled: Lookup/4, Lookup/3, Lookup/2, Lookup/1, Lookup/0; `opord runs list --needs stalled`"
    )
    assert len(needs) == READ_MOST + 5


def test_a_version_that_nobody_serves_is_told_at_the_start_and_again_at_growing_intervals(
    warned: Any,
) -> None:
    kit = Kit(ASKING, lambda _: type("Handlers", (), {"charge": lambda self, n, *, call: {"id": "r"}})())
    old = sharing(kit, LOOKING)
    started(old, 2)

    async def story() -> None:
        for _ in range(int(FIRST_AGAIN_S) // 60 * 4):
            await a_minute()

    needs = watched(kit, story)
    line = (
        "no live worker has handlers for Lookup version 1: 2 runs can go on (Lookup/0, Lookup/1); "
        "start a worker with that version"
    )
    assert warned() == [line, line, line]
    assert sorted((need.run, need.reason) for need in needs) == [
        ("Lookup/0", "unserved"),
        ("Lookup/1", "unserved"),
    ]
    assert needs[0].commands == (f"opord runs show {needs[0].run}",)


def test_runs_that_wait_without_a_worker_are_told_at_the_start_before_they_are_due(warned: Any) -> None:
    waiting = Kit(WAITING, lambda _: object())

    async def begin() -> None:
        async with waiting.engine() as engine:
            await engine.start(waiting.workflow, n=1)
            await waiting.until(lambda: waiting.row("Waiting/1").head.status == "waiting")

    waiting.run(begin())
    watched(sharing(waiting, LOOKING), a_minute)
    assert warned() == [
        "no live worker has handlers for Waiting version 1: 1 run of it has not ended; "
        "start a worker with that version before one is due"
    ]


def test_a_timer_that_nobody_fires_is_told_once(warned: Any) -> None:
    waiting = Kit(WAITING, lambda _: object())

    async def begin() -> None:
        async with waiting.engine() as engine:
            await engine.start(waiting.workflow, n=1)
            await waiting.until(lambda: waiting.row("Waiting/1").head.status == "waiting")

    waiting.run(begin())
    waiting.clock.advance(3600 + OVERDUE_US / 1e6)

    async def story() -> None:
        await a_minute()
        await a_minute()

    needs = watched(sharing(waiting, LOOKING), story)
    overdue = [line for line in warned() if " is due, and no worker has fired it" in line]
    (line,) = overdue
    assert line.startswith("Waiting/1 stands still in Asked: the timer ")
    assert line.endswith(" is due, and no worker has fired it; `opord runs show Waiting/1`")
    assert sorted(need.reason for need in needs) == ["overdue", "unserved"]


def test_a_worker_that_serves_everything_says_nothing(warned: Any) -> None:
    kit = Kit(LOOKING, lambda _: type("Handlers", (), {"look": lambda self, n: "found"})())
    started(kit, 3)
    assert watched(kit, a_minute) == []
    assert warned() == []


def test_a_need_whose_process_died_before_it_told_it_is_told_by_another_worker_that_runs(
    warned: Any,
) -> None:
    kit = Kit(ASKING, lambda _: type("Handlers", (), {"charge": lambda self, n, *, call: 1 / 0})())
    needs: list[OpenNeed] = []

    async def story() -> None:
        async with watching(sharing(kit, LOOKING), needs):
            await a_minute()
            dying = FaultyStore(kit.store, Fault(Killed, "apply", when="after", fits=opens_a_need))
            engine = kit.engine(store=dying)
            await engine.__aenter__()
            with contextlib.suppress(Exception):
                await engine.start(kit.workflow, n=1)
            await dying.died.wait()
            await kill(engine)
            assert warned() == []
            for _ in range(3):
                await a_minute()

    kit.run(story())
    assert kit.row("Charging/1").head.needs == "doubt"
    told = [line for line in warned() if line.startswith("Charging/1")]
    assert told == [need_line(need) for need in needs if need.reason == "doubt"]
    assert len(told) == 1
