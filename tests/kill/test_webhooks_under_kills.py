"""Deliveries of webhooks while the server is killed: each is done once, and none is lost.

Senders behave as real ones do: they repeat a delivery until it has an answer of 2xx, now and then
although it has one, and often several times at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from tests.server import signing
from tests.support.postgres import AnyServer

CONTRACT = """
contract Tally(id: str) key id version 1
record Mark { word: str }
event add(amount: int)
event noted(word: str)
initial state Open(mark: Mark = Mark { word: id }) -> Open | Closed {
  on add(amount) -> goto Open(mark)
  on noted(word) -> goto Open(mark)
  after 30d -> goto Closed
}
final state Closed success
"""

ROUTES = """
[webhooks.added]
path = "/hooks/added"
scheme = "standard"
secrets = ["env:HOOK_SECRET"]
event = "Tally.add"
run = "body.tally"
args = { amount = "body.amount" }

[webhooks.noted]
path = "/hooks/noted"
scheme = "standard"
secrets = ["env:HOOK_SECRET"]
event = "Tally.noted"
where = "mark.word = body.tally"
args = { word = "text:-" }

[webhooks.opened]
path = "/hooks/opened"
scheme = "standard"
secrets = ["env:HOOK_SECRET"]
start = "Tally"
args = { id = "body.tally" }
"""

SERVE = [sys.executable, "-c", "from opord.cli import main; main()", "serve", "--contract", "tally.opord"]

KILLS, DELIVERIES, TALLIES = 4, 9, 3


class Server:
    """`opord serve`, killed and started again at one address."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "tally.opord").write_text(CONTRACT)
        (folder / "opord.toml").write_text(ROUTES)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.url = folder, url
        self.process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths, "HOOK_SECRET": signing.STANDARD}
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*SERVE, "--port", str(self.port), "--store", self.url],
                cwd=self.folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def besiege(self, chance: random.Random, until: asyncio.Event) -> None:
        """Kill the server again and again, soon after it has begun to answer."""
        while not until.is_set():
            async with httpx.AsyncClient() as web:
                while True:
                    try:
                        await web.get(f"http://127.0.0.1:{self.port}/livez", timeout=1)
                        break
                    except httpx.HTTPError:
                        await asyncio.sleep(0.02)
            await asyncio.sleep(chance.uniform(0.01, 0.2))
            if self.kills == KILLS:
                await until.wait()
                return
            self.kill()
            self.kills += 1
            self.start()


class Sender:
    """Delivers until it is told that it need not come again."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.chance = chance
        self.did: dict[str, list[str]] = {}

    async def deliver(self, path: str, id: str, payload: Any) -> None:
        body = signing.as_body(payload)
        deadline = time.monotonic() + 60
        async with httpx.AsyncClient(base_url=self.address, timeout=5) as web:
            while True:
                assert time.monotonic() < deadline, f"{id} was never taken"
                await asyncio.sleep(self.chance.uniform(0, 0.05))
                try:
                    said = await web.post(path, content=body, headers=signing.standard(body, id))
                except httpx.HTTPError:
                    continue
                if said.status_code == 200:
                    self.did.setdefault(id, []).append(said.json()["did"])
                    if self.chance.random() < 0.7:
                        return
                elif said.status_code not in (404, 429, 503):
                    raise AssertionError(said.text)


async def story(server: Server, seed: int) -> Sender:
    """Deliver, wave after wave, until the server was killed often enough."""
    chance = random.Random(seed)
    sender, over = Sender(server.port, chance), asyncio.Event()
    server.start()
    siege = asyncio.create_task(server.besiege(chance, over))
    waves = 0
    try:
        await asyncio.gather(
            *(sender.deliver("/hooks/opened", f"open-{n}", {"tally": f"t{n}"}) for n in range(TALLIES))
        )
        while server.kills < KILLS:
            wave = [
                (path, f"{path[-5:]}-{waves}-{n}", {"tally": f"t{n % TALLIES}", "amount": n})
                for n in range(DELIVERIES)
                for path in ("/hooks/added", "/hooks/noted")
            ]
            # Each by two senders at once, and all of them at any time.
            await asyncio.gather(*(sender.deliver(*one) for one in wave * 2))
            waves += 1
    finally:
        over.set()
        await siege
        server.kill()
    return sender


async def taken(url: str) -> Counter[str]:
    """Return how often each delivery stands in the journals."""
    found: Counter[str] = Counter()
    async with opord.Engine(url, []) as engine:
        for n in range(TALLIES):
            async for record in engine.backend.records(f"Tally/t{n}"):  # type: ignore[arg-type]
                body = json.loads(record.body)
                if "delivery" in body:
                    found[body["delivery"].split()[1]] += 1
        async for verified in engine.backend.verify():
            assert not verified.problems
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_server_neither_loses_nor_repeats_a_delivery(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    if kind == "postgres":
        server: AnyServer = request.getfixturevalue("postgres")
        url = server.url(schema=f"s_{os.getpid()}_{tmp_path.name[-6:]}".replace("-", "_").lower())
    else:
        url = f"sqlite:///{tmp_path}/tallies.db"
    sender = asyncio.run(story(Server(tmp_path, url), seed=7))
    found = asyncio.run(taken(url))
    assert found == Counter(dict.fromkeys(sender.did, 1))
    assert len(found) >= TALLIES + 2 * DELIVERIES
