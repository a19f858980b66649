"""Files that are deleted under an open store, or after a crash: no confirmed write is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from opord.stores.base import Applied, RunFilter, StoreMoved, StoreUnavailable
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import ORDERS, SteppedClock, a_start

LOGS = [("-wal",), ("-shm",), ("-wal", "-shm")]

OTHER = """
import sys
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import a_start
store = SqliteStore(sys.argv[1])
for line in sys.stdin:
    store.apply([a_start(line.strip())])
    print(line.strip(), flush=True)
store.close()
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = a_store(tmp_path)
    store.put_contract(ORDERS)
    start(store, "before-1", "before-2")
    yield store
    store.close()


def a_store(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "runs.db", clock=SteppedClock())


def start(store: SqliteStore, *names: str) -> None:
    for name in names:
        assert store.apply([a_start(f"Orders/{name}")]) == [Applied(0)]


def delete(folder: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        (folder / f"runs.db{ending}").unlink()


def there(folder: Path) -> set[str]:
    """Return the runs that the next opener finds, after SQLite has found no damage."""
    connection = apsw.Connection(str(folder / "runs.db"))
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()
    store = a_store(folder)
    found = {row.run.removeprefix("Orders/") for row in store.runs(RunFilter(), limit=100)}
    store.close()
    return found


def other(folder: Path, *names: str) -> str:
    """Start runs in another process, which then ends."""
    lines = "".join(f"Orders/{name}\n" for name in names)
    ran = subprocess.run(
        [sys.executable, "-c", OTHER, str(folder / "runs.db")], input=lines, capture_output=True, text=True
    )
    return ran.stdout


def refused(store: SqliteStore, name: str) -> str:
    """Return the error of a store that refuses to start a run."""
    with pytest.raises(StoreUnavailable) as caught:
        store.apply([a_start(f"Orders/{name}")])
    assert caught.value.kind == "gone"
    return str(caught.value)


@pytest.mark.parametrize("endings", LOGS, ids="and".join)
def test_a_deleted_log_is_reported_at_once_and_saved_at_closing(
    store: SqliteStore, tmp_path: Path, endings: tuple[str, ...]
) -> None:
    delete(tmp_path, endings)
    said = refused(store, "after")
    assert f"runs.db{endings[0]} was moved, deleted or replaced while open" in said
    assert (
        "Stop every process that has the store open: each saves what it wrote as it ends. Then start them again"
        in said
    )
    with pytest.raises(StoreUnavailable):
        store.changes()
    store.close()
    assert there(tmp_path) == {"before-1", "before-2"}
    again = a_store(tmp_path)
    start(again, "after")
    again.close()
    assert there(tmp_path) == {"before-1", "before-2", "after"}


def test_a_log_that_is_put_back_is_used_again(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "runs.db-wal").rename(tmp_path / "elsewhere")
    refused(store, "after")
    (tmp_path / "elsewhere").rename(tmp_path / "runs.db-wal")
    start(store, "after")
    store.close()
    assert there(tmp_path) == {"before-1", "before-2", "after"}


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_write_while_the_log_is_deleted_is_not_confirmed(
    store: SqliteStore, tmp_path: Path, ending: str
) -> None:
    def trace(*_: object) -> bool:
        (tmp_path / f"runs.db{ending}").unlink(missing_ok=True)
        return True

    store._pool.writer.connection.exec_trace = trace
    refused(store, "during")
    store.close()
    assert there(tmp_path) >= {"before-1", "before-2"}


def test_writes_of_others_after_the_shared_index_is_gone_are_not_overwritten(
    store: SqliteStore, tmp_path: Path
) -> None:
    delete(tmp_path, ("-shm",))
    assert other(tmp_path, "theirs-1", "theirs-2") == "Orders/theirs-1\nOrders/theirs-2\n"
    refused(store, "after")
    store.close()
    assert there(tmp_path) == {"before-1", "before-2", "theirs-1", "theirs-2"}


@pytest.mark.parametrize("endings", LOGS, ids="and".join)
def test_several_processes_with_the_log_open_keep_all_their_writes(
    store: SqliteStore, tmp_path: Path, endings: tuple[str, ...]
) -> None:
    second = a_store(tmp_path)
    start(second, "second")
    assert len(store.runs(RunFilter(), limit=10)) == 3
    delete(tmp_path, endings)
    refused(second, "after")
    refused(store, "after")
    store.close()
    second.close()
    assert there(tmp_path) == {"before-1", "before-2", "second"}


def test_a_file_that_replaces_the_stores_file_keeps_its_log(store: SqliteStore, tmp_path: Path) -> None:
    for file in sorted(tmp_path.glob("runs.db*")):
        file.rename(tmp_path / f"old-{file.name}")
    theirs = a_store(tmp_path)
    theirs.put_contract(ORDERS)
    start(theirs, "theirs")
    store.close()
    assert (tmp_path / "runs.db-wal").exists()
    theirs.close()
    assert there(tmp_path) == {"theirs"}
    for file in sorted(tmp_path.glob("old-runs.db*")):
        file.rename(tmp_path / file.name.removeprefix("old-"))
    assert there(tmp_path) == {"before-1", "before-2"}


@pytest.mark.parametrize("endings", [(), ("-shm",)], ids=["nothing", "-shm"])
def test_after_a_crash_the_shared_index_is_not_needed(tmp_path: Path, endings: tuple[str, ...]) -> None:
    script = OTHER.replace("store.close()", "import os; os._exit(9)")
    a_store(tmp_path).close()
    store = a_store(tmp_path)
    store.put_contract(ORDERS)
    store.close()
    died = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "runs.db")],
        input="Orders/theirs\n", capture_output=True, text=True,
    )  # fmt: skip
    assert (died.returncode, died.stdout) == (9, "Orders/theirs\n")
    delete(tmp_path, endings)
    assert there(tmp_path) == {"theirs"}


@pytest.mark.parametrize(("taken", "told"), [("-wal", StoreMoved), (None, StoreUnavailable)])
def test_a_file_that_was_taken_away_is_no_failing_disk(
    tmp_path: Path, taken: str | None, told: type[StoreUnavailable]
) -> None:
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)
    if taken is not None:
        Path(f"{path}{taken}").unlink()
    with pytest.raises(StoreUnavailable) as refused, store._pool.read():
        raise apsw.IOError("disk I/O error")
    assert type(refused.value) is told
    assert refused.value.kind == ("gone" if taken is not None else "io")
    store.close()
