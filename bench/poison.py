"""How long orders take while others of the same worker fail for ever, in each way that an order can.

Orders come one every few milliseconds, each timed from its start to its end, first alone and then beside poisoned ones:
a handler that always raises, one that blocks its thread, one whose answer cannot be kept, and a row that cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import apsw

import opord

sys.path.insert(0, str(Path(__file__).parent))

KINDS = ("raises", "blocks", "cannot be kept", "cannot be read")
TEXT = """
contract Work(id: str) key id version 1
effect ask(id: str) -> str
action do(id: str) { key id }
initial state Asked -> Doing {
  let told = perform ask(id)
  goto Doing(told)
}
state Doing(told: str) -> Done {
  commit do(id)
  goto Done
}
final state Done success
"""


class Handlers:
    """Handlers that do as the order's name says."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def ask(self, id: str) -> str:
        if id.startswith("raises"):
            raise ConnectionError("nobody there")
        if id.startswith("blocks"):
            self.over.wait()
        return "x" * 2**21 if id.startswith("cannot be kept") else "told"

    async def do(self, id: str, *, call: opord.Call) -> None:
        return None


async def poisoned(url: str, file: Path, workflow: Any, kind: str, number: int) -> None:
    """Start runs that will fail for ever."""
    async with opord.Engine(url, [workflow]) as engine:
        for one in range(number):
            await engine.start(workflow, id=f"{kind}{one}")
    if kind == "cannot be read":
        connection = apsw.Connection(str(file))
        connection.execute("UPDATE heads SET body = 'no json'")
        connection.close()


async def others(url: str, workflow: Any, orders: int, every_s: float) -> list[float]:
    """Return how long each of the other orders took."""
    handlers = Handlers()
    async with opord.Engine(url, [workflow(handlers)], drain_s=0) as engine:
        await asyncio.sleep(0.5)

        async def one(number: int) -> float:
            began = time.perf_counter()
            run = await engine.start(workflow, id=f"good{number}")
            await run.result()
            return time.perf_counter() - began

        tasks = []
        for number in range(orders):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(every_s)
        times = await asyncio.gather(*tasks)
        handlers.over.set()
    return sorted(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=500)
    parser.add_argument("--every", type=float, default=0.01, help="seconds between two orders")
    wanted = parser.parse_args()
    logging.getLogger("opord").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        contract = Path(name) / "work.opord"
        contract.write_text(TEXT)
        workflow = opord.load(contract).Work
        print("| poisoned | p50, ms | p99, ms |\n| --- | ---: | ---: |")
        for kind, number in [
            ("none", 0),
            *[(kind, number) for kind in KINDS for number in (1, 50)],
            ("none", 0),
        ]:
            file = Path(name) / f"{kind}{number}{time.monotonic_ns()}.db"
            url = f"sqlite:///{file}"
            if number:
                asyncio.run(poisoned(url, file, workflow, kind, number))
            times = asyncio.run(others(url, workflow, wanted.orders, wanted.every))
            said = (
                f"{number} whose {'row' if kind.endswith('read') else 'handler'} {kind}" if number else "none"
            )
            p99 = times[int(len(times) * 0.99)]
            print(f"| {said} | {statistics.median(times) * 1000:.1f} | {p99 * 1000:.1f} |", flush=True)


if __name__ == "__main__":
    main()
