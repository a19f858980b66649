"""Faults below the SQLite store: nothing is half written, and a repeated call applies it once."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from opord.stores.base import (
    Applied,
    EventKey,
    Exists,
    RunFilter,
    Stale,
    Start,
    Store,
    StoreDamaged,
    StoreUnavailable,
    UsedKey,
    Write,
)
from opord.stores.sqlite import SqliteStore, opening
from opord.stores.sqlite.connection import BUSY_TIMEOUT_MS, translate, wait_while_busy
from opord.testing.store_rows import (
    DIGEST,
    ORDERS,
    SteppedClock,
    a_head,
    a_message,
    a_record,
    a_start,
    a_write,
)

KINDS: dict[str, tuple[type[apsw.Error], str]] = {
    "full": (apsw.FullError, "full"),
    "io": (apsw.IOError, "io"),
    "read-only": (apsw.ReadOnlyError, "readonly"),
    "busy": (apsw.BusyError, "locked"),
}


class Faults:
    """Counts the calls, and fails the chosen one once."""

    def __init__(self) -> None:
        self.error: type[apsw.Error] = apsw.IOError
        self.countdown = 0
        self.fired = False

    def arm(self, number: int, error: type[apsw.Error]) -> None:
        self.countdown, self.error, self.fired = number, error, False

    def pass_by(self) -> None:
        if self.countdown:
            self.countdown -= 1
            if not self.countdown:
                self.fired = True
                raise self.error("injected")


FAULTS = Faults()


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: Any) -> None:
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        FAULTS.pass_by()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        FAULTS.pass_by()
        super().xSync(flags)


class _System(apsw.VFS):
    def __init__(self) -> None:
        super().__init__("opord-faults", "")

    def xOpen(self, name: Any, flags: Any) -> _File:
        return _File(name, flags)


SYSTEM = _System()


def connect(path: Path | None, flags: int, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags, vfs="opord-faults")
    connection.set_busy_handler(lambda looks: looks < 20 and wait_while_busy(looks))
    return connection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    monkeypatch.setattr(opening, "_connect", connect)
    FAULTS.arm(0, apsw.IOError)
    store = SqliteStore(file, clock=SteppedClock())
    store.put_contract(ORDERS)
    store.apply([a_start(f"Orders/{n}") for n in range(4)])
    yield store
    FAULTS.arm(0, apsw.IOError)
    store.close()
    check_integrity(file)


def check_integrity(file: Path) -> None:
    connection = apsw.Connection(str(file))
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    assert connection.execute("PRAGMA foreign_key_check").get is None
    connection.close()


def seen(store: Store) -> list[Any]:
    """Return everything that the changes below could have left behind."""
    rows = store.runs(RunFilter(), limit=100)
    found: list[Any] = [rows]
    for row in rows:
        found += [store.journal(row.run), store.inbox(row.run)]
        found += [store.event_key(row.run, "paid", "k"), store.used_key(row.run, "charge", "k")]
    return found


def attempt(verb: Callable[[], Any]) -> tuple[Any, str | None]:
    """Return the answer, or why the store cannot give it now."""
    try:
        return verb(), None
    except StoreUnavailable as error:
        return None, error.kind


def a_batch(store: Store, *, mixed: bool) -> list[Start | Write]:
    """Return a batch that touches every table.

    A mixed one holds changes that do not fit, so it takes the slow path.
    """
    rows = {row.run: row for row in store.runs(RunFilter(), limit=10)}
    first = a_write(
        rows["Orders/0"],
        head=a_head(state="Next"),
        put=(a_message("m"),),
        event_keys=(EventKey("paid", "k", "c"),),
        used_keys=(UsedKey("charge", "k", "a", "r"),),
    )
    batch: list[Start | Write] = [first, a_write(rows["Orders/1"], records=2), a_start("Orders/new")]
    if mixed:
        batch += [
            a_write(rows["Orders/2"]).replace(seq=7, records=(a_record("Orders/2", 8),)),
            a_start("Orders/3", records=2),
        ]
    return batch


def expected(store: Store, *, mixed: bool) -> list[Any]:
    answers: list[Any] = [Applied(1), Applied(0), Applied(0)]
    return [*answers, Stale(store.load("Orders/2")), Exists(store.load("Orders/3"))] if mixed else answers  # type: ignore[arg-type]


@pytest.mark.parametrize("mixed", [False, True], ids=["all fit", "some do not fit"])
@pytest.mark.parametrize("kind", ["full", "io", "read-only"])
def test_a_failed_disk_write_leaves_nothing_and_may_be_repeated(
    store: SqliteStore, kind: str, mixed: bool
) -> None:
    error, said = KINDS[kind]
    batch, before = a_batch(store, mixed=mixed), seen(store)
    failed = 0
    for number in range(1, 1000):
        FAULTS.arm(number, error)
        results, unavailable = attempt(lambda: store.apply(batch))
        if unavailable is None:
            assert not FAULTS.fired
            break
        failed += 1
        assert unavailable in (said, "io")
        assert seen(store) == before
    else:
        pytest.fail("the batch never came through")
    assert failed >= 3
    assert results == expected(store, mixed=mixed)
    after = seen(store)
    assert store.apply(batch) == results
    assert seen(store) == after != before


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_failed_statement_leaves_nothing_and_may_be_repeated(store: SqliteStore, kind: str) -> None:
    error, said = KINDS[kind]
    faults = Faults()

    def trace(cursor: Any, statement: str, given: Any) -> bool:
        if statement != "ROLLBACK":
            faults.pass_by()
        return True

    store._pool.writer.connection.exec_trace = trace
    batch, before = a_batch(store, mixed=True), seen(store)
    verbs: list[Callable[[], Any]] = [
        lambda: store.heartbeat("w", [DIGEST], ttl_us=1),
        lambda: store.apply(batch),
        lambda: store.claim("w", [DIGEST], limit=2, ttl_us=10),
        lambda: store.renew("w", [("Orders/0", 1)], ttl_us=10),
        lambda: store.release("w", [("Orders/0", 1)]),
    ]
    for verb in verbs:
        before = seen(store)
        for number in range(1, 100):
            faults.arm(number, error)
            _, unavailable = attempt(verb)
            if unavailable is None:
                assert number > 1
                break
            assert unavailable == said
            assert seen(store) == before
            assert store._pool.writer.connection.getautocommit()
        faults.arm(0, error)
    assert [row.seq for row in store.runs(RunFilter(), limit=2, after="Orders/2")] == [3, 2]


def test_a_change_committed_with_an_error_is_applied_once(store: SqliteStore) -> None:
    def hook(connection: apsw.Connection, database: str, pages: int) -> int:
        raise apsw.IOError("after the commit")

    batch = a_batch(store, mixed=False)
    store._pool.writer.connection.set_wal_hook(hook)
    with pytest.raises(StoreUnavailable):
        store.apply(batch)
    store._pool.writer.connection.set_wal_hook(None)
    after = seen(store)
    assert store.apply(batch) == expected(store, mixed=False)
    assert seen(store) == after


def test_a_change_with_a_failed_sync_is_applied_once_after_a_crash(
    store: SqliteStore, file: Path, tmp_path: Path
) -> None:
    batch = a_batch(store, mixed=False)
    for number in range(1, 100):
        FAULTS.arm(number, apsw.IOError)
        try:
            store.apply(batch)
        except StoreUnavailable:
            there = tmp_path / f"crashed-{number}"
            there.mkdir()
            for name in ("runs.db", "runs.db-wal"):
                shutil.copy(file.with_name(name), there / name)
            continue
        break
    FAULTS.arm(0, apsw.IOError)
    crashed = sorted(tmp_path.glob("crashed-*"))
    assert crashed
    for there in crashed:
        again = SqliteStore(there / "runs.db", clock=SteppedClock())
        assert again.apply(batch) == expected(again, mixed=False)
        assert seen(again) == seen(store)
        again.close()
        check_integrity(there / "runs.db")


def test_a_full_store_takes_no_change_until_there_is_room(store: SqliteStore) -> None:
    connection = store._pool.writer.connection
    connection.pragma("max_page_count", connection.pragma("page_count"))
    big = a_start("Orders/big", input_text='"' + "x" * 200_000 + '"')
    before = seen(store)
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as caught:
            store.apply([big, a_start("Orders/small")])
        assert caught.value.kind == "full"
        assert connection.getautocommit()
        assert seen(store) == before
    connection.pragma("max_page_count", 1_000_000)
    assert store.apply([big, a_start("Orders/small")]) == [Applied(0), Applied(0)]


def test_a_disk_without_room_for_the_shared_memory_is_full_and_not_broken() -> None:
    error = apsw.IOError("disk I/O error")
    setattr(error, "extendedresult", apsw.SQLITE_IOERR_SHMSIZE)  # noqa: B010
    said = translate(error, "orders.db")
    assert isinstance(said, StoreUnavailable)
    assert said.kind == "full"
    assert "the disk or its quota is full" in str(said)


def test_a_store_that_another_process_writes_is_locked_until_it_ends(store: SqliteStore, file: Path) -> None:
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE; UPDATE heads SET reason = 'busy'")
    batch = a_batch(store, mixed=True)
    verbs: list[Callable[[], Any]] = [
        lambda: store.apply(batch),
        lambda: store.claim("w", [DIGEST], limit=1, ttl_us=1),
        lambda: store.heartbeat("w", [], ttl_us=1),
    ]
    for verb in verbs:
        with pytest.raises(StoreUnavailable) as caught:
            verb()
        assert caught.value.kind == "locked"
    assert store.load("Orders/0") is not None, "readers are not held up"
    other.execute("ROLLBACK")
    other.close()
    assert store.apply(batch) == expected(store, mixed=True)


def test_a_call_that_may_not_wait_for_long_fails_soon(
    store: SqliteStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE")
    store._pool.writer.connection.set_busy_handler(wait_while_busy)
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(StoreUnavailable) as caught, store.at_once():
        store.apply(a_batch(store, mixed=True))
    assert caught.value.kind == "locked"
    assert sum(pauses) == pytest.approx(0.002)
    pauses.clear()
    with pytest.raises(StoreUnavailable):
        store.apply(a_batch(store, mixed=True))
    assert sum(pauses) == pytest.approx(BUSY_TIMEOUT_MS / 1000)
    other.execute("ROLLBACK")
    other.close()
    with store.at_once():
        assert store.apply(a_batch(store, mixed=True)) == expected(store, mixed=True)


def test_a_long_reader_blocks_no_writer_and_sees_one_instant(store: SqliteStore, file: Path) -> None:
    reader = apsw.Connection(str(file))
    reader.execute("BEGIN")
    count = "SELECT count(*) FROM journal"
    before = reader.execute(count).get
    store._pool.writer.connection.pragma("wal_autocheckpoint", 10)
    for number in range(30):
        store.apply([a_start(f"Long/{number}", input_text='"' + "x" * 20_000 + '"')])
    assert reader.execute(count).get == before
    log = file.with_name("runs.db-wal")
    grown = log.stat().st_size
    reader.execute("COMMIT")
    assert reader.execute(count).get == before + 30
    reader.close()
    store._pool.writer.connection.pragma("journal_size_limit", 100_000)
    for number in range(30, 40):
        store.apply([a_start(f"Long/{number}")])
    assert log.stat().st_size < grown, "the log is cut once nobody reads the old rows"


def test_an_interrupt_in_between_leaves_no_transaction_open(store: SqliteStore) -> None:
    before = seen(store)

    def interrupted() -> None:
        with store._pool.writer.transaction() as connection:
            connection.execute("UPDATE heads SET reason = 'half'")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store._pool.writer.connection.getautocommit()
    assert seen(store) == before


def test_a_damaged_page_is_damage(store: SqliteStore, file: Path, tmp_path: Path) -> None:
    store.apply([a_start(f"More/{number}", input_text='"' + "y" * 500 + '"') for number in range(200)])
    store._pool.writer.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    torn = tmp_path / "torn.db"
    content = bytearray(file.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    torn.write_bytes(content)
    with pytest.raises(StoreDamaged, match="restore a backup"):
        SqliteStore(torn).runs(RunFilter(), limit=100)


def test_the_journal_is_append_only(store: SqliteStore) -> None:
    for statement in ("UPDATE journal SET kind = 'x'", "DELETE FROM journal"):
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            store._pool.writer.connection.execute(statement)


# --- Several processes ---

WORKER = """
import sys, threading
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import DIGEST, a_write
def work(name):
    while rows := store.claim(name, [DIGEST], limit=5, ttl_us=3_600_000_000):
        results = store.apply([a_write(row, head=row.head.replace(wake_at=None, worker=None, status="ended")) for row in rows])
        lines.extend(f"{row.run} {row.epoch} {type(result).__name__}" for row, result in zip(rows, results))
