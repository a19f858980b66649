"""The progress check finds every way in which a run can be abandoned, and accepts sound runs."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opord.stores.sqlite.store import SqliteStore
from tests.progress.look import look
from tests.support.kit import Kit

DESK = """
contract Desk(id: str) key id
failure Line { Down transient }
event approve()
event hint() keep
effect find(id: str) -> str fails Line { retry 9 times backoff 1h to 1h }
action charge(id: str)
initial state Asked -> Looked {
  let found = perform find(id) else { Down -> goto Looked("") }
  goto Looked(found)
}
state Looked(found: str) -> Charging | Timed | Heard {
  on approve() -> goto Charging
  on cancel(reason) -> goto Heard
  after 1h -> goto Timed
}
state Heard -> Charging {
  on approve() -> goto Charging
}
state Timed -> Charged {
  after 24h -> goto Charged
}
state Charging -> Charged {
  commit charge(id)
  goto Charged
}
final state Charged success
"""


class Desk:
    def __init__(self, module: Any) -> None:
        self.module = module

    async def find(self, id: str) -> str:
        if id == "tried":
            raise self.module.Line.Down()
        if id == "stalled":
            raise ConnectionError("nobody there")
        return id

    async def charge(self, id: str, *, call: Any) -> None:
        if id == "doubtful":
            raise ConnectionError("the answer was lost")


NAMES = ("timed", "heard", "doubtful", "stalled", "ended", "tried", "fresh")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return a store with a run of each kind, and its clock's instant."""
    file = tmp_path_factory.mktemp("progress") / "runs.db"
    kit = Kit(DESK, Desk)
    kit.store = SqliteStore(file, clock=kit.clock.now)

    async def main() -> None:
        async with kit.engine() as engine:
            for name in NAMES[:-1]:
                await engine.start(kit.workflow, id=name)
            # Longer than the pauses before the stall, shorter than that of the sick partner.
            await asyncio.sleep(60)
            for name in ("doubtful", "ended"):
                await engine.send_event(f"Desk/{name}", "approve", {})
            await engine.send_event("Desk/heard", "cancel", {"reason": ""})
            await engine.send_event("Desk/heard", "hint", {})
            await engine.until_idle()
        async with kit.engine(serve=False) as engine:
            await engine.start(kit.workflow, id="fresh")

    kit.run(main())
    kit.check()
    kit.store.close()
    return file, kit.clock.now_us


@pytest.fixture
def spoilt(whole: tuple[Path, int], tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, Path, int]]:
    file, now = whole
    copy = tmp_path / "copy.db"
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    connection = sqlite3.connect(copy)
    yield connection, copy, now
    connection.close()


def test_each_run_waits_for_one_thing(whole: tuple[Path, int]) -> None:
    file, now = whole
    report = look(file, now_us=now)
    assert report.problems == []
    assert report.waits == {
        "waiting for a timer": 1, "waiting for an event": 1, "in doubt": 1, "stalled": 1, "ended": 1, "runnable": 1,
        "waiting for an attempt": 1,
    }  # fmt: skip


