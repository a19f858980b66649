"""The connection that a program gets of a store in SQLite: the writing one, with its hands tied.

It has the methods of a `sqlite3.Connection` that read and write. It neither ends the transaction
nor touches Opord's own tables, and is of no use once the transaction has ended.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeAlias

import apsw

from opord.stores.handing import ENDED, ROLL_BACK, has_no_place

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

OWN_TABLES: Final = frozenset(
    {
        "contracts", "event_keys", "heads", "identity", "inbox", "journal", "large_values", "opord_endpoints",
        "opord_limits", "opord_outbox", "opord_permits", "opord_queued", "opord_queues", "opord_waits", "pruned", "runs", "settled", "workers",
    }
)  # fmt: skip
"""Opord's own tables: a program may read them, and never writes them."""

_PRAGMAS_READ: Final = frozenset(
    {
        "foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo", "table_info",
        "table_list", "table_xinfo",
    }
)  # fmt: skip

_WRITES: Final[Mapping[int, int]] = {
    # The code of what is about to happen, and which of its two names is that of the table.
    apsw.SQLITE_INSERT: 0,
    apsw.SQLITE_UPDATE: 0,
    apsw.SQLITE_DELETE: 0,
    apsw.SQLITE_DROP_TABLE: 0,
    apsw.SQLITE_ALTER_TABLE: 1,
    apsw.SQLITE_CREATE_INDEX: 1,
    apsw.SQLITE_DROP_INDEX: 1,
    apsw.SQLITE_CREATE_TRIGGER: 1,
    apsw.SQLITE_CREATE_TEMP_TRIGGER: 1,
    apsw.SQLITE_DROP_TRIGGER: 1,
}

_KINDS: Final[tuple[tuple[type[apsw.Error], type[sqlite3.Error]], ...]] = (
    (apsw.ConstraintError, sqlite3.IntegrityError),
    (apsw.MismatchError, sqlite3.IntegrityError),
    (apsw.CorruptError, sqlite3.DatabaseError),
    (apsw.NotADBError, sqlite3.DatabaseError),
    (apsw.TooBigError, sqlite3.DataError),
    (apsw.RangeError, sqlite3.InterfaceError),
    (apsw.MisuseError, sqlite3.ProgrammingError),
    (apsw.BindingsError, sqlite3.ProgrammingError),
    (apsw.SQLError, sqlite3.OperationalError),
)

_CHANGING: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")

NO_JOIN: Final = (
    "this store takes no connection of the program's own: two copies of SQLite in one process take each other's locks "
    "away; write through the connection of `async with engine.transaction() as transaction`"
)
"""Why a store in SQLite gives a connection and takes none.

See https://sqlite.org/howtocorrupt.html, section 2.2.1.
"""


