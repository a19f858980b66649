"""The bell of a store: what it rings for, and what a ring over a file costs nobody."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from opord.stores.bell import SOON_US, Bell, Rings, rings_for
from opord.stores.memory import MemoryStore
from opord.stores.postgres.listening import PipeBell
from opord.stores.sqlite import bell as sqlite_bell
from opord.stores.sqlite.store import SqliteStore
from opord.testing.store_rows import BEGIN, ORDERS, a_head, a_message, a_start, a_write, started
from opord.values.types import Instant
from tests.support.children import answer_of_child

LATER = Instant(BEGIN + SOON_US + 1)
ENDED = a_head(status="ended", outcome="success", wake_at=None)


def has_rung(bell: Bell) -> bool:
    """Say whether a bell has rung, and take it in."""
    ready, _, _ = select.select([bell.fileno()], [], [], 0)
    bell.heard()
    return bool(ready)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with_contract = SqliteStore(path)
    with_contract.put_contract(ORDERS)
    yield with_contract
    with_contract.close()


@pytest.fixture
def other(store: SqliteStore, path: Path) -> Iterator[SqliteStore]:
    second = SqliteStore(path)
    yield second
    second.close()


def heard_by(store: SqliteStore, ring: str = "work") -> Bell:
    bell = store.bell(ring)  # type: ignore[arg-type]
    assert bell is not None
    return bell


# --- what it rings for ---------------------------------------------------------------------------


def test_what_a_change_rings_for() -> None:
    row = a_start("Orders/1").row
    held = a_head(worker="w")
    for changes, rings in (
        ([a_start("Orders/1")], Rings(work=True)),
        ([a_start("Orders/1", head=held)], Rings()),
        ([a_start("Orders/1", head=a_head(wake_at=LATER - 1))], Rings(work=True)),
        ([a_start("Orders/1", head=a_head(wake_at=LATER))], Rings()),
        ([a_start("Orders/1", head=a_head(status="waiting", wake_at=None))], Rings()),
        ([a_write(row, head=held)], Rings()),
        ([a_write(row, head=a_head())], Rings(work=True)),
        ([a_write(row, records=0, put=(a_message("m"),))], Rings(work=True)),
        ([a_write(row, head=ENDED)], Rings(end=True)),
        ([a_write(row, head=held), a_start("Orders/2"), a_write(row, head=ENDED)], Rings(True, True)),
        ([], Rings()),
    ):
        assert rings_for(changes, BEGIN) == rings, changes


def test_a_bell_over_a_file_rings_for_its_kind_alone(store: SqliteStore, other: SqliteStore) -> None:
    work, end = heard_by(store), heard_by(store, "end")
    held = started(other, head=a_head(worker="w"))
    assert (has_rung(work), has_rung(end)) == (False, False)
    other.apply([a_write(held, head=ENDED)])
    assert (has_rung(work), has_rung(end)) == (False, True)
    started(other, "Orders/2")
    assert (has_rung(work), has_rung(end)) == (True, False)
    for verb in (other.counts, other.changes, lambda: other.load(held.run), lambda: other.journal(held.run)):
        verb()
    assert (has_rung(work), has_rung(end)) == (False, False), "reading rings for nothing"


def test_a_transaction_rings_when_it_is_committed(store: SqliteStore, other: SqliteStore) -> None:
    bell = heard_by(store)
    for way in ("apply", "view"):
        opened = other.transaction()
        assert opened is not None
        (opened if way == "apply" else opened.view).apply([a_start(f"Orders/{way}")])
        assert not has_rung(bell)
        opened.commit()
        assert has_rung(bell)
    undone = other.transaction()
    assert undone is not None
    undone.apply([a_start("Orders/undone")])
    undone.roll_back()
    assert not has_rung(bell)


def test_stores_in_memory_have_no_bell() -> None:
    assert SqliteStore(None).bell("work") is None
    assert MemoryStore().bell("work") is None


# --- what it costs nobody ------------------------------------------------------------------------


def test_a_ring_waits_for_nobody_who_does_not_listen(store: SqliteStore, path: Path) -> None:
    bell = heard_by(store)
    for _ in range(20_000):  # more than the kernel keeps for one who does not read
        sqlite_bell.ring_log(path, Rings(work=True))
    assert has_rung(bell)
    while has_rung(bell):
        pass
    sqlite_bell.ring_log(path, Rings(work=True))
    assert has_rung(bell)


def test_a_full_pipe_waits_for_nobody() -> None:
    bell = PipeBell("work", lambda one: None)
    for _ in range(100_000):
        bell.ring()
    assert has_rung(bell)
    bell.close()


def test_a_ring_leaves_the_locks_of_the_store_alone(store: SqliteStore, path: Path) -> None:
    """To close a file takes away the locks that its process holds on it; SQLite has such locks."""
    try_to_write = (
        "import apsw, sys\n"
        "connection = apsw.Connection(sys.argv[1])\n"
        "try:\n"
        "    connection.execute('BEGIN IMMEDIATE')\n"
        "    print('written')\n"
        "except apsw.BusyError:\n"
        "    print('locked')\n"
    )
    with store._pool.write():
        sqlite_bell.ring_log(path, Rings(True, True))
        said = subprocess.run([sys.executable, "-c", try_to_write, path], capture_output=True, text=True)
    assert said.stdout.strip() == "locked"


def test_a_ring_writes_nothing(store: SqliteStore, path: Path) -> None:
    before = os.stat(sqlite_bell.log_of(path))
    sqlite_bell.ring_log(path, Rings(True, True))
    after = os.stat(sqlite_bell.log_of(path))
    assert (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def test_a_ring_without_a_log_harms_nothing(tmp_path: Path) -> None:
    sqlite_bell.ring_log(tmp_path / "gone.db", Rings(True, True))
    assert os.listdir(tmp_path) == []


def test_whoever_can_hear_nothing_has_no_bell(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_many() -> int:
        raise OSError(24, "too many open files")

    for broken in (too_many, lambda: -1):
        monkeypatch.setattr(sqlite_bell, "_inotify", broken)
        assert store.bell("work") is None
    monkeypatch.undo()
    assert store.bell("work") is not None


def test_other_systems_have_no_bell(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_bell.sys, "platform", "darwin")
    assert store.bell("work") is None


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 100) / ("ü" * 60)
    folder.mkdir(parents=True)
    ours, theirs = SqliteStore(folder / "runs.db"), SqliteStore(folder / "runs.db")
    ours.put_contract(ORDERS)
    bell = heard_by(ours)
    started(theirs)
    assert has_rung(bell)
    ours.close()
    theirs.close()


# --- processes that end or fork ------------------------------------------------------------------


def test_a_process_that_is_killed_leaves_nothing_behind(store: SqliteStore, path: Path) -> None:
    listens = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from opord.stores.sqlite.store import SqliteStore\n"
        "store = SqliteStore(Path(sys.argv[1]))\n"
        "bells = store.bell('work'), store.bell('end')\n"
        "print(all(bells), flush=True)\n"
        "time.sleep(60)\n"
    )
    bell = heard_by(store)
    files = sorted(os.listdir(path.parent))
    process = subprocess.Popen([sys.executable, "-c", listens, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "True"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert sorted(os.listdir(path.parent)) == files
    bell.heard()
    started(store)
    assert has_rung(bell)


def test_a_bell_goes_on_after_a_fork_and_its_child_has_none(store: SqliteStore, path: Path) -> None:
    bell = heard_by(store)
    assert answer_of_child(lambda: str(bell.fileno())) == "-1"
    bell.heard()
    store.changes()
    another = SqliteStore(path)
    started(another)
    assert has_rung(bell)
    another.close()


def test_a_bell_hears_the_log_that_came_after_a_fork(store: SqliteStore, path: Path) -> None:
    """A process that uses the file while its parent has it closed may take the log away with it."""
    bell = heard_by(store)
    log = Path(sqlite_bell.log_of(path))

    def use() -> str:
        apsw.Connection(str(path)).execute("SELECT count(*) FROM runs").fetchall()
        return str(log.exists())

    assert answer_of_child(use) == "False"
    store.changes()
    bell.heard()
    another = SqliteStore(path)
    started(another)
    assert has_rung(bell)
    another.close()
