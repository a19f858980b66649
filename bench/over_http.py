"""Orders over HTTP: an API process, a worker process, and a client that waits for each order's end.

`opord serve` and the worker of `bench/two_processes.py` share a new SQLite file. The client starts the orders of `bench/run.py`
with `?wait=10s`, one after the other on one connection, then on a hundred connections at once. Client, API and worker share
the machine; what each used of the processors stands beside the rates. With `--sign-in`, each request has a token, and each start
is written into the trail of acts first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
# ruff: noqa: E402 - the tree's own helpers are found only from here on

from run import CONTRACT, an_order, syncs_a_second
from two_processes import WorkerProcess

OPORD = [sys.executable, "-c", "from opord.cli import main; main()"]
WARM_UP = 50


class Connection:
    """A connection to the API."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._signed = f"authorization: Bearer {token}\r\n".encode() if token else b""

    async def open(self) -> Connection:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def order(self, number: int) -> float:
        """Start an order and wait for its end; return how long that took, in seconds."""
        body = json.dumps({"order": an_order(number)}).encode()
        began = time.perf_counter()
        self._writer.write(
            b"POST /api/v1/contracts/FourCalls/runs?wait=10s HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
            % (self._signed, len(body), body)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        answer = await self._reader.readexactly(int(length[1]) if length is not None else 0)
        if b" 201 " not in head or b'"status":"ended"' not in answer:
            raise RuntimeError(f"the order {number} did not end: {head.decode()} {answer.decode()}")
        return time.perf_counter() - began

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()


def used_s(pid: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, token: str, orders: int, clients: int, lone: int) -> None:
    """Measure and print."""
    one = await Connection(port, token).open()
    for number in range(WARM_UP):
        await one.order(number)
    times = [await one.order(WARM_UP + number) for number in range(lone)]
    print(
        f"one client: {1000 * statistics.median(times):.1f} ms for an order, 95 % within "
        f"{1000 * sorted(times)[int(0.95 * lone)]:.1f} ms"
    )
    many = [await Connection(port, token).open() for _ in range(clients)]
    numbers = iter(range(10_000, 10_000 + orders))
    times = []

    async def go_on(connection: Connection) -> None:
        for number in numbers:
            times.append(await connection.order(number))

    began = time.perf_counter()
    await asyncio.gather(*map(go_on, many))
    took = time.perf_counter() - began
    print(
        f"{clients} clients: {orders / took:,.0f} orders a second, {1000 * statistics.median(times):.0f} ms for an order"
    )
    for connection in (one, *many):
        connection.close()


def new_token(store: str) -> str:
    """Return a new token, which has no role."""
    subprocess.run([*OPORD, "db", "migrate", "--store", store], check=True, stdout=subprocess.DEVNULL)
    made = [*OPORD, "tokens", "create", "bench", "--store", store]
    return subprocess.run(made, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Run the processes, and measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--orders", type=int, default=6000)
    options.add_argument("--clients", type=int, default=100)
    options.add_argument("--lone", type=int, default=200)
    options.add_argument("--sign-in", action="store_true", help="send a token with each request")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/orders.db"
        print(
            f"load {os.getloadavg()[0]:.1f}; the disk makes {syncs_a_second(Path(folder)):,.0f} syncs a second"
        )
        worker = WorkerProcess(store)
        token = new_token(store) if chosen.sign_in else ""
        serve = [*OPORD, "serve", "--store", store, "--port", "0", "--contract", str(CONTRACT)]
        with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as api:
            try:
                place = re.search(r":(\d+)/api/v1", api.stderr.readline() if api.stderr is not None else "")
                if place is None:
                    raise RuntimeError("the API did not start")
                before = used_s(api.pid), worker.processor_s(), time.process_time()
                asyncio.run(measure(int(place[1]), token, chosen.orders, chosen.clients, chosen.lone))
                after = used_s(api.pid), worker.processor_s(), time.process_time()
                total = chosen.orders + chosen.lone + WARM_UP
                for name, first, last in zip(("API", "worker", "client"), before, after, strict=True):
                    print(f"{name}: {1e6 * (last - first) / total:,.0f} µs of a processor for an order")
            finally:
                api.terminate()
        worker.end()


if __name__ == "__main__":
    main()
