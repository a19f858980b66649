"""The power fails anywhere in a verb of the store: afterwards it was done wholly or not at all.

It was done if it was answered.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from opord.stores.base import Kept, StoreError
from opord.stores.sqlite import SqliteStore, sql
from opord.testing.store_rows import DIGEST, ORDERS, SteppedClock, a_head, a_message, a_start, a_write
from tests.disk.lossy import VFS, WAYS, Disk
from tests.disk.machine import At

OTHERS = ORDERS.replace(digest="f" * 64, name="Others")
OLD = Path(__file__).parents[1] / "migrations" / "written_at_1.sql"
MOST = 2000


def fill(store: SqliteStore) -> None:
    """Add enough rows for every verb to have something to do."""
    store.put_contract(ORDERS)
    store.apply([a_start(f"Orders/{n}", input_text='"' + "x" * 700 + '"') for n in range(12)])
    row = store.load("Orders/0")
    assert row is not None
    store.apply([a_write(row, head=a_head(state="Next"), put=(a_message("m"),))])
    store.claim("w", [DIGEST], limit=3, ttl_us=10**9)


def rewritten(kept: Kept) -> Kept:
    return kept.replace(row=kept.row.replace(input='"another"', epoch=kept.row.epoch + 1))


VERBS: dict[str, Callable[[SqliteStore], Any]] = {
    "put_contract": lambda store: store.put_contract(OTHERS),
    "apply": lambda store: store.apply([a_start("Orders/new"), a_start("Orders/more")]),
    "claim": lambda store: store.claim("v", [DIGEST], limit=5, ttl_us=10**9),
    "renew": lambda store: store.renew("w", [("Orders/1", 1), ("Orders/2", 1)], ttl_us=10**12),
    "release": lambda store: store.release("w", [("Orders/1", 1), ("Orders/2", 1)]),
    "heartbeat": lambda store: store.heartbeat("v", [DIGEST], ttl_us=10**9),
    "rewrite": lambda store: store.rewrite("Orders/3", rewritten),
    "compact": lambda store: store.compact(),
}


def open_store(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "runs.db", clock=SteppedClock(), vfs=VFS)


def content(folder: Path) -> dict[str, list[Any]]:
    """Return all rows of a copy of the file and its log, after SQLite's own check."""
    copy = folder.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in folder.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, copy)
    connection = apsw.Connection(str(copy / "runs.db"))
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("PRAGMA foreign_key_check").get is None
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    ).fetchall()
    found = {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for (name,) in tables}
    connection.close()
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("filled")
    store = SqliteStore(folder / "runs.db", clock=SteppedClock())
    fill(store)
    store.close()
    return {"runs.db": (folder / "runs.db").read_bytes()}


@pytest.mark.parametrize("verb", list(VERBS))
def test_a_verb_is_done_as_a_whole_or_not_at_all(tmp_path: Path, filled: dict[str, bytes], verb: str) -> None:
    def told(lose_at: At | None, way: str, salt: int) -> tuple[bool, dict[str, list[Any]], int]:
        """Return whether the verb was answered, the rows afterwards, and whether power failed."""
        disk = Disk(tmp_path, files=filled)
        store = open_store(disk.folder)
        store.load("Orders/0")
        disk.lose_at = lose_at or disk.lose_at
        answered = False
        with contextlib.suppress(StoreError, apsw.Error):
            VERBS[verb](store)
            answered = not disk.off
        lost = disk.off
        disk.off = True
        with contextlib.suppress(StoreError, apsw.Error):
            store.close()
        disk.lose_at = lambda kind: None
        disk.lose(Random(salt), way)
        open_store(disk.folder).close()
        there = content(disk.folder)
        disk.close()
        return answered, there, lost

    answered, after, _ = told(None, "nothing", 0)
    assert answered
    before = content_of(filled, tmp_path)
    assert (before == after) == (verb == "compact")
    losses = 0
    for nth in range(1, MOST, 9 if verb == "compact" else 2):
        when = ("before", "after")[nth // 2 % 2]
        answered, there, lost = told(At(nth, when), WAYS[nth // 2 % len(WAYS)], nth)
        assert there in (before, after), (nth, when)
        assert not answered or there == after, (nth, when)
        losses += lost
        if not lost:
            break
    assert losses >= 3


def content_of(files: dict[str, bytes], root: Path) -> dict[str, list[Any]]:
    folder = root / "as-it-was"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return content(folder)


def test_a_schema_step_is_made_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "old.db"
    connection = apsw.Connection(str(place))
    connection.execute(OLD.read_text())
    connection.close()
    files = {"runs.db": place.read_bytes()}
    before = content_of(files, tmp_path)
    lost = 0
    for nth in range(1, MOST, 4):
        disk = Disk(tmp_path, files=files)
        disk.lose_at = At(nth, "before")
        with contextlib.suppress(StoreError, apsw.Error):
            open_store(disk.folder).close()
        went = disk.off
        lost += went
        disk.off = True
        disk.lose_at = lambda kind: None
        disk.lose(Random(nth), WAYS[nth // 4 % len(WAYS)])
        found = content(disk.folder)
        for name, rows in before.items():
            # A step may add columns after the existing ones.
            kept = [row[: len(old) - 1] for row, old in zip(found[name], rows, strict=True)]
            assert kept == [old[:-1] for old in rows], nth
        store = open_store(disk.folder)
        assert store._pool.writer.connection.pragma("user_version") == len(sql.migrations())
        store.close()
        disk.close()
        if not went:
            break
    assert lost > 5
