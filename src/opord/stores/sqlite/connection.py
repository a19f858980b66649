"""One connection, used by one thread at a time. Its errors are translated to those of the store.

After any error the connection is checked, and a transaction that is still open is rolled back.
SQLite itself rolls back on some errors (a full disk) and not on others (a refused statement).
Without the check, later writes could be outside a transaction.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

import apsw
import msgspec

from opord.stores.base import RowDamaged, StoreDamaged, StoreError, StoreRefused, StoreUnavailable

T = TypeVar("T")

_HURRY = threading.local()

BoundValues: TypeAlias = Sequence[str | int | None] | Mapping[str, str | int | None]

BUSY_TIMEOUT_MS = 5_000
"""How long a use of the file waits for another process, in milliseconds."""

_PAUSES_S: Final = (*(0.000_2,) * 10, *(0.000_5,) * 16, *(0.001,) * 40, *(0.005,) * 50, *(0.02,) * 235)
"""The pauses between two looks whether a locked file is free, in seconds: 5 s together.

A write takes about a millisecond. SQLite's own pauses are from 1 to 100 ms, so that two busy
processes would mostly sleep.
"""

_SHORT_LOOKS: Final = 10
"""How many times a call looks that may not wait for long: for 2 ms.

To hand it to a thread and back costs a busy process more than that.
"""

_KINDS: tuple[tuple[type[apsw.Error], str, str], ...] = (
    (apsw.BusyError, "locked", "is locked by another process"),
    (apsw.LockedError, "locked", "is locked"),
    (apsw.ProtocolError, "locked", "is contended: too many processes opened it at once"),
    (apsw.InterruptError, "locked", "was interrupted"),
    (apsw.FullError, "full", "cannot grow: the disk or its quota is full"),
    (apsw.NoMemError, "full", "has no memory left to work with"),
    (apsw.ReadOnlyError, "readonly", "cannot be written: the file, its folder or the disk is read-only"),
    (apsw.PermissionsError, "readonly", "may not be accessed by this user"),
    (apsw.CantOpenError, "gone", "cannot be opened: it or its folder is gone, or too many files are open"),
    (apsw.IOError, "io", "cannot be read or written: the disk or a limit on file sizes prevents it"),
)


def translate(error: apsw.Error, place: str) -> StoreError:
    """Translate an SQLite error to one of the store."""
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return StoreDamaged(f"store {place} is damaged ({error}); stop writing to it and restore a backup")
    if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE:
        return StoreUnavailable(
            "full", f"store {place} has no room to be opened: the disk or its quota is full"
        )
    for kind_of, kind, phrase in _KINDS:
        if isinstance(error, kind_of):
            return StoreUnavailable(kind, f"store {place} {phrase} ({error})")
    return StoreError(f"store {place}: {type(error).__name__}: {error}")


def wait_while_busy(looks: int) -> bool:
    """Wait a moment for another process; say whether to look again. A handler of `apsw`."""
    if looks >= (_SHORT_LOOKS if getattr(_HURRY, "on", False) else len(_PAUSES_S)):
        return False
    time.sleep(_PAUSES_S[looks])
    return True


@contextmanager
def at_once() -> Iterator[None]:
    """In this block, no connection is waited for long on this thread; see `Store.at_once`."""
    _HURRY.on = True
    try:
        yield
    finally:
        _HURRY.on = False


class StoreConnection:
    """A connection with its lock."""

    def __init__(self, connection: apsw.Connection, place: str) -> None:
        self.connection = connection
        self.place = place
        self.closed: bool = False
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @contextmanager
    def use(self) -> Iterator[apsw.Connection]:
        """Lock and yield the connection. Afterwards no transaction is open on it."""
        # A lock that another thread of the parent held would never be free in the child, so check
        # first.
        self.check_process()
        if not self._lock.acquire(blocking=not getattr(_HURRY, "on", False)):
            raise StoreUnavailable("locked", f"store {self.place} is in use by another thread")
        try:
            if self.closed:
                raise StoreRefused(f"store {self.place} is closed")
            connection = self.connection
            try:
                yield connection
            except apsw.Error as error:
                raise translate(error, self.place) from error
            finally:
                if not connection.getautocommit():
                    self._roll_back()
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """Lock and yield the connection in a transaction that may write at once."""
        with self.use() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def check_process(self) -> None:
        """Refuse to work in a forked child: SQLite's locks are not inherited.

        Raises:
            StoreRefused: this process was forked after the file was opened.
        """
        if os.getpid() != self._pid:
            raise StoreRefused(
                f"store {self.place} was opened before this process was forked from process {self._pid}; "
                "open it again here"
            )

    def _roll_back(self) -> None:
        try:
            self.connection.execute("ROLLBACK")
        except apsw.Error as error:
            if not self.connection.getautocommit():
                raise translate(error, self.place) from error

    def save(self) -> None:
        """Copy the log into the file, as far as that is possible now."""
        with suppress(StoreError), self.use() as connection:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)

    def close(self, *, checkpoint: bool = True) -> None:
        """Close the connection unless it belongs to the parent of this process; see `close`."""
        if os.getpid() == self._pid:
            with self._lock:
                self.closed = True
                close(self.connection, checkpoint=checkpoint)


def close(connection: apsw.Connection, *, checkpoint: bool = True) -> None:
    """Close a connection, whatever the state of the disk.

    With `checkpoint` false the log is left as it is.

    All confirmed writes are durable by now. An error here concerns only the clean-up, which the
    next process that opens the file does.
    """
    with suppress(apsw.Error):
        if not checkpoint:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()


def rows(connection: apsw.Connection, query: str, values: BoundValues, kind: type[T]) -> list[T]:
    """Return all rows of a query with one column of JSON, in one step if they fit into a value."""
    try:
        # `query` is one of this store's queries, never a user's.
        whole = f"SELECT '[' || coalesce(group_concat(row, ','), '') || ']' FROM ({query})"  # noqa: S608
        text = connection.execute(whole, values).get
    except apsw.TooBigError:
        # Over 1e9 bytes, such as a thousand records of a megabyte: fetch them one by one.
        return [_decode(row, kind) for (row,) in connection.execute(query, values)]
    except UnicodeDecodeError as error:
        raise RowDamaged(f"a row is damaged: it is not UTF-8 ({error.reason})") from error
    return _decode(text, list[kind])  # type: ignore[valid-type]


def _decode(text: object, kind: type[T]) -> T:
    try:
        decoded: T = _decoder(kind).decode(str(text))  # type: ignore[arg-type] # a class is hashable
        return decoded
    except msgspec.MsgspecError as error:
        raise RowDamaged(f"a row is damaged: {error}") from error


@cache
def _decoder(kind: object) -> msgspec.json.Decoder[Any]:
    # To make one takes longer than most queries.
    return msgspec.json.Decoder(kind)