class HandedConnection:
    """The connection of an open transaction, for the program's own tables."""

    def __init__(self, raw: apsw.Connection) -> None:
        self._raw = raw
        self._lock = threading.RLock()
        self._ended = self._watched = False
        self._refused = ""
        self.row_factory: Callable[[HandedCursor, tuple[Any, ...]], Any] | None = None

    # --- What a program calls ---------------------------------------------------------------------

    def execute(self, sql: str, parameters: Parameters = (), /) -> HandedCursor:
        """Execute one statement, and return a cursor with its rows."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> HandedCursor:
        """Execute one statement for each of several parameters."""
        return self.cursor().executemany(sql, parameters)

    def cursor(self) -> HandedCursor:
        """Return a cursor."""
        return HandedCursor(self)

    @property
    def in_transaction(self) -> bool:
        """True until the transaction has ended."""
        return not self._ended

    @property
    def total_changes(self) -> int:
        """The number of rows that were written through the connection since it was opened."""
        with self.used():
            return self._raw.total_changes()

    def create_function(
        self, name: str, narg: int, func: Callable[..., Any] | None, *, deterministic: bool = False
    ) -> None:
        """Make a function of Python known to SQL."""
        with self.used() as raw:
            raw.create_scalar_function(name, func, narg, deterministic=deterministic)

    def commit(self) -> NoReturn:
        """Refuse: the transaction is committed with what Opord writes."""
        raise sqlite3.ProgrammingError(has_no_place("commit"))

    def __enter__(self) -> NoReturn:
        """Refuse: the end of a `with` block would commit."""
        raise sqlite3.ProgrammingError(has_no_place("with"))

    def __exit__(self, *raised: object) -> None:
        """Do nothing: no `with` block begins."""

    def rollback(self) -> NoReturn:
        """Refuse: an exception rolls the transaction back."""
        raise sqlite3.ProgrammingError(ROLL_BACK)

    def close(self) -> None:
        """Do nothing: the connection ends with its transaction."""

    # --- What the store calls ---------------------------------------------------------------------

    @contextmanager
    def used(self) -> Iterator[apsw.Connection]:
        """Lock and yield the connection, with the program's rights."""
        with self._lock:
            if self._ended:
                raise sqlite3.ProgrammingError(ENDED)
            self._refused = ""
            self._watch(True)
            try:
                yield self._raw
            except apsw.Error as error:
                raise self._translated(error) from error

    @contextmanager
    def lent_back(self) -> Iterator[apsw.Connection]:
        """Lock and yield the connection, with the store's own rights."""
        with self._lock:
            self._watch(False)
            yield self._raw

    def end(self) -> None:
        """Let the program use the connection no more. A statement under way is interrupted."""
        self._ended = True
        if not self._lock.acquire(blocking=False):
            self._raw.interrupt()
            self._lock.acquire()
        self._watch(False)
        self._lock.release()

    def _watch(self, watched: bool) -> None:
        """Let the next statements be those of the program, or those of the store.

        A change costs: all prepared statements of the connection are prepared again.
        """
        if watched != self._watched:
            self._watched = watched
            self._raw.authorizer = self._authorize if watched else None

    def _authorize(
        self, code: int, first: str | None, second: str | None, _schema: str | None, _trigger: str | None
    ) -> int:
        why = ""
        if code == apsw.SQLITE_TRANSACTION:
            why = has_no_place(str(first).lower())
        elif code in (apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH):
            why = "no other file may be attached here"
        elif code == apsw.SQLITE_PRAGMA and second is not None and str(first).lower() not in _PRAGMAS_READ:
            why = f"`PRAGMA {first}` may not be set here"
        elif code in _WRITES:
            table = str((first, second)[_WRITES[code]]).lower()
            why = f"the table {table} is Opord's own, and is not written here" if table in OWN_TABLES else ""
        if not why:
            return int(apsw.SQLITE_OK)
        self._refused = why
        return int(apsw.SQLITE_DENY)

    def _translated(self, error: apsw.Error) -> sqlite3.Error:
        kind = next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), sqlite3.OperationalError)
        translated = kind(self._refused or (ENDED if self._ended else str(error)))
        translated.sqlite_errorcode = getattr(error, "extendedresult", 0)
        return translated


class HandedCursor:
    """The rows of a statement, which are all read at once."""

    arraysize = 1

    def __init__(self, connection: HandedConnection) -> None:
        self.connection = connection
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount: int = -1
        self.lastrowid: int | None = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())

    def execute(self, sql: str, parameters: Parameters = (), /) -> HandedCursor:
        """Execute one statement."""
        self._rows = iter(self._run(sql, parameters))
        return self

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> HandedCursor:
        """Execute one statement for each of several parameters. `rowcount` counts all of them."""
        written = 0
        for each in parameters:
            self._run(sql, each)
            written += max(self.rowcount, 0)
        self.rowcount, self._rows = written, iter(())
        return self

    def _run(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        statements = 0
        self.description, self.rowcount = None, -1

        def begins(cursor: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
            nonlocal statements
            statements += 1
            if statements > 1:
                raise sqlite3.ProgrammingError("one statement at a time can be executed here")
            described = cursor.get_description() if not cursor.is_explain else ()
            self.description = tuple((name, *[None] * 6) for name, *_ in described) or None
            return True

        with self.connection.used() as raw:
            cursor = raw.cursor()
            cursor.exec_trace = begins
            before = raw.total_changes()
            rows = list(cursor.execute(sql, parameters))
            changed = raw.total_changes() - before
            if changed or sql.lstrip()[:7].rstrip().upper() in _CHANGING:
                self.rowcount = raw.changes() if changed else 0
            if changed:
                self.lastrowid = raw.last_insert_rowid()
        return rows

    def fetchone(self) -> Any:
        """Return the next row; None after the last."""
        row = next(self._rows, None)
        return None if row is None else self._made(row)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, up to `size` of them."""
        return [self._made(row) for _, row in zip(range(size or self.arraysize), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        return [self._made(row) for row in self._rows]

    def __iter__(self) -> Iterator[Any]:
        return (self._made(row) for row in self._rows)

    def _made(self, row: tuple[Any, ...]) -> Any:
        factory = self.connection.row_factory
        return row if factory is None else factory(self, row)

    def close(self) -> None:
        """Forget the rows."""
        self._rows = iter(())
