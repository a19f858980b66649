"""A backlog of started orders that one, two and more workers carry, each in a process of its own.

The orders are those of `bench/run.py`. They are in the store before the workers begin. `--postgres` starts a server from
the wheel; otherwise the store is a new SQLite file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
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

from run import CONTRACT, Handlers, an_order

import opord
from opord.engine.collector import relax_for_good


async def work(url: str) -> None:
    """Carry orders from the first line of the input to its end."""
    workflow = opord.load(CONTRACT).FourCalls
    # So that no worker begins before the others are ready.
    print("ready", flush=True)
    sys.stdin.readline()
    async with opord.Engine(url, [workflow(Handlers())]):
        await asyncio.to_thread(sys.stdin.readline)


async def start(engine: opord.Engine, workflow: Any, first: int, orders: int) -> None:
    """Start orders that nobody carries yet."""
    for number in range(first, first + orders, 500):
        await asyncio.gather(
            *(
                engine.start(workflow, order=an_order(one))
                for one in range(number, min(number + 500, first + orders))
            )
        )


async def drained(engine: opord.Engine) -> None:
    """Wait until every run has ended."""
    while True:
        counts = await engine.writer.call(engine.store.counts)
        if not sum(count for status, count in counts.items() if status != "ended"):
            return
        await asyncio.sleep(0.02)


def ready_worker(url: str) -> subprocess.Popen[str]:
    """Start a process that begins to work when it is told to."""
    command = [sys.executable, __file__, "--work", url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout is None:
        raise RuntimeError("the worker has no pipes")
    process.stdout.readline()
    return process


def let_begin(process: subprocess.Popen[str]) -> None:
    """Tell a worker to begin."""
    if process.stdin is None:
        raise RuntimeError("the worker has no pipes")
    process.stdin.write("\n")
    process.stdin.flush()


async def drain(url: str, first: int, orders: int, workers: int) -> tuple[float, float]:
    """Let workers carry a new backlog; return the seconds that took, and their processor time."""
    workflow = opord.load(CONTRACT).FourCalls
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    async with opord.Engine(url, [workflow]) as engine:
        await start(engine, workflow, first, orders)
        processes = [ready_worker(url) for _ in range(workers)]
        began = time.perf_counter()
        for each in processes:
            let_begin(each)
        await drained(engine)
        took = time.perf_counter() - began
        for each in processes:
            each.communicate(timeout=30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def a_store(wanted: argparse.Namespace) -> Iterator[str]:
    """Yield the URL of the store to measure."""
    if not wanted.postgres:
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            yield f"sqlite:///{folder}/backlog.db"
            return
    from tests.support.postgres import Server, new_folder

    server = Server(wanted.folder or new_folder())
    try:
        server.make(shared_buffers="'512MB'", max_wal_size="'4GB'")
        server.start()
        yield server.url(schema="backlog")
    finally:
        server.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="where the store goes")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL server from the wheel")
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    relax_for_good()  # as `opord worker` does
    if wanted.work:
        asyncio.run(work(wanted.work))
        return
    with a_store(wanted) as url:
        first = 0
        for _ in range(wanted.rounds):
            for workers in wanted.workers:
                took, processor = asyncio.run(drain(url, first, wanted.orders, workers))
                first += wanted.orders
                print(
                    f"{workers} worker{'s' * (workers > 1)}: {wanted.orders / took:,.0f} orders a second, "
                    f"{processor / wanted.orders * 1e6:.0f} us of their processors an order (load {os.getloadavg()[0]:.1f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
