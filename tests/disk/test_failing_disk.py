"""A disk that fails without a power loss: the engine waits and goes on, and nothing is lost.

Nothing is done twice either. `python tests/disk/run.py --faults` does the same at every operation,
with every error.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

import apsw
import pytest

from opord.stores.base import StoreDamaged, StoreUnavailable
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import ORDERS
from tests.disk.faulty import ERRORS, FaultyMachine, suffer
from tests.disk.lossy import VFS, Disk, Fault
from tests.disk.machine import short_plan
from tests.sim.machine import Broken, run_virtually

OPERATIONS = [
    (("write",), 23, 8),
    (("sync",), 7, 4),
    (("read",), 17, 4),
    (("create", "delete", "truncate"), 1, 6),
]


@pytest.mark.parametrize("error", [name for name in ERRORS if name != "damage"])
@pytest.mark.parametrize(
    ("kinds", "every", "least"), OPERATIONS, ids=["write", "sync", "read", "file or its end"]
)
def test_a_failed_operation_is_reported_or_repeated(
    tmp_path: Path, kinds: tuple[str, ...], every: int, least: int, error: str
) -> None:
    failed = refused = 0
    # Each error begins at another operation, so that together they meet more places.
    for nth in range(1 + list(ERRORS).index(error) % every, 10_000, every):
        told = suffer(short_plan(0), tmp_path, Fault(kinds, nth, ERRORS[error]))
        assert not told.problems, (nth, told.problems)
        if not told.counts["failed"]:
            break
        failed += 1
        refused += told.counts["refused at opening"]
    assert failed >= least
    assert kinds != ("write",) or refused > 1


@pytest.fixture(scope="module")
def opening(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many writes the making of a store takes."""
    machine = FaultyMachine(short_plan(0), tmp_path_factory.mktemp("opening"), None)
    machine.close()
    return machine.disk.counts["write"]


@pytest.mark.parametrize("error", ["full", "io"])
def test_once_the_disk_has_room_again_everything_goes_on(tmp_path: Path, error: str, opening: int) -> None:
    counts: Counter[str] = Counter()
    for nth in (opening - 34, opening + 46, opening + 126):
        told = suffer(short_plan(0), tmp_path, Fault(("write", "sync", "truncate"), nth, ERRORS[error], 60))
        assert not told.problems, (nth, told.problems)
        counts += told.counts
    assert counts["failed"] > 60, counts
    assert counts["end: start acked"] == 6, counts


def test_a_fault_that_does_not_end_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, opening: int
) -> None:
    def main() -> None:
        machine = FaultyMachine(short_plan(0), tmp_path, Fault(("write",), opening + 26, ERRORS["full"], 60))
        caplog.set_level(logging.INFO, logger="opord")
        try:
            run_virtually(machine.story(), machine.clock)
        finally:
            machine.close()

    main()
    said = [record.getMessage() for record in caplog.records if record.name == "opord.store"]
    assert "the store is full: " in said[0]
    assert "the disk or its quota is full" in said[0]
    assert "nothing is lost, trying again in" in said[0]
    assert said[-1] == "the store answers again"


def test_a_damaged_store_is_reported_once_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, opening: int
) -> None:
    machine = FaultyMachine(short_plan(0), tmp_path, Fault(("write",), opening + 66, ERRORS["damage"]))
    caplog.set_level(logging.INFO, logger="opord")
    writes = machine.disk.counts["write"]

    async def main() -> None:
        life = await machine.engine()
        await machine._operate(machine.plan.ops[0])
        writer = life.engine.writer
        await writer.damaged.wait()
        before = machine.disk.counts["write"]
        with pytest.raises(StoreDamaged, match="stop writing to it and restore a backup"):
            await life.engine.client.read("OrderFulfilment/id-1")
        with pytest.raises(StoreDamaged):
            await life.engine.until_idle()
        await machine._operate(machine.plan.ops[0])
        await asyncio.gather(*machine.tasks, return_exceptions=True)
        await life.engine.__aexit__(None, None, None)
        assert machine.disk.counts["write"] == before

    try:
        run_virtually(main(), machine.clock)
    finally:
        machine.close()
    assert machine.disk.counts["write"] > writes
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.exc_info for record in said] == [None]
    assert "is damaged" in said[0].getMessage()


@pytest.mark.parametrize("error", list(ERRORS))
def test_errors_while_the_store_is_opened_are_in_the_stores_words(tmp_path: Path, error: str) -> None:
    for nth in range(1, 40, 9):
        fault = Fault(("write", "sync"), nth, ERRORS[error])
        if error == "damage":
            with pytest.raises(Broken) as broken:
                FaultyMachine(short_plan(0), tmp_path, fault)
            assert isinstance(broken.value.__cause__, StoreDamaged)
            continue
        machine = FaultyMachine(short_plan(0), tmp_path, fault)
        machine.close()
        assert machine.disk.failed == 1
        assert all(isinstance(one, StoreUnavailable) for one in machine.refused)
        # The store waits for another process that creates the same file.
        assert machine.refused or error == "busy"


def test_a_delayed_change_of_the_journal_mode_succeeds_in_the_end(tmp_path: Path) -> None:
    for nth in range(1, 8):
        disk = Disk(tmp_path)
        disk.fault = Fault(("write",), nth, ERRORS["busy"])
        try:
            store = SqliteStore(disk.folder / "runs.db", vfs=VFS)
        except StoreUnavailable:
            store = SqliteStore(disk.folder / "runs.db", vfs=VFS)
        assert disk.failed == 1
        assert store._pool.writer.connection.pragma("journal_mode") == "wal"
        store.put_contract(ORDERS)
        store.close()
        disk.close()


def test_the_errors_are_those_that_sqlite_knows() -> None:
    assert all(isinstance(make(), apsw.Error) for make in ERRORS.values())
