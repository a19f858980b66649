"""What a start, an event and a timer take beside a crowd of runs, with a long history, and with ten thousand events.

Four tables: beside runs that have ended, beside runs that wait, in a run with a long history, and for many events
to one run. Beside the times stand the processor time and the memory of a worker that has nothing to do.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import opord

sys.path.insert(0, str(Path(__file__).parent))

from crowd import fill, lengthen

CONTRACT = Path(__file__).with_name("bell.opord")
IDLE_S = 5.0


class Handlers:
    """There is nothing to call."""


def shown(times: list[float]) -> str:
    """Return the median and the 99th of a hundred, in milliseconds."""
    ordered = sorted(times)
    return f"{statistics.median(ordered) * 1000:.1f}, {ordered[int(len(ordered) * 0.99)] * 1000:.1f}"


def memory_mib() -> float:
    """Return the memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def timed(times: int, verb: Callable[[int], Awaitable[Any]]) -> list[float]:
    """Return how long each of so many calls took, one after the other."""
    found = []
    for number in range(times):
        began = time.perf_counter()
        await verb(number)
        found.append(time.perf_counter() - began)
    return found


async def beside(url: str, workflow: Any, times: int) -> dict[str, str]:
    """Measure start, event and timer, and then a worker that is idle."""
    async with opord.Engine(url, [workflow(Handlers())]) as engine:
        starts = await timed(times, lambda n: engine.start(workflow, id=f"s{n}", wait="720h"))
        events = await timed(times, lambda n: engine.send_event(f"Bell/s{n}", "ring", {}))
        late = []
        for number in range(times // 4):
            began = time.perf_counter()
            run = await engine.start(workflow, id=f"t{number}", wait="50ms")
            await run.result()
            late.append(time.perf_counter() - began - 0.05)
        await asyncio.sleep(0.5)
        used = time.process_time()
        await asyncio.sleep(IDLE_S)
        idle = (time.process_time() - used) / IDLE_S
    return {
        "start": shown(starts),
        "event": shown(events),
        "timer, late by": shown(late),
        "idle worker": f"{idle:.1%} of a core",
        "memory": f"{memory_mib():.0f} MiB",
    }


async def in_long(url: str, file: Path, workflow: Any, records: int, times: int) -> dict[str, str]:
    """Measure an event, and the end, of a run with a long history."""
    async with opord.Engine(url, [workflow]) as engine:
        await engine.start(workflow, id="long", wait="720h")
    lengthen(file, "Bell/long", records)
    async with opord.Engine(url, [workflow(Handlers())]) as engine:
        events = await timed(times, lambda _: engine.send_event("Bell/long", "tick", {}))
        ends = await timed(1, lambda _: engine.send_event("Bell/long", "ring", {}))
    return {"event": shown(events), "end": f"{ends[0] * 1000:.1f}"}


async def many_events(url: str, workflow: Any, events: int) -> dict[str, str]:
    """Send many events to one run at once, and let it end, which puts each of them on record."""
    async with opord.Engine(url, [workflow]) as engine:
        run = await engine.start(workflow, id="many", wait="720h")
        began = time.perf_counter()
        await asyncio.gather(
            *[engine.send_event(str(run.id), "hint", {"text": f"{n}"}) for n in range(events)]
        )
        took = time.perf_counter() - began
        began = time.perf_counter()
        await engine.send_event(str(run.id), "ring", {})
        ended = time.perf_counter() - began
    return {
        "an event": f"{took / events * 1000:.2f}",
        "all": f"{took * 1000:.0f}",
        "the end, with all on record": f"{ended * 1000:.0f}",
        "memory": f"{memory_mib():.0f} MiB",
    }


def table(first: str, rows: dict[str, dict[str, str]]) -> None:
    """Print rows of figures as a table of Markdown."""
    names = list(next(iter(rows.values())))
    print(f"| {first} | " + " | ".join(names) + " |")
    print("| ---: |" + " ---: |" * len(names))
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(row.values()) + " |", flush=True)
    print()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowds", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--events", type=int, nargs="*", default=[100, 1_000, 10_000])
    wanted = parser.parse_args()
    workflow = opord.load(CONTRACT).Bell
    print("milliseconds: median, 99 of 100 within\n")
    with tempfile.TemporaryDirectory() as folder:
        for ended in (True, False):
            rows = {}
            for crowd in wanted.crowds if ended else wanted.crowds[:2]:
                file = Path(folder) / f"{'ended' if ended else 'waiting'}{crowd}.db"
                fill(file, workflow, crowd, ended=ended)
                rows[f"{crowd:,}"] = asyncio.run(beside(f"sqlite:///{file}", workflow, wanted.times))
                file.unlink()
            table("runs that have ended" if ended else "runs that wait", rows)
        rows = {}
        for records in (0, 10_000, 100_000):
            file = Path(folder) / f"long{records}.db"
            rows[f"{records:,}"] = asyncio.run(
                in_long(f"sqlite:///{file}", file, workflow, records, wanted.times)
            )
        table("records of the run", rows)
        rows = {}
        for events in wanted.events:
            file = Path(folder) / f"many{events}.db"
            rows[f"{events:,}"] = asyncio.run(many_events(f"sqlite:///{file}", workflow, events))
        table("events to one run", rows)


if __name__ == "__main__":
    main()
