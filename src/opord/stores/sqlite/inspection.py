"""Inspect a store without opening it for work: nothing is created, migrated or written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from opord.stores.base import StoreRefused
from opord.stores.sqlite import sql
from opord.stores.sqlite.connection import translate
from opord.stores.sqlite.listing import strays
from opord.stores.sqlite.location import check_location, file_system, true_name
from opord.stores.sqlite.opening import APPLICATION_ID, OLDEST_SQLITE, check_sqlite

__all__ = [
    "APPLICATION_ID",
    "CHECKED_BYTES_MAX",
    "OLDEST_SQLITE",
    "StoreFacts",
    "check_sqlite",
    "inspect_file",
]


# This is read in about a second from a disk. A larger file is checked only on request.
CHECKED_BYTES_MAX = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What can be seen of a store. `exists` says whether there is one yet.

    - `schema` is that of the file, `schema_known` the newest that this version knows.
    - `last_at` is the instant of the last record, in microseconds since 1970 UTC.
    - `damage` is what SQLite's quick check of the file found: empty if nothing, None if the file
      was not checked.
    - `unreadable` are the tables with damaged rows or with rows of unknown runs, as far as the file
      was checked.

    An unknown fact is None.
    """

    path: Path
    exists: bool
    file_system: str | None
    free_bytes: int
    file_bytes: int = 0
    log_bytes: int = 0
    schema: int = 0
    schema_known: int = 0
    journal_mode: str | None = None
    runs: int | None = None
    last_at: int | None = None
    writing: bool = False
    stalled: int = 0
    in_doubt: int = 0
    damage: str | None = None
    unreadable: tuple[str, ...] = ()


def inspect_file(path: Path, mounts: Path = Path("/proc/mounts"), *, whole: bool = False) -> StoreFacts:
    """Return the facts of the store at `path`. `writing` is true if another process was writing.

    A file of at most `CHECKED_BYTES_MAX` is checked for damage; with `whole`, a file of any size.

    Raises:
        StoreRefused: no store can be there, or the file is not an Opord store, or a newer version
            made it.
        StoreTwoNames: the file has, or may have, another name.
        StoreUnavailable: it cannot be read now.
        StoreDamaged: it is no longer a database.
    """
    path = true_name(path)
    check_location(path, mounts)
    kind = file_system(path.parent, mounts)
    free = shutil.disk_usage(path.parent).free
    if not path.exists():
        return StoreFacts(path, False, kind, free)
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size
    log_size = log.stat().st_size if log.exists() else 0
    if size == 0:
        return StoreFacts(path, False, kind, free)
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("query_only", 1)
            ident, schema = connection.pragma("application_id"), connection.pragma("user_version")
            if ident != APPLICATION_ID:
                raise StoreRefused(
                    f"{path} is another program's database, not an Opord store; name another file"
                )
            newest_schema = len(sql.migrations())
            if schema > newest_schema:
                raise StoreRefused(
                    f"store {path} was made by a newer opord (schema {schema}, this one knows {newest_schema}); upgrade opord"
                )
            return StoreFacts(
                path,
                True,
                kind,
                free,
                size,
                log_size,
                schema,
                newest_schema,
                str(connection.pragma("journal_mode")),
                connection.execute("SELECT count(*) FROM runs").get,
                connection.execute("SELECT at FROM journal ORDER BY id DESC LIMIT 1").get,
                _somebody_writes(connection),
                _count(connection, "stalled"),
                _count(connection, "in_doubt"),
                _damage(connection) if whole or size <= CHECKED_BYTES_MAX else None,
                tuple(_unreadable(connection)) if whole or size <= CHECKED_BYTES_MAX else (),
            )
        finally:
            connection.close()
    except apsw.NotADBError as error:
        raise StoreRefused(f"{path} is not an SQLite database; name another file for the store") from error
    except apsw.Error as error:
        raise translate(error, str(path)) from error


def _somebody_writes(connection: apsw.Connection) -> bool:
    connection.set_busy_timeout(0)
    connection.pragma("query_only", 0)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError:
        return True
    connection.execute("ROLLBACK")
    return False


def _count(connection: apsw.Connection, status: str) -> int:
    # The second condition lets SQLite use the index of runs that are not running.
    count: int = connection.execute(
        "SELECT count(*) FROM heads WHERE status = ? AND status <> 'running'", (status,)
    ).get
    return count


def _unreadable(connection: apsw.Connection) -> Iterator[str]:
    """Yield the tables with invalid text, and `runs` if a run cannot be listed."""
    tables = [
        str(name)
        for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE schema = 'main'")
    ]
    for table in tables:
        texts = [
            str(name)
            for (name,) in connection.execute(
                "SELECT name FROM pragma_table_info(?) WHERE type = 'TEXT'", (table,)
            )
        ]
        try:
            if texts and not table.startswith("sqlite_"):
                # Names from Opord's own schema. Every text is decoded; invalid UTF-8 raises.
                for _ in connection.execute(f"SELECT {', '.join(texts)} FROM {table}"):  # noqa: S608
                    pass
        except UnicodeDecodeError:
            yield table
    if strays(connection):
        yield "runs"


def _damage(connection: apsw.Connection) -> str:
    """Return the first problem that SQLite's quick check finds, or an empty text."""
    answer = str(connection.execute("PRAGMA quick_check(1)").get)
    return "" if answer == "ok" else answer
