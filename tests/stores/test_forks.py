"""A process that forks while its store is in use: its child can open the same file."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opord.stores.base import StoreMoved, StoreRefused
from opord.stores.sqlite import pool
from opord.stores.sqlite.store import SqliteStore
from opord.testing.store_rows import ORDERS, a_start
from opord.values.types import RunId
from tests.support.children import answer_of_child


def writes(path: Path, key: str) -> Callable[[], str]:
    def job() -> str:
        store = SqliteStore(path)
        store.apply([a_start(key)])
        store.close()
        return "written"

    return job


def test_a_fork_in_the_midst_of_a_write_locks_nothing_for_the_child(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)
    begun = threading.Event()

    def write_slowly() -> None:
        with store._pool.write():
            begun.set()
            time.sleep(0.2)
        store.apply([a_start("parent")])

    thread = threading.Thread(target=write_slowly)
    thread.start()
    begun.wait()
    assert answer_of_child(writes(path, "child")) == "written"
    thread.join()
    assert store.load(RunId("parent")) is not None
    assert store.load(RunId("child")) is not None
    store.close()


def test_nothing_is_open_while_a_process_forks(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)
    store.load(RunId("x"))

    def open_files() -> str:
        links = [Path(f"/dev/fd/{number}") for number in range(3, 256)]
        return ",".join(str(link) for link in links if link.exists() and link.samefile(path))

    assert answer_of_child(open_files) == ""
    before = store.changes()
    assert answer_of_child(writes(path, "child")) == "written"
    assert store.changes() != before
    assert store.load(RunId("child")) is not None
    store.close()


def test_a_store_is_closed_after_a_fork_as_if_there_had_been_none(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)
    assert answer_of_child(lambda: "here") == "here"
    store.close()
    assert os.listdir(tmp_path) == ["runs.db"]  # the log was saved into the file


def test_a_file_that_was_replaced_during_a_fork_is_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)

    def replace() -> str:
        path.rename(tmp_path / "away.db")
        SqliteStore(path).close()
        return "replaced"

    assert answer_of_child(replace) == "replaced"
    with pytest.raises(StoreMoved, match="moved, deleted or replaced"):
        store.load(RunId("x"))
    store.close()


def test_a_use_that_does_not_end_is_not_waited_for_and_the_child_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "FORK_WAIT_S", 0.05)
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)
    with store._pool.write():
        said = answer_of_child(writes(path, "child"))
    assert said.startswith("StoreRefused")
    assert "was in use when this process was forked" in said
    assert answer_of_child(writes(path, "child")) == "written"
    store.close()


def test_many_threads_may_fork_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.put_contract(ORDERS)
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda key=key: said.append(answer_of_child(writes(path, key))))
        for key in ("a", "b", "c", "d")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["written"] * 4
    assert all(store.load(RunId(key)) is not None for key in "abcd")
    store.close()
    with pytest.raises(StoreRefused, match="is closed"):
        store.load(RunId("a"))
