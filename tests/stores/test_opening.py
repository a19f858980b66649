"""Opening a store: what is refused and how, the settings, schema steps, many processes at once."""

from __future__ import annotations

import multiprocessing
import os
import stat
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import apsw
import pytest

from opord.stores import open_store
from opord.stores.base import Applied, StoreDamaged, StoreError, StoreRefused, StoreUnavailable
from opord.stores.sqlite import SqliteStore, opening, sql
from opord.stores.sqlite.connection import StoreConnection, at_once
from opord.stores.sqlite.location import check_location, file_system
from opord.testing.store_rows import ORDERS, a_start, started


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("orders.db", "expected a store like sqlite:///opord.db"),
        ("mysql://host/db", "got the scheme 'mysql'"),
        ("postgresql://host/db?schema=Mine", "a schema of small letters"),
        ("postgres://host/db#part", "write / as %2F"),
        ("temporal://host:7233/default", "this version of opord has no temporal store"),
        ("sqlite://orders.db", "sqlite:///orders.db"),
        ("sqlite:///", "expected the name of a file"),
        ("sqlite:///folder/", "expected the name of a file"),
        ("sqlite:///a.db?mode=ro", "takes no parameters"),
        ("sqlite:///a%00b.db", "NUL"),
    ],
)
def test_a_url_that_does_not_name_a_store_is_refused(url: str, said: str) -> None:
    with pytest.raises(StoreRefused) as caught:
        open_store(url)
    assert said in str(caught.value)


def test_a_file_is_named_by_a_relative_or_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///here.db").close()
    open_store(f"sqlite:///{tmp_path}/whole%20path.db").close()
    assert {path.name for path in tmp_path.iterdir()} == {"here.db", "whole path.db"}


def test_a_store_in_memory_works(tmp_path: Path) -> None:
    store = open_store("sqlite://:memory:")
    store.put_contract(ORDERS)
    started(store)
    assert [row.run for row in store.claim("w", [ORDERS.digest], limit=1, ttl_us=1)] == ["Orders/1"]
    store.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match=r"there is no folder .*nowhere"):
        SqliteStore(tmp_path / "nowhere" / "runs.db")


def test_a_folder_is_refused_as_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="is a folder"):
        SqliteStore(tmp_path)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"not a database, " * 100)
    with pytest.raises(StoreRefused, match="not an SQLite database"):
        SqliteStore(file)
    assert file.read_bytes() == b"not a database, " * 100


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    connection = apsw.Connection(str(file))
    connection.execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StoreRefused, match="another program's database"):
        SqliteStore(file)
    assert file.read_bytes() == before


def test_a_store_of_a_newer_opord_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    SqliteStore(file).close()
    connection = apsw.Connection(str(file))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(
        StoreRefused, match=r"made by a newer opord \(schema 99, this one knows \d+\); upgrade opord"
    ):
        SqliteStore(file)


@pytest.mark.parametrize("version", ["3.7.0", "3.40.1", "3.51.2"])
def test_an_sqlite_that_can_corrupt_files_is_refused(version: str) -> None:
    with pytest.raises(StoreRefused, match="can corrupt a file"):
        opening.check_sqlite(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.54.1", "4.0.0", "3.51.3.1"])
def test_a_sound_sqlite_is_accepted(version: str) -> None:
    opening.check_sqlite(version)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    shared = tmp_path / "shared folder"
    shared.mkdir()
    escaped = str(shared).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nhost:/x {escaped} {kind} rw 0 0\n")
    with pytest.raises(StoreRefused, match=f"network file system \\({kind}\\)"):
        check_location(shared / "runs.db", mounts)
    check_location(tmp_path / "runs.db", mounts)


def test_an_unknown_file_system_is_accepted(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "no-such-file") is None


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    # Tests may run as root, who may write anything; the answer is faked as for other users.
    def access(path: Any, mode: int) -> bool:
        return bool(Path(path).stat().st_mode & stat.S_IWUSR) or not mode & os.W_OK

    monkeypatch.setattr(os, "access", access)
    file = tmp_path / "runs.db"
    file.touch()
    (file if what == "file" else tmp_path).chmod(0o500)
    try:
        with pytest.raises(StoreRefused, match="by this user"):
            SqliteStore(file)
    finally:
        tmp_path.chmod(0o700)


def test_every_setting_is_in_force_on_every_connection(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "runs.db").close()
    for connection in (opening.open_writer(tmp_path / "runs.db"), opening.open_reader(tmp_path / "runs.db")):
        given = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        assert [connection.pragma(name) for name in given] == ["wal", 2, 1, 0]
        connection.close()


def test_a_setting_without_effect_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_SETTINGS", (("no_such_setting", 1),))
    with pytest.raises(StoreRefused, match="did not take the setting no_such_setting: expected 1, got: None"):
        SqliteStore(tmp_path / "runs.db")


def test_a_setting_with_another_effect_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_SETTINGS", (("journal_size_limit", -5),))
    with pytest.raises(StoreRefused, match="the setting journal_size_limit: expected -5, got: -1"):
        SqliteStore(tmp_path / "runs.db")


@pytest.mark.parametrize("waiting", [nullcontext, at_once])
def test_a_transaction_may_write_from_its_first_statement_on(tmp_path: Path, waiting: Any) -> None:
    """A write transaction must not begin with a read.

    It would be refused without a wait if another process wrote meanwhile.
    """
    ours = StoreConnection(opening.open_writer(tmp_path / "runs.db"), "runs.db")
    with waiting(), ours.transaction() as connection:
        assert connection.txn_state("main") == apsw.SQLITE_TXN_WRITE
    assert connection.txn_state("main") == apsw.SQLITE_TXN_NONE
    ours.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "runs.db").close()
    reader = opening.open_reader(tmp_path / "runs.db")
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM workers")
    reader.close()


