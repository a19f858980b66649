"""The bare store: the rows of the four-call order workflow, written in batches with nobody thinking between.

What this reaches is the ceiling for a worker on the same machine. An order is one start with two records and three writes
with two, three and three records, each with a head of about 500 bytes; all orders of a batch move together.

    python bench/bare_store.py [--orders 2000] [--batch 100 --batch 500] [--busy]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from opord.stores import open_store
from opord.stores.base import Applied, Head, RecordRow, RunRow, Start, StoredContract, Write

DIGEST = hashlib.sha256(b"bare store").hexdigest()
STARTED_AT = 1_767_225_600_000_000
LEASE_US = 10_000_000
RECORDS_A_MOVE = (2, 2, 3, 3)
# One row of the run that never changes, four times the one that does, and the records.
ROWS_AN_ORDER = 1 + len(RECORDS_A_MOVE) + sum(RECORDS_A_MOVE)


class Figures(NamedTuple):
    """What one measurement came to; `slowest_ms` is the longest batch."""

    batch: int
    orders: int
    seconds: float
    slowest_ms: float

    @property
    def orders_per_s(self) -> float:
        return self.orders / self.seconds

    @property
    def rows_per_s(self) -> float:
        return self.orders * ROWS_AN_ORDER / self.seconds

    def __str__(self) -> str:
        return (
            f"batches of {self.batch:>3}: {self.orders_per_s:>7,.0f} orders/s  {self.rows_per_s:>8,.0f} rows/s  "
            f"slowest batch {self.slowest_ms:.0f} ms"
        )


def measure(folder: Path, *, orders: int = 2000, batch: int = 500, busy: bool = False) -> Figures:
    """Write the orders into a new store in the folder; `busy`: beside a thread that computes all the time."""
    batches = list(_batches(orders, batch))
    store = open_store(f"sqlite:///{folder}/bare-{batch}.db")
    store.put_contract(StoredContract(DIGEST, "OrderFulfilment", 1, "[]"))
    done = threading.Event()
    burner = threading.Thread(target=_burn, args=(done,))
    if busy:
        burner.start()
    slowest = 0.0
    began = time.perf_counter()
    try:
        for changes in batches:
            before = time.perf_counter()
            results = store.apply(changes)
            slowest = max(slowest, time.perf_counter() - before)
            if not all(isinstance(result, Applied) for result in results):
                raise RuntimeError(f"not every change was applied: {results}")
        seconds = time.perf_counter() - began
    finally:
        done.set()
        if busy:
            burner.join()
        store.close()
    return Figures(batch, orders, seconds, slowest * 1000)


def _batches(orders: int, size: int) -> list[list[Start | Write]]:
    batches: list[list[Start | Write]] = []
    for first in range(0, orders, size):
        moves = [_moves(number) for number in range(first, min(first + size, orders))]
        batches += [list(wave) for wave in zip(*moves, strict=True)]
    return batches


def _moves(number: int) -> list[Start | Write]:
    """Make the start of one order and its three writes."""
    run = f"OrderFulfilment/ord-{number:06d}"
    given = f'{{"order":{{"customer":"c-{number % 97}","id":"ord-{number:06d}","lines":[{{"quantity":2,"sku":"A-17"}}],"total_cents":4200}}}}'
    moves: list[Start | Write] = []
    seq = 0
    for count in RECORDS_A_MOVE:
        records = tuple(_record(run, seq + 1 + i) for i in range(count))
        last = len(moves) == len(RECORDS_A_MOVE) - 1
        head = _head(run, ended=last)
        if not moves:
            row = RunRow(
                run, DIGEST, "OrderFulfilment", 1, STARTED_AT, given, 1, count, records[-1].hash, 0, head
            )
            moves.append(Start(row, records))
        else:
            moves.append(Write(run, 1, seq, None, 1, records, head))
        seq += count
    return moves


def _record(run: str, seq: int) -> RecordRow:
    body = f'{{"args":{{"order":{{"id":"{run}"}}}},"at":{STARTED_AT + seq},"call":"charge_card","note":"{"x" * 160}","seq":{seq}}}'
    return RecordRow(seq, STARTED_AT + seq, "outcome", body, hashlib.sha256(body.encode()).hexdigest())


def _head(run: str, *, ended: bool) -> Head:
    body = f'{{"data":{{"receipt":{{"charge_id":"ch_1"}}}},"note":"{"y" * 420}","run":"{run}"}}'
    if ended:
        return Head("Charged", "ended", "success", STARTED_AT, None, None, None, body)
    return Head("Charging", "running", None, STARTED_AT, STARTED_AT + LEASE_US, "worker-1", None, body)


def _burn(done: threading.Event) -> None:
    total = 0
    while not done.is_set():
        total += sum(range(1000))


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--orders", type=int, default=2000)
    options.add_argument("--batch", type=int, action="append")
    options.add_argument("--busy", action="store_true", help="beside a thread that computes all the time")
    chosen = options.parse_args()
    for size in chosen.batch or (100, 500):
        with tempfile.TemporaryDirectory() as folder:
            print(measure(Path(folder), orders=chosen.orders, batch=size, busy=chosen.busy))


if __name__ == "__main__":
    main()
