"""Limits counted at the other side while workers are killed: real processes, and a provider.

A call is one connection: it counts from the first byte until the connection ends, as it does when
the worker is killed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import opord
from tests.kill.besieged import Besieged, url_of
from tests.support.postgres import AnyServer

CONTRACT = """
contract Order(id: str, customer: str) key id version 1
failure Bank { Refused settles }
effect look(id: str) -> str
action charge(id: str, customer: str) -> str fails Bank {
  key id
  timeout 30s
  in doubt repeat
}
initial state Paying -> Paid | Stopped {
  let seen = perform look(id)
  match commit charge(id, customer) {
    ok receipt -> goto Paid(receipt)
    Refused -> goto Stopped
  }
}
final state Paid(receipt: str) success
final state Stopped failure
"""

HANDLERS = """
import asyncio
PORT = {port}

async def ask(what):
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    try:
        writer.write(what.encode() + b"\\n")
        return (await reader.readline()).decode().strip()
    finally:
        writer.close()

class Handlers:
    async def look(self, id):
        return await ask("look all")

    async def charge(self, id, customer, *, call):
        return await ask(f"charge {{customer}}")
"""


class Provider:
    """Counts the calls that are under way, and notes when each began."""

    def __init__(self, call_s: float) -> None:
        self.call_s = call_s
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.began: dict[str, list[float]] = {"look": [], "charge": []}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        what = (await reader.readline()).decode().strip()
        if not what:
            writer.close()
            return
        name = what.split()[0]
        self.began[name].append(time.monotonic())
        self.under_way[what] += 1
        self.most[what] = max(self.most[what], self.under_way[what])
        try:
            # The end of the connection is the end of the call.
            async with asyncio.timeout(self.call_s):
                await reader.read()
        except TimeoutError:
            writer.write(b"done\n")
        finally:
            self.under_way[what] -= 1
            writer.close()


def most_in(instants: list[float], span_s: float) -> int:
    """Return the largest number of instants in a span."""
    instants = sorted(instants)
    return max(
        (sum(first <= one < first + span_s for one in instants[n:]) for n, first in enumerate(instants)),
        default=0,
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_limit_is_exceeded_and_no_run_is_stuck_whatever_dies(
    kind: str, tmp_path: Path, postgres: AnyServer
) -> None:
    asyncio.run(siege(url_of(kind, tmp_path, postgres), tmp_path))


async def until_free(engine: opord.Engine) -> None:
    """Wait until no run holds a permit or waits for one."""
    async with asyncio.timeout(20):
        in_use = True
        while in_use:
            in_use = any(one.held or one.waiting for one in await engine.backend.limits_in_use())
            await asyncio.sleep(0.2)


async def siege(url: str, folder: Path) -> None:
    draw = random.Random(7)
    provider = Provider(0.05)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (folder / "order.opord").write_text(CONTRACT)
    (folder / "shop.py").write_text(HANDLERS.format(port=port))
    limits = ["Order at_once=12", "Order.look per_second=20", "Order.charge at_once=3 by=customer"]
    contract: Any = opord.load(folder / "order.opord").Order
    try:
        with Besieged(
            url, folder, draw, *(word for limit in limits for word in ("--limit", limit))
        ) as workers:
            async with opord.Engine(url, [contract]) as engine:
                runs = [await engine.start(contract, id=str(n), customer=f"c{n % 3}") for n in range(120)]
                ends = asyncio.gather(*(run.result() for run in runs))
                await workers.until_ended(ends, kills=8)
                assert {type(end).__name__ for end in await ends} == {"Paid"}
                await until_free(engine)
    finally:
        server.close()
    assert workers.kills >= 3
    assert all(most <= 3 for what, most in provider.most.items() if what.startswith("charge")), provider.most
    assert max(most for what, most in provider.most.items() if what.startswith("charge")) >= 2
    assert most_in(provider.began["look"], 1.0) <= 20
    assert len(provider.began["look"]) >= 120