path, name = sys.argv[1:]
lines, store = [], SqliteStore(path)
print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=work, args=(f"{name}-{n}",)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
store.close()
print("\\n".join(lines))
"""

WRITER = """
import sys
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import a_start
store = SqliteStore(sys.argv[1])
number = 0
while True:
    store.apply([a_start(f"Kill/{number}-{n}") for n in range(5)])
    print(number, flush=True)
    number += 1
"""


def test_two_processes_of_four_threads_claim_each_run_once(file: Path) -> None:
    store = SqliteStore(file)
    store.put_contract(ORDERS)
    names = [f"Orders/{number}" for number in range(300)]
    store.apply([a_start(name) for name in names])
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(file), name], stdin=pipe, stdout=pipe, text=True)
        for name in ("p1", "p2")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    lines = [line for worker in workers for line in worker.communicate(timeout=120)[0].split("\n") if line]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(lines) == sorted(f"{name} 1 Applied" for name in names)
    assert {row.seq for row in store.runs(RunFilter(), limit=1000)} == {2}
    store.close()
    check_integrity(file)


def test_confirmed_writes_survive_a_kill_and_nothing_is_half_written(file: Path) -> None:
    store = SqliteStore(file)
    store.put_contract(ORDERS)
    store.close()
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)][-1]
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert file.with_name("runs.db-wal").exists()
        store = SqliteStore(file)
        groups: dict[str, int] = {}
        for row in store.runs(RunFilter(), limit=100_000):
            group = row.run.split("-")[0]
            groups[group] = groups.get(group, 0) + 1
            assert len(store.journal(row.run)) == 1
        assert set(groups.values()) == {5}
        assert all(f"Kill/{number}" in groups for number in range(acknowledged + 1))
        store.close()
        check_integrity(file)


def test_threads_may_read_while_another_writes(store: SqliteStore) -> None:
    wrong: list[Any] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            row = store.load("Orders/0")
            if row is None or len(store.journal("Orders/0")) < row.seq:
                wrong.append(row)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        row = store.load("Orders/0")
        assert row is not None
        store.apply([a_write(row)])
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
