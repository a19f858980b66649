"""Processes under measure: their answers, how orders are counted, and what a tree of them uses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.peers.part import Part, closed_loop, fill
from bench.peers.processes import Part as PartProcess
from bench.peers.processes import PartFailed, memory_mib, processor_s, tree
from bench.peers.provider import HELD, Provider, an_order


class AClient:
    """Takes a moment for each order; the orders above a number never end."""

    def __init__(self, endless_from: int = 1_000_000) -> None:
        self.numbers: list[int] = []
        self._endless_from = endless_from

    async def order(self, number: int) -> None:
        self.numbers.append(number)
        await asyncio.sleep(0.01 if number < self._endless_from else 3600)

    async def start_held(self, number: int) -> None:
        self.numbers.append(number)
        await asyncio.sleep(0.001)

    async def start_waiting(self, number: int) -> None:
        raise ValueError("there is no bell")

    async def loop(self, name: str, steps: int) -> None:
        raise ValueError(f"{name} cannot make {steps} steps")


def test_each_client_starts_an_order_when_its_last_one_has_ended() -> None:
    client = AClient()
    found = asyncio.run(closed_loop(client, 5, clients=3, seconds=0.2))
    assert client.numbers == list(range(5, 5 + found["orders"]))
    assert found["orders"] <= 3 * (0.2 / 0.01 + 1)
    assert found["p50_ms"] >= 10
    assert found["rate"] == pytest.approx(found["orders"] / 0.2, rel=0.5)


def test_orders_that_do_not_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.peers.part.GRACE_S", 0.1)
    found = asyncio.run(closed_loop(AClient(endless_from=4), 0, clients=3, seconds=0.1))
    assert (found["orders"], found["given_up"]) == (4, 3)
    none = asyncio.run(closed_loop(AClient(endless_from=0), 0, clients=1, seconds=0.05))
    assert (none["orders"], none["rate"], none["given_up"], none["p50_ms"]) == (0, 0.0, 1, None)


def test_so_many_runs_are_started_and_no_more() -> None:
    client = AClient()
    found = asyncio.run(fill(client.start_held, 10, count=25, at_once=4, seconds=60))
    assert (found["started"], sorted(client.numbers)) == (25, list(range(10, 35)))
    short = asyncio.run(fill(AClient().start_held, 0, count=1_000_000, at_once=4, seconds=0.05))
    assert 4 <= short["started"] < 1_000


def test_a_loop_that_fails_says_how() -> None:
    async def ask() -> dict[str, object]:
        part = Part(AClient(), Provider(holds=False))
        await part.carry_out("loop", name="long", steps=3)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answer: dict[str, object] = await part.carry_out("loop ended", name="long")
        return answer

    assert asyncio.run(ask()) == {"done": True, "error": "ValueError: long cannot make 3 steps"}


def test_an_order_is_held_only_by_a_worker_that_holds() -> None:
    async def look_up(*, holds: bool) -> tuple[bool, int]:
        provider = Provider(holds=holds)
        task = asyncio.ensure_future(provider.load_customer(an_order(1, held=True)["customer"]))
        await asyncio.sleep(0.01)
        done, held = task.done(), provider.counts()["held"]
        task.cancel()
        return done, held

    assert an_order(1, held=True)["customer"] == HELD
    assert asyncio.run(look_up(holds=True)) == (False, 1)
    assert asyncio.run(look_up(holds=False)) == (True, 0)


def test_the_orders_of_one_process_end_on_a_file(tmp_path: Path) -> None:
    setting = {"url": f"sqlite:///{tmp_path}/orders.db"}
    part = PartProcess(Path(sys.executable), "opord", "both", setting, tmp_path / "log")
    try:
        found = part.ask("orders", first=0, clients=5, seconds=0.2)
        assert part.ask("counts")["ended"] == found["orders"] > 0
        part.ask("loop", name="long", steps=20)
        end = time.monotonic() + 30
        while not part.ask("loop ended", name="long")["done"] and time.monotonic() < end:
            time.sleep(0.05)
        assert part.ask("loop ended", name="long") == {"done": True, "error": None}
        assert part.ask("pace", name="long")["steps"] == 20
        with pytest.raises(PartFailed, match="expected a command, got: dance"):
            part.ask("dance")
    finally:
        part.kill()


def test_a_part_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match=r"No module named 'bench\.peers\.on_nothing'"):
        PartProcess(Path(sys.executable), "nothing", "both", {}, tmp_path / "log")


def test_a_tree_counts_its_children_also_when_they_have_ended() -> None:
    burn = "import time; e = time.process_time() + {}\nwhile time.process_time() < e: pass"
    script = (
        "import subprocess, sys, time\n"
        f"subprocess.run([sys.executable, '-c', {burn.format(0.3)!r}])\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('ready', flush=True); sys.stdin.readline(); child.kill()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(tree(process.pid)) == 2
        assert processor_s(process.pid) >= 0.3
        assert 5 < memory_mib(process.pid) < 100
    finally:
        process.communicate("\n", timeout=30)
    assert memory_mib(process.pid) == 0
