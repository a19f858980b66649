"""How long runs of a healthy contract take beside many whose effect's provider is down.

The sick runs are between two attempts of an effect, minutes apart. One worker with few places serves both contracts. Healthy
runs come one every few milliseconds, each timed from its start to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import opord

SICK = """
contract Sick(id: str) key id version 1
failure Line { Down transient }
effect push(id: str) -> str fails Line { retry 20 times backoff 10m to 10m, timeout 5s }
initial state Open -> Done | Failed {
  let told = perform push(id) else problem -> goto Failed
  goto Done(told)
}
final state Done(told: str) success
final state Failed failure
"""
HEALTHY = """
contract Healthy(id: str) key id version 1
effect look(id: str) -> str
initial state Open -> Done {
  let seen = perform look(id)
  goto Done(seen)
}
final state Done(seen: str) success
"""


class Down:
    """The handlers of a provider that is down. `all_tried` is set once so many runs were tried."""

    def __init__(self, module: Any, runs: int) -> None:
        self.module, self.left = module, runs
        self.all_tried = asyncio.Event()

    async def push(self, id: str) -> str:
        self.left -= 1
        if self.left <= 0:
            self.all_tried.set()
        raise self.module.Line.Down()


class Looks:
    async def look(self, id: str) -> str:
        return f"seen {id}"


async def healthy(engine: opord.Engine, workflow: Any, name: str, runs: int, pause_s: float) -> list[float]:
    """Return how long each of some runs took, in milliseconds; they come one after a pause."""

    async def one(number: int) -> float:
        began = time.perf_counter()
        run = await engine.start(workflow, id=f"{name}{number}")
        await run.result()
        return (time.perf_counter() - began) * 1000

    tasks = []
    for number in range(runs):
        tasks.append(asyncio.create_task(one(number)))
        await asyncio.sleep(pause_s)
    return sorted(await asyncio.gather(*tasks))


def spread(times: list[float]) -> str:
    return (
        f"median {statistics.median(times):.1f} ms, 99 of 100 within {times[int(len(times) * 0.99)]:.1f} ms"
    )


async def measure(folder: Path, sick: int, concurrency: int, runs: int) -> None:
    module = _load(folder / "sick.opord", SICK)
    healthy_flow = _load(folder / "healthy.opord", HEALTHY).Healthy
    handlers = Down(module, sick)
    url = f"sqlite:///{folder}/runs{sick}.db"
    async with opord.Engine(
        url, [module.Sick(handlers), healthy_flow(Looks())], concurrency=concurrency
    ) as engine:
        began = time.perf_counter()
        for first in range(0, sick, 100):
            await asyncio.gather(
                *(engine.start(module.Sick, id=f"s{n}") for n in range(first, min(first + 100, sick)))
            )
        if sick:
            await handlers.all_tried.wait()
        took = time.perf_counter() - began
        if sick:
            print(
                f"{sick:,} sick runs: started, tried once and parked in {took:.2f} s ({sick / took:,.0f} a second)"
            )
        times = await healthy(engine, healthy_flow, "h", runs, 0.005)
        print(f"{runs} healthy runs beside {sick:,} in backoff, {concurrency} places: {spread(times)}")


def _load(path: Path, text: str) -> Any:
    path.write_text(text)
    return opord.load(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sick", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--runs", type=int, default=400)
    wanted = parser.parse_args()
    logging.getLogger("opord").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        for sick in (0, wanted.sick, 0, wanted.sick):
            folder = Path(name) / f"{time.monotonic_ns()}"
            folder.mkdir()
            asyncio.run(measure(folder, sick, wanted.concurrency, wanted.runs))


if __name__ == "__main__":
    main()
