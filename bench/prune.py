"""How fast old runs leave the store, and what a writer beside the prune feels of it.

A store is filled with ended runs of the four-call order's size: eleven records, a message, two keys. Then they are pruned, once
alone and once beside a writer that starts a run every five milliseconds and takes the time of each write. The same
writer is timed without a prune before, for comparison.

    python bench/prune.py [--runs 10000]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from opord.engine.pruning import Pruning
from opord.stores import open_store
from opord.stores.archive import ArchiveWriter
from opord.stores.base import EventKey, Store, UsedKey
from opord.testing.store_rows import BEGIN, ORDERS, a_head, a_message, a_record, a_start, a_write

RECORD = '{"at":"2026-01-01T00:00:00.000000Z","padding":"' + "x" * 420 + '"}'
HEAD = a_head(state="Done", status="ended", outcome="success", wake_at=None, body='"' + "y" * 400 + '"')
GIVEN = '{"order":"' + "z" * 300 + '"}'
PAUSE_S = 0.005


class Felt(NamedTuple):
    """What a writer's writes took, in milliseconds."""

    writes: int
    median: float
    p99: float
    slowest: float

    def __str__(self) -> str:
        return f"{self.writes:>5} writes  median {self.median:5.2f} ms  p99 {self.p99:6.2f} ms  slowest {self.slowest:6.1f} ms"


def fill(store: Store, runs: int) -> None:
    """Put ended runs into a store."""
    store.put_contract(ORDERS)
    for first in range(0, runs, 500):
        starts = [a_start(f"Orders/{number}", given=GIVEN) for number in range(first, min(first + 500, runs))]
        store.apply(starts)
        store.apply(
            [
                a_write(
                    start.row,
                    head=HEAD._replace(since=BEGIN + first),
                    put=(a_message("m"),),
                    event_keys=(EventKey("paid", "k", "c"),),
                    used_keys=(UsedKey("charge", "k", "a", "r"),),
                )._replace(records=tuple(a_record(start.row.run, seq, RECORD) for seq in range(2, 12)))
                for start in starts
            ]
        )


def prune(url: str, path: Path) -> tuple[int, float]:
    """Prune everything; return the runs and the seconds."""
    store = open_store(url)
    archive = ArchiveWriter.open(path, store.identity(), "2026-01-01T00:00:00.000000Z")
    began = time.perf_counter()
    pruning = Pruning(store, before=store.now(), archive=archive, keep_us=10**15)
    for _ in pruning.steps():
        pass
    took = time.perf_counter() - began
    archive.close()
    store.close()
    return pruning.tally.pruned, took


def beside(url: str, work: Callable[[], object], name: str) -> Felt:
    """Start runs one after the other until the work is done, and return how long each took to be durable."""
    store = open_store(url)
    done = threading.Event()

    def go() -> None:
        work()
        done.set()

    worker = threading.Thread(target=go)
    worker.start()
    took: list[float] = []
    while not done.is_set():
        began = time.perf_counter()
        store.apply([a_start(f"{name}/{len(took)}", given=GIVEN)])
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(PAUSE_S)
    worker.join()
    store.close()
    took.sort()
    return Felt(len(took), took[len(took) // 2], took[len(took) * 99 // 100], took[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        alone(Path(folder), runs)
        with_a_writer(Path(folder), runs)


def alone(folder: Path, runs: int) -> None:
    """Prune with nobody beside."""
    url, path = filled(folder / "alone.db", runs), folder / "alone.jsonl"
    pruned, took = prune(url, path)
    size = path.stat().st_size / 1e6
    print(f"alone: {pruned:,} runs in {took:.1f} s, {pruned / took:,.0f} runs/s, {size:.0f} MB archived")


def with_a_writer(folder: Path, runs: int) -> None:
    """Prune beside a writer."""
    file = folder / "beside.db"
    url = filled(file, runs)
    print(f"a writer without it: {beside(url, lambda: time.sleep(3), 'before')}")
    figures: list[tuple[int, float]] = []
    felt = beside(url, lambda: figures.append(prune(url, folder / "beside.jsonl")), "during")
    print(f"a writer beside it:  {felt}")
    pruned, took = figures[0]
    print(f"beside: {pruned:,} runs in {took:.1f} s, {pruned / took:,.0f} runs/s")


def filled(file: Path, runs: int) -> str:
    """Make a store full of ended runs; return its URL."""
    url = f"sqlite:///{file}"
    store = open_store(url)
    fill(store, runs)
    store.close()
    return url


if __name__ == "__main__":
    main()
