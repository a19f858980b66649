"""What PostgreSQL carries: bare batches, orders on one worker and on four, and all of it beside ended runs.

A server from the wheel is started in memory, or on the disk of `--folder`; `--url` names another one. The orders are
those of `bench/run.py`. The crowd of ended runs is written by the server itself.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
# ruff: noqa: E402 - the tree's own helpers are found only from here on

from run import CONTRACT, Handlers, an_order, lone, many

import opord
from opord.engine.collector import relax_for_good
from opord.stores import open_store
from opord.stores.base import Applied, Store
from opord.testing.store_rows import ORDERS, a_head, a_start, a_write
from tests.support.postgres import Server, own_server

BODY = '{"a":1}' * 20
LEASE_US = 60_000_000


def bare(store: Store, first: int, orders: int, batch: int) -> str:
    """Write the rows of orders, a start and four steps each, in batches."""
    store.put_contract(ORDERS)
    ends = store.now() + LEASE_US
    began, processor = time.perf_counter(), time.process_time()
    for number in range(first, first + orders, batch):
        head = a_head(worker="w", wake_at=ends, body=BODY)
        starts = [a_start(f"Orders/{one:09d}", head=head) for one in range(number, number + batch)]
        _written(store, starts)
        rows = [start.row for start in starts]
        for step in range(4):
            head = a_head(state=f"S{step}", worker="w", wake_at=ends, body=BODY)
            if step == 3:
                head = a_head(state="Done", status="ended", outcome="success", wake_at=None, body=BODY)
            _written(store, [a_write(row, records=2, head=head) for row in rows])
            rows = [row.replace(seq=row.seq + 2, head=head) for row in rows]
    took, processor = time.perf_counter() - began, time.process_time() - processor
    return (
        f"{orders / took:,.0f} orders a second, {took / orders * batch / 5 * 1e3:.2f} ms a commit, "
        f"{processor / orders * 1e6:.0f} us of the client's processor an order"
    )


def _written(store: Store, batch: list[Any]) -> None:
    if not all(type(answer) is Applied for answer in store.apply(batch)):
        raise RuntimeError("expected every change of the batch to be applied")


def crowd(server: Server, schema: str, runs: int) -> None:
    """Let the server write runs that have ended, with three records each."""
    server.execute(
        f"""
        WITH c AS (SELECT id FROM {schema}.contracts ORDER BY id LIMIT 1), r AS (
          INSERT INTO {schema}.runs (run, contract, started_at, input)
          SELECT 'Crowd/' || n, c.id, 1700000000000000 + n, '{{"order":"' || n || '"}}' FROM c, generate_series(1, {runs}) AS n
          RETURNING id, contract, started_at
        ), h AS (
          INSERT INTO {schema}.heads (run, contract, epoch, seq, arrivals, since, ended_since, hash, state, status, outcome,
                                      needs, rest_state, body)
          SELECT id, contract, 1, 3, 0, started_at + 5, started_at + 5, repeat('0', 64), 'Done', 'ended', 'success', '',
                 'Done', '{{}}' FROM r
        )
        INSERT INTO {schema}.journal (run, seq, at, kind, hash, body)
        SELECT id, n, started_at + n, 'transition', repeat('0', 64), repeat('x', 200) FROM r, generate_series(1, 3) AS n
        """
    )
    server.execute(f"ANALYZE {schema}.runs; ANALYZE {schema}.heads; ANALYZE {schema}.journal")


def four_workers(url: str, orders: int, workers: int = 4) -> float:
    """Start orders from here, and let workers in processes of their own carry them; return orders a second."""
    script = [sys.executable, __file__, "--work", url]
    processes = [subprocess.Popen(script, stdin=subprocess.PIPE) for _ in range(workers)]
    try:
        return asyncio.run(_started_and_ended(url, orders, workers))
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def _started_and_ended(url: str, orders: int, workers: int) -> float:
    workflow = opord.load(CONTRACT).FourCalls
    async with opord.Engine(url) as engine:
        for _ in range(300):
            if len(await engine.writer.call(engine.store.workers)) == workers:
                break
            await asyncio.sleep(0.1)
        began = time.perf_counter()
        for first in range(0, orders, 500):
            await asyncio.gather(
                *(
                    engine.start(workflow, order=an_order(2_000_000 + n))
                    for n in range(first, min(first + 500, orders))
                )
            )
        while True:
            counts = await engine.writer.call(engine.store.counts)
            if not sum(count for status, count in counts.items() if status != "ended"):
                return orders / (time.perf_counter() - began)
            await asyncio.sleep(0.05)


async def _work(url: str) -> None:
    workflow = opord.load(CONTRACT).FourCalls
    async with opord.Engine(url, [workflow(Handlers())], concurrency=1000):
        await asyncio.sleep(600)


def look(store: Store, digest: str) -> str:
    """Return what the verbs take that a worker and a person wait for, in milliseconds."""
    from opord.stores.base import RunFilter

    verbs = {
        "claim": lambda: store.claim("w", [digest], limit=10, ttl_us=1),
        "next_wake": lambda: store.next_wake([digest]),
        "list 50": lambda: store.runs(RunFilter(), limit=50),
        "list 50 waiting": lambda: store.runs(RunFilter(status="waiting"), limit=50),
        "overdue": lambda: store.due_needs("overdue", limit=50),
        "resting": lambda: store.resting(limit=50),
        "ended": lambda: store.ended(store.now(), limit=50),
    }
    return ", ".join(f"{name} {_median_ms(verb):.2f}" for name, verb in verbs.items())


def _median_ms(verb: Any) -> float:
    times = []
    for _ in range(30):
        began = time.perf_counter()
        verb()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument(
        "--ended", type=int, default=1_000_000, help="ended runs in the table for the second half"
    )
    parser.add_argument("--folder", type=Path, default=None, help="an empty folder for the server's data")
    parser.add_argument("--work", metavar="URL", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    relax_for_good()  # as `opord worker` does
    if wanted.work:
        asyncio.run(_work(wanted.work))
        return
    workflow = opord.load(CONTRACT).FourCalls
    with own_server(wanted.folder, shared_buffers="'512MB'", max_wal_size="'4GB'") as server:
        url = server.url(schema="bench")
        store = open_store(url)
        first = 0
        for title, ended in (("a new store", 0), (f"beside {wanted.ended:,} ended runs", wanted.ended)):
            print(f"-- {title}")
            if ended:
                began = time.perf_counter()
                crowd(server, "bench", ended)
                print(f"(written by the server in {time.perf_counter() - began:.0f} s)")
            for batch in (1, 10, 100):
                print(f"bare store, batches of {batch}: {bare(store, first, 40 * batch, batch)}")
                first += 40 * batch
            print(f"verbs, median ms: {look(store, ORDERS.digest)}")
            many_url, lone_url = (server.url(schema=f"{name}_{bool(ended):d}") for name in ("many", "lone"))
            if ended:
                many_url = lone_url = url
            took, _, records = asyncio.run(many(workflow, many_url, wanted.orders))
            print(
                f"one worker: {wanted.orders / took:,.0f} orders and {records / took:,.0f} records a second"
            )
            times = sorted(asyncio.run(lone(workflow, lone_url, 100)))
            print(
                f"a lone order: median {statistics.median(times):.2f} ms, 95 of 100 within {times[95]:.2f} ms"
            )
        print("-- four workers in processes of their own")
        print(f"{four_workers(server.url(schema='four'), 2 * wanted.orders):,.0f} orders a second")
        store.close()


if __name__ == "__main__":
    main()