SERVED = "UPDATE workers SET alive_until = 9000000000000000, contracts = (SELECT json_array(digest) FROM contracts)"
SPOILINGS = {
    "due and left alone": ("fresh", f"UPDATE heads SET wake_at = wake_at - 20000000 WHERE run = :n; {SERVED}", "nobody looks"),
    "a lease that is over": ("fresh", "UPDATE heads SET worker = 'w', wake_at = wake_at - 20000000 WHERE run = :n", "nobody looks"),
    "runs, and nobody will look": ("fresh", "UPDATE heads SET wake_at = NULL WHERE run = :n", "nobody will look"),
    "held without an end": ("fresh", "UPDATE heads SET worker = 'w', wake_at = NULL WHERE run = :n", "held without an end"),
    "a timer that wakes nobody": ("timed", "UPDATE heads SET wake_at = NULL WHERE run = :n", "0 things at once"),
    "a timer that wakes too late": ("timed", "UPDATE heads SET wake_at = wake_at + 1 WHERE run = :n", "0 things at once"),
    "a wait that nobody can end": ("timed", "UPDATE heads SET wake_at = NULL, body = json_remove(body, '$.timers'), state = 'No' WHERE run = :n", "0 things"),
    "a wait in the middle of a step": ("heard", "UPDATE heads SET body = json_set(body, '$.pending', json('{\"now\":1}')) WHERE run = :n", "middle of a step"),
    "an attempt that nobody makes": ("tried", "UPDATE heads SET wake_at = NULL WHERE run = :n", "0 things at once"),
    "evidence nobody has looked at": ("heard", "UPDATE inbox SET kind = 'evidence' WHERE run = :n", "nobody has looked"),
    "stalled without a reason": ("stalled", "UPDATE heads SET reason = NULL WHERE run = :n", "without a reason"),
    "stalled and waiting": ("stalled", "UPDATE heads SET status = 'waiting' WHERE run = :n AND 1", "0 things"),
    "in doubt, nobody asked": ("doubtful", "UPDATE heads SET body = json_remove(body, '$.pending.intent.asking') WHERE run = :n", "nobody is asked"),
    "in doubt about nothing": ("doubtful", "UPDATE heads SET body = json_remove(body, '$.pending') WHERE run = :n", "about nothing"),
    "ended and looked after": ("ended", "UPDATE heads SET wake_at = 1 WHERE run = :n", "somebody is to look"),
    "ended without an outcome": ("ended", "UPDATE heads SET outcome = NULL WHERE run = :n", "without an outcome"),
    "ended with messages": ("ended", "UPDATE inbox SET run = :n", "messages wait"),
    "not ended with an outcome": ("timed", "UPDATE heads SET outcome = 'success' WHERE run = :n", "has the outcome"),
}  # fmt: skip


@pytest.mark.parametrize(("run", "change", "said"), SPOILINGS.values(), ids=SPOILINGS)
def test_an_abandoned_run_is_found(
    spoilt: tuple[sqlite3.Connection, Path, int], run: str, change: str, said: str
) -> None:
    connection, file, now = spoilt
    (number,) = connection.execute("SELECT id FROM runs WHERE run = ?", (f"Desk/{run}",)).fetchone()
    for one in change.split("; "):
        connection.execute(one, {"n": number} if ":n" in one else {})
    connection.commit()
    problems = look(file, now_us=now).problems
    assert any(problem.startswith(f"Desk/{run}: ") and said in problem for problem in problems), problems


def test_a_due_run_without_handlers_only_waits_for_a_worker(whole: tuple[Path, int]) -> None:
    file, now = whole
    # The timers are over by then, and no worker is alive.
    assert look(file, now_us=now + 10**12).problems == []


def test_the_check_imports_nothing_of_opord_and_is_a_program(whole: tuple[Path, int]) -> None:
    program = Path(__file__).with_name("look.py")
    assert "opord" not in program.read_text().split('"""', 2)[2].replace("opord.db", "")
    said = subprocess.run(
        [sys.executable, "-I", str(program), str(whole[0])], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert "1 in doubt, 1 " in said.stdout


def test_a_simulated_hour_of_everything_abandons_no_run(tmp_path: Path) -> None:
    """Workers come and go, and one is killed while it holds runs.

    In the end each run waits for something named.
    """
    from opord.testing.engines import kill

    kit = Kit(DESK, Desk, lease_s=2.0)
    file = tmp_path / "runs.db"
    kit.store = SqliteStore(file, clock=kit.clock.now)

    async def main() -> None:
        first = kit.engine()
        await first.__aenter__()
        for number in range(30):
            await first.start(kit.workflow, id=f"o{number}")
        await kill(first)
        async with kit.engine() as engine:
            await engine.until_idle()
            for number in range(0, 30, 2):
                await engine.send_event(f"Desk/o{number}", "approve", {})
            await asyncio.sleep(60)
            report = look(file, now_us=kit.clock.now_us)
            assert report.problems == []
            assert report.waits == {"ended": 15, "waiting for a timer": 15}

    kit.run(main())
