"""Orders and durable steps a second on one worker, beside the bare store doing the same row writes.

2,000 runs of the four-call order workflow (a pure, an effect, two actions) with no-op handlers, on SQLite with
WAL and synchronous FULL; then lone runs, one after the other, for the latency of a single one. Every figure
of a table is from the same run on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import opord
from opord.engine.collector import relax_for_good
from opord.stores.base import RunFilter

sys.path.insert(0, str(Path(__file__).parent))

CONTRACT = Path(__file__).with_name("four_calls.opord")


class Handlers:
    """Handlers that do nothing but answer."""

    def parse(self, order: Any) -> int:
        return int(order.total_cents)

    async def load_customer(self, id: str) -> dict[str, str]:
        return {"id": id, "email": "ann@example.com"}

    async def charge(self, order: Any, cents: int, *, call: opord.Call) -> dict[str, str]:
        return {"charge_id": f"ch_{call.key}"}

    async def notify(self, customer: Any, receipt: Any, *, call: opord.Call) -> None:
        return None


def an_order(number: int) -> dict[str, Any]:
    return {
        "id": f"ord_{number:06d}",
        "customer": f"cus_{number % 97}",
        "total_cents": 1999 + number,
        "lines": ["sku_1", "sku_2"],
    }


async def many(workflow: Any, url: str, runs: int) -> tuple[float, float, int]:
    """Return what `runs` orders took from the first start to the last end, and how many records were written.

    It is the seconds by the clock, and those of the processor.
    """
    async with opord.Engine(url, [workflow(Handlers())], concurrency=runs) as engine:
        began, used = time.perf_counter(), time.process_time()
        handles = await asyncio.gather(
            *(engine.start(workflow, order=an_order(number)) for number in range(runs))
        )
        await asyncio.gather(*(handle.result() for handle in handles))
        took, used = time.perf_counter() - began, time.process_time() - used
        rows = await engine.writer.call(engine.store.runs, RunFilter(contract="FourCalls"), limit=runs + 1)
        if len(rows) != runs or any(row.head.outcome != "success" for row in rows):
            raise RuntimeError(f"expected {runs} orders to end in success")
        return took, used, sum(row.seq for row in rows)


async def lone(workflow: Any, url: str, runs: int) -> list[float]:
    """Return how long each of `runs` orders took from start to end, one after the other, in milliseconds."""
    async with opord.Engine(url, [workflow(Handlers())]) as engine:
        times = []
        for number in range(runs):
            began = time.perf_counter()
            handle = await engine.start(workflow, order=an_order(1_000_000 + number))
            await handle.result()
            times.append((time.perf_counter() - began) * 1000)
        return times


def syncs_a_second(folder: Path) -> float:
    """Return how many small synced writes a second the disk does."""
    import os

    path = folder / "sync"
    handle = os.open(path, os.O_CREAT | os.O_WRONLY)
    began = time.perf_counter()
    count = 0
    while time.perf_counter() - began < 0.5:
        os.pwrite(handle, b"x" * 512, (count % 1000) * 512)
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--lone", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the databases go (default: a new folder)"
    )
    wanted = parser.parse_args()
    workflow = opord.load(CONTRACT).FourCalls
    relax_for_good(wanted.runs)  # as `opord worker` does
    with tempfile.TemporaryDirectory(dir=wanted.folder) as name:
        folder = Path(name)
        print(f"disk: {syncs_a_second(folder):,.0f} syncs a second")
        from bare_store import measure  # the bare store, the same rows

        for batch in (100, 500):
            print(f"bare store: {measure(folder, orders=wanted.runs, batch=batch)}")
        for round_number in range(wanted.rounds):
            url = f"sqlite:///{folder}/many{round_number}.db"
            took, used, records = asyncio.run(many(workflow, url, wanted.runs))
            print(
                f"opord: {wanted.runs / took:,.0f} orders a second, {4 * wanted.runs / took:,.0f} calls and "
                f"{records / took:,.0f} records a second ({wanted.runs} orders in {took:.2f} s); "
                f"processor {used / wanted.runs * 1e6:.0f} us an order"
            )
        times = sorted(asyncio.run(lone(workflow, f"sqlite:///{folder}/lone.db", wanted.lone)))
        print(
            f"lone run: median {statistics.median(times):.2f} ms, "
            f"95 of 100 within {times[int(len(times) * 0.95)]:.2f} ms"
        )


if __name__ == "__main__":
    main()
