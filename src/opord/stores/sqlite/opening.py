"""Open a file as a store: check that it is one, apply all settings, migrate its schema."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import apsw

from opord.stores.base import StoreMissing, StoreRefused
from opord.stores.sqlite import sql
from opord.stores.sqlite.connection import BUSY_TIMEOUT_MS, close, translate, wait_while_busy

# "OPRD": marks a file as a store of Opord.
APPLICATION_ID = 0x4F505244

# Earlier versions can corrupt a file in WAL mode that two connections write (the WAL-reset bug).
OLDEST_SQLITE = (3, 51, 3)


# 16 MB of log between checkpoints. Pages that many batches change are copied to the file once;
# copying that much takes a few tens of milliseconds.
_CHECKPOINT_PAGES = 4_000
# A log that grew behind a long reader is cut to this size when it restarts.
_LOG_BYTES_MAX = 64 * 1024 * 1024

# Write through the drive's cache too, where a plain sync stops before it. Set before the file is
# read: SQLite starts with writing if it finds a journal of a dead process.
_SYNCS: tuple[tuple[str, int], ...] = (("fullfsync", 1), ("checkpoint_fullfsync", 1))

_SETTINGS: tuple[tuple[str, int | str], ...] = (
    ("synchronous", 2),
    ("foreign_keys", 1),
    ("trusted_schema", 0),
    ("temp_store", 2),
    ("cache_size", -32_000),
    *_SYNCS,
    ("wal_autocheckpoint", _CHECKPOINT_PAGES),
    ("journal_size_limit", _LOG_BYTES_MAX),
)


def open_writer(path: Path | None, *, create: bool = True, vfs: str | None = None) -> apsw.Connection:
    """Open the file for writing and migrate its schema. None is a store in memory.

    With `create` a missing store is made. `vfs` names the layer through which SQLite reaches the
    disk; None is SQLite's own.

    Raises:
        StoreMissing: there is no store, and `create` is false; nothing was written.
        StoreRefused: not an Opord store, too new, or a setting did not take effect.
        StoreUnavailable: locked, full or unreadable now.
    """
    check_sqlite(apsw.sqlite_lib_version())
    place = str(path or ":memory:")
    if not create:
        _must_exist(path, place)
    may_create = apsw.SQLITE_OPEN_CREATE if create else 0
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | may_create, vfs)
    try:
        if not _identify(connection, place) and not create:
            raise StoreMissing(place, "the file is empty")
        _set(connection, place, "memory" if path is None else "wal")
        migrate(connection, place, sql.migrations())
        if path is not None:
            # If a change of the mode was interrupted, this shows only after the file was used:
            # SQLite reported success before.
            _set_journal_mode(connection, place, "wal")
            # SQLite opens the log at first use.
            connection.pragma("user_version")
        # A newer process may have migrated the file since it was first identified.
        _identify(connection, place)
    except apsw.Error as error:
        close(connection)
        raise translate(error, place) from error
    except BaseException:
        close(connection)
        raise
    return connection


def open_reader(path: Path, *, vfs: str | None = None) -> apsw.Connection:
    """Open another connection to a store's file, for reading only."""
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    try:
        _set(connection, str(path), "wal")
        connection.pragma("query_only", 1)
    except apsw.Error as error:
        close(connection)
        raise translate(error, str(path)) from error
    return connection


def check_sqlite(version: str) -> None:
    """Refuse an SQLite version that can corrupt files."""
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StoreRefused(
            f"SQLite {version} can corrupt a file that two processes write; install apsw with SQLite {oldest} or later"
        )


def _must_exist(path: Path | None, place: str) -> None:
    if path is None:
        raise StoreMissing(place, "a store in memory is lost when its process ends")
    if not path.exists():
        raise StoreMissing(place, "there is no such file")


def _connect(path: Path | None, flags: int, vfs: str | None) -> apsw.Connection:
    try:
        connection = apsw.Connection(":memory:" if path is None else str(path), flags=flags, vfs=vfs)
        connection.set_busy_handler(wait_while_busy)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        for name, value in _SYNCS:
            connection.pragma(name, value)
    except apsw.Error as error:
        raise translate(error, str(path)) from error
    return connection


def _identify(connection: apsw.Connection, place: str) -> bool:
    """Say whether the file is a store. Refuse a foreign file before anything in it is changed."""
    # In one transaction: another process may be creating the tables now.
    connection.execute("BEGIN")
    try:
        ident = connection.pragma("application_id")
        version = connection.pragma("user_version")
        objects = connection.execute("SELECT count(*) FROM sqlite_schema").get
    except apsw.NotADBError:
        raise StoreRefused(f"{place} is not an SQLite database; name another file for the store") from None
    finally:
        if not connection.getautocommit():
            connection.execute("ROLLBACK")
    if ident == APPLICATION_ID:
        newest = len(sql.migrations())
        if version > newest:
            raise StoreRefused(
                f"store {place} was made by a newer opord (schema {version}, this one knows {newest}); upgrade opord"
            )
        return True
    if ident or version or objects:
        raise StoreRefused(f"{place} is another program's database, not an Opord store; name another file")
    return False


def _set(connection: apsw.Connection, place: str, journal_mode: str) -> None:
    _set_journal_mode(connection, place, journal_mode)
    for name, value in _SETTINGS:
        if journal_mode != "wal" and name in ("wal_autocheckpoint", "journal_size_limit"):
            continue
        connection.pragma(name, value)
        answer = connection.pragma(name)
        if answer != value:
            raise StoreRefused(
                f"store {place}: SQLite did not take the setting {name}: expected {value}, got: {answer}"
            )


def _set_journal_mode(connection: apsw.Connection, place: str, mode: str) -> None:
    """Set the journal mode.

    While another process opens the same new file, SQLite does not wait by itself.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    answer = None
    while answer is None:
        try:
            answer = connection.pragma("journal_mode", mode)
        except (apsw.BusyError, apsw.LockedError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if answer != mode:
        raise StoreRefused(
            f"store {place}: SQLite did not take the setting journal_mode: expected {mode}, got: {answer}; "
            "is the file on a local disk?"
        )


def migrate(connection: apsw.Connection, place: str, steps: Sequence[str]) -> None:
    """Apply the schema's missing steps, each in a transaction of its own.

    A process that dies in between leaves a whole version, and the next process goes on from there.
    Two processes at once take turns; the second finds the work done.
    """
    for number, step in enumerate(steps, 1):
        if connection.pragma("user_version") >= number:
            continue
        in_python = sql.IN_PYTHON.get(number)
        rest = in_python(connection) if in_python is not None else None
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.pragma("user_version") < number:
                connection.execute(step)
                if rest is not None:
                    rest(connection)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if not connection.getautocommit():
                connection.execute("ROLLBACK")
