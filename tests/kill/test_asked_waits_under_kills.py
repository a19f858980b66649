"""Waits that the other side asks for, while workers are killed: real processes, and a provider.

The provider notes when it is asked. What a journal says that a worker heard of a wait has to hold,
whichever worker asks next.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.values.duration import parse_duration
from tests.kill.besieged import Besieged, url_of
from tests.support.postgres import AnyServer

CONTRACT = """
contract Order(id: str) key id version 1
failure Api { TooMany(wait: duration) transient wait at most 2s, Refused settles }
event ring()
effect look(id: str) -> str fails Api { retry 8 times backoff 10ms to 20ms, timeout 5s }
action charge(id: str) -> str fails Api { key id, retry 8 times backoff 10ms to 20ms, timeout 5s, in doubt repeat }
action book(id: str) -> str fails Api in transaction { retry 8 times backoff 10ms to 20ms }
phase Open {
  on ring ignore
  initial state Paying -> Booking | Stopped {
    let seen = perform look(id) else -> goto Stopped
    match commit charge(id) { ok receipt -> goto Booking, else -> goto Stopped }
  }
  state Booking -> Booked | Stopped {
    match commit book(id) { ok place -> goto Booked(place), else -> goto Stopped }
  }
}
final state Booked(place: str) success
final state Stopped failure
"""

HANDLERS = """
import socket
from datetime import timedelta
import opord
Api = opord.load("order.opord").Api

def ask(name, id):
    with socket.create_connection(("127.0.0.1", {port})) as line:
        line.sendall(f"{{name}} {{id}}\\n".encode())
        answer = line.makefile().readline().split()
    if answer[0] == "wait":
        raise Api.TooMany(timedelta(milliseconds=int(answer[1])))
    return answer[0]

class Handlers:
    def look(self, id):
        return ask("look", id)

    def charge(self, id, *, call):
        return ask("charge", id)

    def book(self, id, *, call):
        return ask("book", id)
"""


class Provider:
    """Asks most callers to wait, and notes when each call came."""

    def __init__(self) -> None:
        self.draw = random.Random(5)
        self.came: dict[tuple[str, str], list[float]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name, _, run = (await reader.readline()).decode().strip().partition(" ")
        calls = self.came[name, run]
        calls.append(time.time())
        busy = len(calls) <= 3 and self.draw.random() < 0.7
        writer.write(
            f"wait {self.draw.choice((0, 300, 900, 1500, 60_000))}\n".encode() if busy else b"done\n"
        )
        writer.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_nobody_is_asked_before_the_wait_is_over_whatever_dies(
    kind: str, tmp_path: Path, postgres: AnyServer
) -> None:
    asyncio.run(siege(url_of(kind, tmp_path, postgres), tmp_path))


async def siege(url: str, folder: Path) -> None:
    draw, provider = random.Random(7), Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    (folder / "order.opord").write_text(CONTRACT)
    (folder / "shop.py").write_text(HANDLERS.format(port=server.sockets[0].getsockname()[1]))
    contract: Any = opord.load(folder / "order.opord").Order
    try:
        with Besieged(url, folder, draw) as workers:
            async with opord.Engine(url, [contract]) as engine:
                runs = [await engine.start(contract, id=str(n)) for n in range(30)]
                ends = asyncio.gather(*(run.result() for run in runs))

                async def ring() -> None:
                    rung = (run.send.ring() for run in runs[:5] if not ends.done())
                    await asyncio.gather(*rung, return_exceptions=True)

                await workers.until_ended(ends, kills=6, after=ring)
                assert {type(end).__name__ for end in await ends} == {"Booked"}
                heard = [await waits_of(engine, run.id, provider) for run in runs]
    finally:
        server.close()
    assert workers.kills >= 2
    assert sum(heard) >= 30


async def waits_of(engine: Any, run: str, provider: Provider) -> int:
    """Assert that each wait in a journal was kept; return how many there are."""
    found = 0
    async for record in engine.backend.records(run, after=0):
        body = json.loads(record.body)
        if "wait" not in body:
            continue
        found += 1
        heard_at = datetime.fromisoformat(body["at"]).timestamp()
        over = heard_at + parse_duration(body["wait"]).total_seconds()
        later = [at for at in provider.came[body["call"], run.partition("/")[2]] if at > heard_at]
        assert all(at >= over for at in later), f"{run}: {body}, and it was asked at {later}"
    return found
