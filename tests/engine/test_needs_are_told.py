"""Each need is a warning once, with the next command, and reaches the program by `on_need`."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.drive.errors import EventRefused
from opord.engine.need_calls import CALL_LIMIT_S, NeedCalls
from opord.kernel.inbox import Evidence
from opord.kernel.instants import to_datetime
from opord.kernel.open_needs import OpenNeed, next_commands, open_needs
from opord.story.needs import need_line
from tests.engine.contracts import ASKING, LOOKING, LOST
from tests.engine.desk import Here, Sim, fails

PACKING = """
contract Packing(n: int) key n version 1
action pack(kg: int) -> str { key "box" }
initial state First -> Second {
  commit pack(1)
  goto Second
}
state Second -> Done {
  commit pack(2)
  goto Done
}
final state Done success
"""


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Any:
    """Return the warnings about needs so far."""
    caplog.set_level(logging.WARNING, "opord.needs")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "opord.needs"]


def told(sim: Sim, *stories: Any, on_need: Any = None, **options: Any) -> list[OpenNeed]:
    """Tell stories and return the needs that the program was called with."""
    needs: list[OpenNeed] = []

    def keep(need: OpenNeed) -> Any:
        needs.append(need)
        return on_need(need) if on_need is not None else None

    sim.tell(*(stories or [lambda here: here.rests()]), on_need=keep, **options)
    return needs


def test_a_doubt_that_a_person_is_asked_about_is_told_with_its_key_and_the_commands(warned: Any) -> None:
    sim = Sim(ASKING, charge=[LOST])
    (need,) = told(sim)
    assert (need.run, need.contract, need.version, need.state) == ("Charging/1", "Charging", 1, "Charging")
    assert (need.reason, need.roles) == ("doubt", ("operator",))
    assert (need.call, need.key, need.attempt) == ("charge", "Charging/1/1", 1)
    assert need.since == to_datetime(sim.run.intent.given_up_at) if sim.run.intent else False
    assert need.commands == (
        "opord runs resolve Charging/1 --seen 3 --happened RESULT",
        "opord runs resolve Charging/1 --seen 3 --did-not-happen",
    )
    (line,) = warned()
    assert line.startswith("Charging/1 in doubt in Charging: nobody knows whether charge happened: ")
    assert line.endswith(
        "(key Charging/1/1); look at the other side, then "
        "`opord runs resolve Charging/1 --seen 3 --happened RESULT` or "
        "`opord runs resolve Charging/1 --seen 3 --did-not-happen`"
    )


def test_the_commands_that_are_told_are_accepted() -> None:
    """The number in `--seen` is that of the record that opened the need."""

    async def story(here: Here) -> None:
        await here.rests()
        await here.client.resolve(here.sim.id, happened=False, seen=3, actor="ann")
        await here.rests()

    sim = Sim(ASKING, charge=[LOST, {"id": "r1"}]).tell(story)
    assert sim.state == "Charged"


def test_a_stall_is_told_with_its_call(warned: Any) -> None:
    (need,) = told(Sim(LOOKING, look=[LookupError("no such number")]))
    assert (need.reason, need.call, need.key) == ("stalled", "look", None)
    assert need.commands == ("opord runs resume Lookup/1",)
    (line,) = warned()
    assert line.startswith("Lookup/1 stalled in Looking, calling look: LookupError: no such number (")
    assert line.endswith("; mend it, then `opord runs resume Lookup/1`")


WEIGHING = """
contract Weighing(n: int) key n version 1
event weigh(x: int)
effect scale(x: int) -> int
initial state Open(kg: int = 0) -> Open | Done {
  on weigh(x) {
    let y = perform scale(x)
    goto Open(100 // y)
  }
  after 30d -> goto Done(100 // kg)
}
final state Done(kg: int) success
"""


def test_a_stall_by_an_event_is_told_with_the_command_that_takes_the_event_out(warned: Any) -> None:
    async def story(here: Here) -> None:
        await here.send("weigh", x=1)
        await here.until(lambda: here.sim.status == "stalled")

    sim = Sim(WEIGHING, scale=[0])
    (need,) = told(sim, story)
    event = sim.record("event")["id"]
    assert need.commands == (
        "opord runs resume Weighing/1",
        f"opord runs drop-event Weighing/1 {event} --reason …",
    )
    (line,) = warned()
    assert line.endswith(
        f"; mend it, then `{need.commands[0]}`; if it would only stall again, `{need.commands[1]}`"
    )


def test_a_stall_of_the_contract_itself_is_told_with_the_command_that_ends_the_run(warned: Any) -> None:
    async def story(here: Here) -> None:
        await here.leap("31d")
        with pytest.raises(EventRefused) as refused:
            await here.send("weigh", x=1)
        assert "or `opord runs terminate Weighing/1 --reason …` if it would only stall again" in str(
            refused.value
        )

    (need,) = told(Sim(WEIGHING), story)
    assert need.commands == (
        "opord runs resume Weighing/1",
        "opord runs terminate Weighing/1 --reason …",
    )
    assert "DivisionByZero: division by zero" in warned()[0]


def test_a_second_stall_of_the_same_run_is_told_again(warned: Any) -> None:
    async def story(here: Here) -> None:
        await here.rests()
        await here.resume()
        await here.wait(1)
        await here.rests()

    needs = told(Sim(LOOKING, look=[LookupError("one"), LookupError("two")]), story)
    assert [need.detail[:16] for need in needs] == ["LookupError: one", "LookupError: two"]
    assert len(warned()) == 2


def test_a_collision_is_told_with_both_answers(warned: Any) -> None:
    needs = told(Sim(PACKING, pack=["box 1"]))
    (need,) = needs
    assert (need.reason, need.call, need.key) == ("collision", "pack", "box")
    assert need.commands[0].endswith(" --happened")
    assert need.commands[1].endswith(" --another")
    (line,) = warned()
    assert "takes the result on record" in line
    assert "commits it as another one" in line


def test_an_alarm_is_told_once_and_again_for_a_second_one(warned: Any) -> None:
    async def story(here: Here) -> None:
        await here.rests()
        for attempt in (1, 2):
            await here.client.late(
                here.sim.id, Evidence(2, "charge", attempt, "ok", {"id": "r"}, f"w{attempt}")
            )

    sim = Sim(ASKING, charge=[fails("Problem.Busy"), fails("Problem.Refused")])
    needs = told(sim, story)
    assert [(need.reason, need.attempt) for need in needs] == [("alarm", 1), ("alarm", 2)]
    assert [need.commands for need in needs] == [
        (f"opord runs acknowledge Charging/1 --seen {seen} --reason …",) for seen in (needs_seen(sim))
    ]
    assert len(warned()) == 2


def needs_seen(sim: Sim) -> list[int]:
    return [record["seq"] for record in sim.records("alarm")]


def test_a_run_that_cannot_be_carried_is_told(warned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine itself fails, and stalls the run."""
    from opord.drive.steps import Steps

    async def broken(*_: Any) -> Any:
        raise RuntimeError("a bug in the engine")

    monkeypatch.setattr(Steps, "carry", broken)
    (need,) = told(Sim(LOOKING, look=["x"]))
    assert need.reason == "stalled"
    assert "a bug in the engine" in warned()[0]


def test_a_question_that_evidence_answers_before_it_is_durable_is_not_told() -> None:
    """Nobody is asked about a doubt that is over."""
    sim = Sim(ASKING, charge=[{"id": "r1"}])
    assert told(sim) == []


def test_an_exception_in_on_need_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(need: OpenNeed) -> None:
        raise SystemExit(3) if need.run == "Lookup/1" else ValueError("no")

    sim = Sim(LOOKING, look=[LookupError("one")])
    with caplog.at_level(logging.ERROR, "opord.needs"):
        assert len(told(sim, on_need=broken)) == 1
    assert "on_need failed with the need of Lookup/1 (stalled)" in caplog.text
    assert sim.status == "stalled"


def test_on_need_may_be_async_and_is_awaited_when_the_engine_closes() -> None:
    sim = Sim(LOOKING, look=[LookupError("one")])
    seen: list[str] = []

    async def slow(need: OpenNeed) -> None:
        await asyncio.sleep(2)
        seen.append(need.run)

    told(sim, on_need=slow)
    assert seen == ["Lookup/1"]


def a_need(run: str = "Lookup/1", **given: Any) -> OpenNeed:
    common = {"contract": "Lookup", "version": 1, "state": "Looking", "roles": ("operator",), "detail": "why"}
    whole = {**common, "reason": "stalled", "since": to_datetime(5), **given}
    return OpenNeed(run=run, commands=next_commands(whole["reason"], run, seen=3), **whole)  # type: ignore[arg-type]


def test_the_same_need_is_handed_over_once() -> None:
    seen: list[OpenNeed] = []

    async def story() -> None:
        calls = NeedCalls(seen.append, threads=False)
        for need in (a_need(), a_need(), a_need(since=to_datetime(6))):
            calls.put(need)
        await calls.stop(5)

    asyncio.run(story())
    assert seen == [a_need(), a_need(since=to_datetime(6))]


def test_a_plain_on_need_that_hangs_holds_neither_the_loop_nor_the_next_need(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("opord.engine.need_calls.CALL_LIMIT_S", 0.05)
    free = threading.Event()
    seen: list[str] = []

    def hangs(need: OpenNeed) -> None:
        if need.run == "Lookup/1":
            free.wait(30)
        seen.append(need.run)

    async def story() -> None:
        calls = NeedCalls(hangs)
        calls.put(a_need())
        calls.put(a_need("Lookup/2"))
        await calls.stop(20)
        free.set()

    with caplog.at_level(logging.ERROR, "opord.needs"):
        asyncio.run(story())
    assert seen[0] == "Lookup/2"
    assert "on_need took longer than 0.05 s with the need of Lookup/1" in caplog.text
    assert CALL_LIMIT_S > 1


def test_a_command_can_be_pasted_whatever_the_name_of_the_run() -> None:
    assert next_commands("stalled", "Lookup/it's") == ("opord runs resume 'Lookup/it'\"'\"'s'",)
    assert "\x1b" not in need_line(a_need("Lookup/\x1b[31m"))


def test_needs_can_be_told_from_the_row_alone() -> None:
    """A worker tells needs of contracts that it does not have, by what their rows say."""
    sim = Sim(ASKING, charge=[LOST])
    (opened,) = told(sim)
    row = sim.kit.row(sim.id)
    assert open_needs(row) == [opened]
    damaged = row.replace(head=row.head.replace(body="[]"))
    (need,) = open_needs(damaged)
    assert (need.reason, need.since, need.detail) == ("doubt", None, row.head.reason)


PROGRAM = """
import asyncio, opord
lookup = opord.load("lookup.opord")

class Handlers:
    def look(self, n):
        raise LookupError("no such number")

def page(need):
    print("paged for", need.run, need.reason, "->", need.commands[0])

async def main():
    async with opord.Engine("sqlite:///opord.db", [lookup.Lookup(Handlers())], on_need=page) as engine:
        run = await engine.start(lookup.Lookup, n=1)
        await engine.until_idle()

asyncio.run(main())
"""


def test_a_program_without_logging_sees_the_warning_on_stderr(tmp_path: Path) -> None:
    """Python's last resort writes warnings of loggers that nobody has set up."""
    (tmp_path / "lookup.opord").write_text(LOOKING)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.startswith("Lookup/1 stalled in Looking, calling look: LookupError: no such number (")
    assert ran.stderr.count("Lookup/1 stalled in Looking, ") == 1
    assert ran.stdout == "paged for Lookup/1 stalled -> opord runs resume Lookup/1\n"


def test_the_value_is_public() -> None:
    assert opord.OpenNeed is OpenNeed
