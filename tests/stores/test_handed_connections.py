"""The connection that a program gets in a transaction of SQLite behaves as one of `sqlite3`."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from opord.stores.sqlite.handed import OWN_TABLES
from opord.stores.sqlite.store import SqliteStore
from opord.stores.sqlite.transaction import SqliteTransaction


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "s.db")
    yield store
    store.close()


@pytest.fixture
def transaction(store: SqliteStore) -> Iterator[SqliteTransaction]:
    transaction = store.transaction()
    assert transaction is not None
    yield transaction
    transaction.roll_back()


def rows(connection: Any) -> list[Any]:
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL)")
    connection.executemany("INSERT INTO t (b, c) VALUES (?, ?)", [("x", 1.5), ("y", None), ("z", 2)])
    return connection.execute("SELECT * FROM t ORDER BY a").fetchall()  # type: ignore[no-any-return]


SAME: dict[str, Callable[[Any], Any]] = {
    "rows": rows,
    "fetchone": lambda c: (rows(c), c.execute("SELECT b FROM t").fetchone()),
    "no row": lambda c: (rows(c), c.execute("SELECT b FROM t WHERE a = 99").fetchone()),
    "fetchmany": lambda c: (rows(c), c.execute("SELECT a FROM t ORDER BY a").fetchmany(2)),
    "iterated": lambda c: (rows(c), [*c.execute("SELECT a FROM t ORDER BY a")]),
    "names": lambda c: c.execute("SELECT 1 AS one, 'x' AS two").description,
    "names of no rows": lambda c: (rows(c), c.execute("SELECT a, b FROM t WHERE a = 99").description),
    "no names": lambda c: c.execute("CREATE TABLE u (a)").description,
    "named parameters": lambda c: c.execute("SELECT :a, :b", {"a": 1, "b": "x"}).fetchone(),
    "blobs and nulls": lambda c: c.execute("SELECT ?, ?, ?", (b"\x00\xff", None, True)).fetchone(),
    "lastrowid": lambda c: (rows(c), c.execute("INSERT INTO t (b) VALUES ('w')").lastrowid),
    "rowcount of an update": lambda c: (rows(c), c.execute("UPDATE t SET c = 9 WHERE a > 1").rowcount),
    "rowcount of none": lambda c: (rows(c), c.execute("UPDATE t SET c = 9 WHERE a > 99").rowcount),
    "rowcount of a query": lambda c: (rows(c), c.execute("SELECT * FROM t").rowcount),
    "rowcount of many": lambda c: (
        rows(c),
        c.executemany("UPDATE t SET c = ? WHERE a = ?", [(1, 1), (2, 2), (3, 99)]).rowcount,
    ),
    "rowcount of a table": lambda c: c.execute("CREATE TABLE u (a)").rowcount,
    "rowcount after it": lambda c: (rows(c), c.execute("CREATE TABLE u (a)").rowcount),
    "returning": lambda c: (rows(c), c.execute("DELETE FROM t WHERE a > 1 RETURNING a").fetchall()),
    "a cursor": lambda c: c.cursor().execute("SELECT 1").fetchall(),
    "a savepoint": lambda c: (
        rows(c),
        c.execute("SAVEPOINT s").fetchall(),
        c.execute("DELETE FROM t").rowcount,
        c.execute("ROLLBACK TO s").fetchall(),
        c.execute("RELEASE s").fetchall(),
        c.execute("SELECT count(*) FROM t").fetchone(),
    ),
    "a function": lambda c: (
        c.create_function("twice", 1, lambda n: 2 * n, deterministic=True),
        c.execute("SELECT twice(21)").fetchone(),
    ),
}

WRONG: dict[str, str] = {
    "unique": "INSERT INTO t (b) VALUES ('x')",
    "no table": "SELECT * FROM nowhere",
    "syntax": "SELEC 1",
    "parameters": "SELECT ?, ?",
    "two statements": "SELECT 1; SELECT 2",
    "nothing closes": "SELECT 'x",
}


@pytest.fixture
def plain() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("BEGIN")
    yield connection
    connection.close()


@pytest.mark.parametrize("what", SAME)
def test_it_answers_alike(transaction: SqliteTransaction, plain: sqlite3.Connection, what: str) -> None:
    assert SAME[what](transaction.connection) == SAME[what](plain)


@pytest.mark.parametrize("what", WRONG)
def test_it_fails_alike(transaction: SqliteTransaction, plain: sqlite3.Connection, what: str) -> None:
    kinds = []
    for connection in (transaction.connection, plain):
        rows(connection)
        with pytest.raises(sqlite3.Error) as raised:
            connection.execute(WRONG[what])
        kinds.append(raised.type)
        assert len(connection.execute("SELECT * FROM t").fetchall()) == 3
    assert kinds[0] is kinds[1]


def test_rows_are_made_by_a_factory(transaction: SqliteTransaction) -> None:
    connection = transaction.connection
    connection.row_factory = lambda cursor, row: {
        column[0]: value for column, value in zip(cursor.description, row, strict=True)
    }
    assert connection.execute("SELECT 1 AS a, 2 AS b").fetchall() == [{"a": 1, "b": 2}]


REFUSED = {
    "COMMIT": "`commit` has no place in it",
    "ROLLBACK": "`rollback` has no place in it",
    "BEGIN": "`begin` has no place in it",
    "ATTACH 'x.db' AS x": "no other file may be attached here",
    "PRAGMA synchronous = OFF": "`PRAGMA synchronous` may not be set here",
    "PRAGMA writable_schema = 1": "`PRAGMA writable_schema` may not be set here",
    "DELETE FROM heads": "the table heads is Opord's own",
    "UPDATE journal SET body = ''": "the table journal is Opord's own",
    "INSERT INTO workers VALUES (1)": "workers",
    "DROP TABLE runs": "the table runs is Opord's own",
    "ALTER TABLE heads ADD COLUMN x": "the table heads is Opord's own",
    "CREATE INDEX mine ON heads (reason)": "the table heads is Opord's own",
    "CREATE TRIGGER mine AFTER INSERT ON runs BEGIN SELECT 1; END": "the table runs is Opord's own",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_refused(transaction: SqliteTransaction, sql: str) -> None:
    with pytest.raises(sqlite3.Error, match=REFUSED[sql]):
        transaction.connection.execute(sql)
    assert transaction.connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_a_with_block_is_refused_before_it_begins(transaction: SqliteTransaction) -> None:
    """At its end, a connection of `sqlite3` commits."""
    with pytest.raises(sqlite3.Error, match="`with` has no place in it"), transaction.connection:
        raise AssertionError("the block has begun")


def test_a_trigger_of_the_program_does_not_reach_the_store_either(transaction: SqliteTransaction) -> None:
    connection = transaction.connection
    connection.execute("CREATE TABLE t (a)")
    connection.execute("CREATE TRIGGER mine AFTER INSERT ON t BEGIN DELETE FROM heads; END")
    with pytest.raises(sqlite3.Error, match="the table heads is Opord's own"):
        connection.execute("INSERT INTO t VALUES (1)")


def test_all_tables_of_the_store_are_its_own(store: SqliteStore, tmp_path: Path) -> None:
    with store._read() as connection:
        names = {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        }
    assert names == OWN_TABLES


def test_the_store_writes_with_its_own_rights_again(store: SqliteStore) -> None:
    transaction = store.transaction()
    assert transaction is not None
    with pytest.raises(sqlite3.Error):
        transaction.connection.execute("DELETE FROM workers")
    transaction.commit()
    store.heartbeat("w", ["x"], ttl_us=10**9)  # type: ignore[arg-type]
    assert [row.worker for row in store.workers()] == ["w"]


def test_what_is_under_way_is_interrupted(transaction: SqliteTransaction) -> None:
    failed: list[BaseException] = []
    begins = threading.Event()

    def count() -> int:
        begins.set()
        return 1

    def work() -> None:
        try:
            transaction.connection.create_function("began", 0, count)
            transaction.connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT began() UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            )
        except sqlite3.Error as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begins.wait(30)
    time.sleep(0.05)  # the statement is at work by now, or about to begin; both are ended
    transaction.roll_back(in_use=True)
    thread.join(30)
    assert not thread.is_alive()
    assert "the transaction has ended" in str(failed[0])


def test_a_full_disk_is_in_the_way_and_not_the_program_s_fault(transaction: SqliteTransaction) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.__cause__ = apsw.FullError("full")
    assert "cannot grow" in transaction.in_the_way(error)
    wrapped = RuntimeError("the handler's own words")
    wrapped.__cause__ = error
    assert "cannot grow" in transaction.in_the_way(wrapped)
