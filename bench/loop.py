"""What a step costs at the start of a loop of 20,000, and at its end: one run, on SQLite and with `--postgres`.

A step is an effect and an action with a key: two writes, three records. Each row of the table is a tenth of the loop.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
# ruff: noqa: E402 - the tree's own helpers are found only from here on

import apsw
from scale import memory_mib

import opord

CONTRACT = HERE / "loop.opord"


class At(NamedTuple):
    """The clocks and the memory of this process at a turn."""

    clock_s: float
    processor_s: float
    mib: float
    pages_mib: float


class Handlers:
    """Handlers that answer at once, and note how it is at each tenth of the loop."""

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.at: list[At] = []

    async def look(self, n: int) -> str:
        if (n - 1) % (self.turns // 10) == 0:
            self.note()
        return "seen"

    async def pay(self, n: int, text: str, *, call: opord.Call) -> None:
        return None

    def note(self) -> None:
        self.at.append(At(time.perf_counter(), time.process_time(), memory_mib(), apsw.memory_used() / 2**20))


async def loop(url: str, turns: int) -> list[At]:
    """Let one run turn the loop, and return how it was at each tenth of it and at the end."""
    workflow: Any = opord.load(CONTRACT).Loop
    handlers = Handlers(turns)
    async with opord.Engine(url, [workflow(handlers)]) as engine:
        run = await engine.start(workflow, id="one", turns=turns)
        await run.result()
        handlers.note()
    return handlers.at


@contextmanager
def a_store(*, postgres: bool, folder: Path | None) -> Iterator[str]:
    """Yield the URL of the store to measure."""
    if not postgres:
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            yield f"sqlite:///{inside}/loop.db"
            return
    from tests.support.postgres import Server, new_folder

    server = Server(folder or new_folder())
    try:
        server.make()
        server.start()
        yield server.url(schema="loop")
    finally:
        server.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the store goes")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL server from the wheel")
    wanted = parser.parse_args()
    with a_store(postgres=wanted.postgres, folder=wanted.folder) as url:
        at = asyncio.run(loop(url, wanted.turns))
    print("| steps | ms a step | of these, processor | memory, MiB | without SQLite's pages |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    tenth = wanted.turns // 10
    for number, (before, after) in enumerate(pairwise(at)):
        took, used = after.clock_s - before.clock_s, after.processor_s - before.processor_s
        print(
            f"| {number * tenth + 1:,} to {(number + 1) * tenth:,} | {took / tenth * 1e3:.2f} | {used / tenth * 1e3:.2f} "
            f"| {after.mib:.0f} | {after.mib - after.pages_mib:.0f} |"
        )


if __name__ == "__main__":
    main()
