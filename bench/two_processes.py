"""Orders from one process that another one carries: a program that starts runs and waits, and a worker.

The worker is a process of its own. This process has no handlers: it starts the orders of `bench/run.py` and waits for
their results, one after the other with one client, then many at once with a hundred. At last both are idle, while this
process waits for a run that does not end. The store is a new SQLite file, `--url` names another one, and `--postgres`
starts a server from the wheel.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
# ruff: noqa: E402 - the tree's own helpers are found only from here on

from run import CONTRACT, Handlers, an_order, syncs_a_second

import opord
from opord.engine.collector import relax_for_good

BELL = CONTRACT.with_name("bell.opord")
IDLE_S = 5.0
WARM_UP = 50


class NoHandlers:
    """There is nothing to call."""


class WorkerProcess:
    """A worker in a process of its own. It tells its processor time for each line that it is sent."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processor_s()

    def processor_s(self) -> float:
        """Return the processor time that it has used, in seconds."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """End it, by the end of its input."""
        self._process.communicate(timeout=30)


async def work(url: str) -> None:
    """Carry orders until the input ends."""
    orders, bell = opord.load(CONTRACT).FourCalls, opord.load(BELL).Bell
    async with opord.Engine(url, [orders(Handlers()), bell(NoHandlers())]):
        while await asyncio.to_thread(sys.stdin.readline):
            print(time.process_time(), flush=True)


async def one_after_the_other(engine: opord.Engine, workflow: Any, first: int, orders: int) -> list[float]:
    """Start orders, each when the one before has ended; return how long each took, in seconds."""
    times = []
    for number in range(first, first + orders):
        began = time.perf_counter()
        await (await engine.start(workflow, order=an_order(number))).result()
        times.append(time.perf_counter() - began)
    return times


async def many(
    engine: opord.Engine, workflow: Any, first: int, orders: int, clients: int
) -> tuple[float, list[float]]:
    """Let so many clients start orders at once; return the seconds that all took, and each."""
    began = time.perf_counter()
    each = orders // clients
    times = await asyncio.gather(
        *(one_after_the_other(engine, workflow, first + n * each, each) for n in range(clients))
    )
    return time.perf_counter() - began, [one for some in times for one in some]


async def idle(engine: opord.Engine, worker: WorkerProcess, name: str) -> tuple[float, float]:
    """Return the share of a core that this process and the worker use while nothing happens."""
    bell = opord.load(BELL).Bell
    run = await engine.start(bell, id=name, wait="720h")
    waits = asyncio.ensure_future(run.result())
    await asyncio.sleep(1.0)
    began, here, there = time.perf_counter(), time.process_time(), worker.processor_s()
    await asyncio.sleep(IDLE_S)
    here, there = time.process_time() - here, worker.processor_s() - there
    took = time.perf_counter() - began
    waits.cancel()
    return here / took, there / took


def shown(times: list[float]) -> str:
    """Return the median and the 99th of a hundred, in milliseconds."""
    ordered = sorted(times)
    return (
        f"p50 {statistics.median(ordered) * 1e3:.2f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1e3:.2f} ms"
    )


async def measure(url: str, worker: WorkerProcess, wanted: argparse.Namespace) -> None:
    """Print the figures of one store."""
    workflow = opord.load(CONTRACT).FourCalls
    async with opord.Engine(url, [workflow]) as engine:
        # The store may be one that has orders already.
        first = time.time_ns() // 1000
        await many(engine, workflow, first, WARM_UP, 10)
        first += WARM_UP
        for clients, orders in ((1, wanted.lone), (100, wanted.orders)):
            for _ in range(wanted.rounds):
                here, there = time.process_time(), worker.processor_s()
                took, times = await many(engine, workflow, first, orders, clients)
                here, there = time.process_time() - here, worker.processor_s() - there
                first += orders
                print(
                    f"{clients} client{'s' * (clients > 1)}: {len(times) / took:,.0f} orders a second, {shown(times)}; "
                    f"processor {here / len(times) * 1e6:.0f} us an order here, {there / len(times) * 1e6:.0f} us the worker"
                )
        mine, its = await idle(engine, worker, f"idle-{first}")
        print(f"idle: {mine:.1%} of a core here, with one who waits, and {its:.1%} the worker")


@contextmanager
def a_store(wanted: argparse.Namespace) -> Iterator[str]:
    """Yield the URL of the store to measure."""
    if wanted.url:
        yield wanted.url
        return
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
        if not wanted.postgres:
            print(f"disk: {syncs_a_second(Path(folder)):,.0f} syncs a second")
            yield f"sqlite:///{folder}/two.db"
            return
    from tests.support.postgres import own_server

    with own_server(wanted.folder, shared_buffers="'512MB'", max_wal_size="'4GB'") as server:
        yield server.url(schema="two")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lone", type=int, default=300)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="where the store goes")
    parser.add_argument("--url", default="", help="a store that exists, or may be made")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL server from the wheel")
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    relax_for_good()  # as `opord worker` does
    if wanted.work:
        asyncio.run(work(wanted.work))
        return
    with a_store(wanted) as url:
        worker = WorkerProcess(url)
        try:
            asyncio.run(measure(url, worker, wanted))
        finally:
            worker.end()


if __name__ == "__main__":
    main()
