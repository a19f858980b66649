"""Prune beside a working engine, and check how much memory a prune holds."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import opord
from opord.engine.protection import SHOWING
from opord.kernel.legality import verify_kept
from opord.loading import program_of
from opord.stores.archive import Archive
from opord.stores.base import RunFilter
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import ORDERS, REFUNDS
from tests.pruning.kit import add_ended, lines, prune
from tests.support.contracts import compiled, workflow_of

PAY = """
contract Pay(id: int, pin: secret str) key id version 1
action pay(id: int) -> str
initial state Paying -> Paid { let receipt = commit pay(id) goto Paid(receipt) }
final state Paid(receipt: str) success
""".replace("commit pay(id) goto", "commit pay(id)\n  goto")

RUNS = 120


def given(number: int) -> dict[str, Any]:
    return {"id": number, "pin": "canary-1234"}


class Handlers:
    def __init__(self) -> None:
        self.paid: list[int] = []

    def pay(self, id: int, *, call: Any) -> str:
        self.paid.append(id)
        return f"r{id}"


def test_an_engine_works_while_its_ended_runs_are_pruned_at_once(tmp_path: Path) -> None:
    workflow = workflow_of(compiled(PAY))
    program = program_of(workflow)
    handlers, path = Handlers(), tmp_path / "old.jsonl"
    file = tmp_path / "runs.db"
    ended = threading.Event()
    counts: list[int] = []
    failures: list[BaseException] = []

    def prune_on() -> None:
        store = SqliteStore(file)
        try:
            while not ended.is_set():
                counts.append(prune(store, path, before=store.now()).pruned)
            counts.append(prune(store, path, before=store.now() + 1).pruned)
        except BaseException as error:
            failures.append(error)
        finally:
            store.close()

    async def work() -> None:
        async with opord.Engine(f"sqlite:///{file}", [workflow(handlers)]) as engine:
            thread = threading.Thread(target=prune_on)
            thread.start()
            try:
                for first in range(0, RUNS, 10):
                    for number in range(first, first + 10):
                        await engine.start(workflow, **given(number))
                    await engine.until_idle()
                    # It can be read whether pruned or not.
                    assert not (
                        await engine.client.start(program, program.input.accept(given(first)))
                    ).created
            finally:
                ended.set()
                await asyncio.to_thread(thread.join)

    asyncio.run(work())
    assert failures == []
    assert sorted(handlers.paid) == list(range(RUNS))
    assert sum(counts) == RUNS
    assert sum(count > 0 for count in counts) > 1, "they were pruned while others went on"
    archive, shown = Archive(path), SHOWING.of(program)
    for kept, _ in archive.runs():
        assert verify_kept(shown, kept) == []
    assert len(archive) == RUNS
    assert b"canary" not in path.read_bytes() + file.read_bytes()


def test_memory_does_not_grow_with_the_number_of_pruned_runs(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    for contract in (ORDERS, REFUNDS):
        store.put_contract(contract)
    for first in range(0, 5_000, 2_500):
        add_ended(store, 2_500, first)
    path = tmp_path / "old.jsonl"
    prune(store, path, limit=300)  # load once what stays loaded
    log = tmp_path / "runs.db-wal"
    tracemalloc.start()
    assert prune(store, path).pruned == 4_700
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert store.runs(RunFilter(), limit=1) == []
    assert sum(kind == "run" for kind, _ in lines(path)) == 5_000
    assert path.stat().st_size > 4_000_000
    assert peak < 3_000_000
    assert log.stat().st_size < 64 * 1024 * 1024
    store.close()
