"""Worker, sender and receiver are killed: nothing is lost, and each run's order is kept."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import opord
from opord.kernel.outgoing import MOVES
from opord.server.outgoing.signing import new_secret
from opord.values.types import RunId
from tests.server.kit import REFUND, load_refund

HERE = Path(__file__).parent
RUNS = 40
ROUNDS = 8

HANDLERS = """
import asyncio


class Handlers:
    async def pay(self, order, cents, *, call):
        await asyncio.sleep(0.05)
        return f"t-{order}"
"""

SETTINGS = """
[webhooks_out.billing]
url = "http://127.0.0.1:{port}/opord"
secrets = ["env:SECRET"]
allow_private = true
"""


class Stage:
    """The processes, each of which may be killed and begun anew."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.noted, self.secret = folder, folder / "noted.jsonl", new_secret()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "opord.toml").write_text(SETTINGS.format(port=self.port))
        (folder / "bank.py").write_text(HANDLERS)
        store = ["--store", "sqlite:///refunds.db"]
        self.commands = {
            "worker": [
                *("-m", "opord", "worker", "--contract", "refund.opord", "--handlers", "bank:Handlers"),
                *("--lease", "1s", *store),
            ],
            "sender": [str(HERE / "impatient_sender.py"), "webhooks", "send", *store],
            "receiver": [str(HERE / "moody_receiver.py"), str(self.port), str(self.noted), self.secret],
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.begun = 0

    def begin(self, name: str) -> None:
        """Begin a process."""
        self.begun += 1
        more = [str(self.begun)] if name == "receiver" else []
        environ = {**os.environ, "SECRET": self.secret}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *self.commands[name], *more],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=environ,
            )

    def kill(self, name: str) -> None:
        """Kill a process."""
        self.processes[name].kill()
        self.processes[name].wait()

    def received(self) -> list[tuple[str, int, str]]:
        """Return what was noted: run, seq and id, in the order in which it came."""
        return (
            [tuple(json.loads(line)) for line in self.noted.read_text().splitlines()]
            if self.noted.exists()
            else []
        )


async def until_empty(engine: opord.Engine) -> None:
    """Wait until no message waits."""
    while True:
        endpoints = await engine.backend.read_outbox(lambda box: box.endpoints())
        if not any(one.waiting for one in endpoints):
            return
        await asyncio.sleep(0.1)


def test_nothing_is_lost_and_each_runs_order_is_kept(tmp_path: Path) -> None:
    flow = load_refund(tmp_path, REFUND.replace("{ in doubt ask }", "{ key order, in doubt repeat }"))
    stage = Stage(tmp_path)
    store = f"sqlite:///{tmp_path}/refunds.db"
    chance = random.Random(7)

    async def act() -> dict[tuple[str, int], None]:
        settings = {"billing": {"url": "https://elsewhere.example/", "secrets": ["env:SECRET"]}}
        async with opord.Engine(store, [flow], webhooks_out=settings) as engine:
            for name in stage.commands:
                stage.begin(name)
            for number in range(RUNS):
                run = await engine.start(flow, order=str(number), cents=900)
                await run.as_("ann", role="clerk").send.approve(note="ok")
                if number % (RUNS // ROUNDS) == 0:
                    await asyncio.sleep(0.7)
                    name = chance.choice([*stage.commands])
                    stage.kill(name)
                    stage.begin(name)
            async with asyncio.timeout(120):
                for number in range(RUNS):
                    handle = await engine.backend.end_of(RunId(f"Refund/{number}"))
                    assert handle.head.status == "ended"
                await until_empty(engine)
            return {
                (f"Refund/{number}", record.seq): None
                for number in range(RUNS)
                async for record in engine.backend.records(RunId(f"Refund/{number}"))
                if record.kind in MOVES
            }

    try:
        moves = asyncio.run(act())
        time.sleep(1)
    finally:
        for name in stage.processes:
            stage.kill(name)
    received = stage.received()
    assert {(run, seq) for run, seq, _ in received} == moves.keys(), "nothing is lost, and nothing invented"
    ids = {(run, seq, id) for run, seq, id in received}
    assert len(ids) == len(moves) == len({id for *_, id in ids}), "a message comes again with its id"
    for number in range(RUNS):
        first = [*dict.fromkeys(seq for run, seq, _ in received if run == f"Refund/{number}")]
        assert first == sorted(first), f"Refund/{number} came out of order"
    assert len(received) > len(moves), "the receiver was moody"