# --- Schema steps ---

STEPS = ["CREATE TABLE one (x INTEGER) STRICT", "CREATE TABLE two (x INTEGER) STRICT"]


def test_schema_steps_are_taken_one_by_one_and_once(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "runs.db"))
    opening.migrate(connection, "here", STEPS[:1])
    opening.migrate(connection, "here", STEPS)
    opening.migrate(connection, "here", STEPS)
    assert connection.pragma("user_version") == 2
    assert connection.pragma("application_id") == opening.APPLICATION_ID
    connection.close()


def test_a_schema_step_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "runs.db"))
    with pytest.raises(apsw.SQLError):
        opening.migrate(connection, "here", [STEPS[0], STEPS[1] + "; SELECT no_such_thing"])
    assert connection.pragma("user_version") == 1
    assert connection.execute("SELECT group_concat(name) FROM sqlite_schema").get == "one"
    opening.migrate(connection, "here", STEPS)
    assert connection.pragma("user_version") == 2
    connection.close()


def test_a_store_that_a_newer_process_migrates_during_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(tmp_path / "runs.db").close()
    inner = opening.migrate

    def overtaken(connection: apsw.Connection, place: str, steps: list[str]) -> None:
        newer = apsw.Connection(place)
        inner(newer, place, [*steps, "CREATE TABLE newer (x INTEGER) STRICT"])
        newer.close()
        inner(connection, place, steps)

    monkeypatch.setattr(opening, "migrate", overtaken)
    with pytest.raises(StoreRefused, match="made by a newer opord"):
        SqliteStore(tmp_path / "runs.db")


def test_schema_steps_are_numbered_without_gaps() -> None:
    assert len(sql.migrations()) >= 1


def _open_and_start(path: str, name: str, barrier: Any, answers: Any) -> None:
    try:
        barrier.wait()
        store = SqliteStore(path)
        store.put_contract(ORDERS)
        answers.put(store.apply([a_start(name)]) and "ok")
        store.close()
    except BaseException as error:
        answers.put(repr(error))


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    path = str(tmp_path / "runs.db")
    workers = [
        context.Process(target=_open_and_start, args=(path, f"r{n}", barrier, answers)) for n in range(4)
    ]
    for worker in workers:
        worker.start()
    assert [answers.get(timeout=60) for _ in workers] == ["ok"] * 4
    for worker in workers:
        worker.join()
    store = SqliteStore(path)
    assert all(store.load(f"r{n}") is not None for n in range(4))
    store.close()


# --- While open ---


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.close()
    store.close()
    for verb in (lambda: store.load("x"), lambda: store.changes(), lambda: store.apply([a_start()])):
        with pytest.raises(StoreRefused, match="is closed"):
            verb()


def test_a_store_cannot_be_used_after_a_fork(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.load("x")
    came, gone = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        for verb in (lambda: store.load("x"), lambda: store.changes(), lambda: store.apply([a_start()])):
            try:
                verb()
            except StoreRefused as error:
                said += "R" if "forked" in str(error) else "?"
        store.close()
        os.write(gone, said.encode())
        os._exit(0)
    assert os.read(came, 10) == b"RRR"
    os.waitpid(child, 0)
    assert store.load("x") is None
    store.close()


def test_a_file_that_was_moved_away_while_open_is_gone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.put_contract(ORDERS)
    (tmp_path / "runs.db").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="moved, deleted or replaced") as caught:
        store.apply([a_start()])
    assert caught.value.kind == "gone"
    (tmp_path / "elsewhere").rename(tmp_path / "runs.db")
    started(store)
    store.close()


def test_a_changed_row_is_damage(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.put_contract(ORDERS)
    started(store)
    other = apsw.Connection(str(tmp_path / "runs.db"))
    other.execute("UPDATE heads SET status = 'dancing'")
    other.close()
    with pytest.raises(StoreDamaged, match="a row is damaged"):
        store.load("Orders/1")
    store.close()


def test_a_batch_that_fails_half_way_leaves_nothing_and_no_transaction(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.put_contract(ORDERS)
    writer = store._pool.writer.connection
    # The journal is written after the run's row and its head.
    writer.execute(
        "CREATE TEMP TRIGGER no_records BEFORE INSERT ON main.journal BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(StoreError):
        store.apply([a_start("Orders/1")])
    writer.execute("DROP TRIGGER no_records")
    assert store.load("Orders/1") is None
    assert store.apply([a_start("Orders/2")]) == [Applied(0)]
    assert store.load("Orders/1") is None
    store.close()
