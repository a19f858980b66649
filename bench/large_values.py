"""What a step costs a run that carries a long list: 10,000 items through 1,000 steps, taken by index.

Two tables: the run walks by itself, and each step is an event to a waiting state. Beside the time of a step stand the
size of the store's file, and the memory that the process had at the most.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import opord

CONTRACT = Path(__file__).with_name("walk.opord")


class Handlers:
    """The one handler looks at one item."""

    def weight(self, line: Any) -> int:
        return int(line.count)


def lines(items: int) -> list[dict[str, Any]]:
    """Return a list whose items have about 40 bytes of JSON each."""
    return [{"sku": f"sku-{number:012d}", "count": number % 100} for number in range(items)]


async def walk(workflow: Any, url: str, items: int, steps: int, *, by_event: bool) -> tuple[float, float]:
    """Return the milliseconds of a step, and those of processor time in it."""
    async with opord.Engine(url, [workflow(Handlers())]) as engine:
        listed = lines(items)
        began, used = time.perf_counter(), time.process_time()
        run = await engine.start(workflow, id="one", items=listed, steps=steps, by_event=by_event)
        if by_event:
            await engine.until_idle()
            for _ in range(steps):
                await engine.send_event(run.id, "next", {})
        else:
            await run.result()
        took, used = time.perf_counter() - began, time.process_time() - used
        done = (await engine.client.row(run.id)).seq - 1
        return took / done * 1000, used / done * 1000


def one(items: int, steps: int, *, by_event: bool) -> None:
    """Measure one walk in this process, and print a row of the table."""
    workflow = opord.load(CONTRACT).Walk
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "walk.db"
        took, used = asyncio.run(walk(workflow, f"sqlite:///{file}", items, steps, by_event=by_event))
        size = file.stat().st_size / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {items:,} | {took:.2f} | {used:.2f} | {size:.1f} | {most:.0f} |", flush=True)


def main() -> None:
    """Measure, each walk in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="*", default=[10, 1_000, 10_000])
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--one", choices=["itself", "event"], help="measure one walk, in this process")
    wanted = parser.parse_args()
    if wanted.one:
        one(wanted.items[0], wanted.steps, by_event=wanted.one == "event")
        return
    for how in ("itself", "event"):
        print(f"\n{'each step is an event' if how == 'event' else 'the run walks by itself'}\n")
        print("| items | ms a step | of these, processor | file, MiB | memory, MiB |")
        print("| ---: | ---: | ---: | ---: | ---: |", flush=True)
        for items in wanted.items:
            asked = ["--items", str(items), "--steps", str(wanted.steps), "--one", how]
            subprocess.run([sys.executable, __file__, *asked], check=True)


if __name__ == "__main__":
    main()
