"""The connections to one file: one that writes, others that read beside it, and what becomes of them if its log goes missing.

SQLite keeps what is not yet in the file in a log (`-wal`), and an index of that in memory shared by all who have the
file open (`-shm`). Both are found by name. Who has them open when somebody deletes them goes on with files that nobody else
sees, and would overwrite what others write, or be the only one who has it. So the names are looked at before and after every write, and before the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from opord.stores.base import StoreRefused
from opord.stores.sqlite.connection import StoreConnection
from opord.stores.sqlite.log_guard import LogGuard
from opord.stores.sqlite.opening import open_reader, open_writer

READERS_KEPT = 4
"""Connections for reading that stay open: as many as threads read at once."""


class ConnectionPool:
    """What a store has open; `path` None is a store in memory, with one connection for everything."""

    def __init__(
        self,
        path: Path | None,
        *,
        given: Path | None = None,
        create: bool = True,
        vfs: str | None = None,
    ) -> None:
        """Open the file; see `open_writer`. `given` is the name by which its user knows it, if that is a link."""
        self.place = str(path or ":memory:")
        self.writer = StoreConnection(open_writer(path, create=create, vfs=vfs), self.place)
        self._path, self._vfs = path, vfs
        self._guard = None if path is None else LogGuard(path, given)
        self._readers: list[StoreConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Close all; the log is brought into the file unless others might be harmed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            readers, self._readers = self._readers, []
        checkpoint = self._may_checkpoint()
        for reader in readers:
            reader.close(checkpoint=checkpoint)
        if checkpoint and self._guard is not None and self._guard.log_is_nameless():
            # SQLite saves it at the end of the last who has it, unless somebody is just looking whether there is one.
            self.writer.save()
        self.writer.close(checkpoint=checkpoint)

    @contextmanager
    def write(self, *, wait: bool = True) -> Iterator[apsw.Connection]:
        """Have the writing connection alone in a transaction; see `StoreConnection.transaction`."""
        self.check_files()
        with self.writer.transaction(wait=wait) as connection:
            yield connection
        # What went into a file without a name is not answered for.
        self.check_files()

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """Have a reading connection; as many as there are threads that read at once."""
        if self._path is None:
            with self.writer.use() as connection:
                yield connection
            return
        self.writer.check_process()
        with self._lock:
            if self._closed:
                raise StoreRefused(f"store {self.place} is closed")
            reader = self._readers.pop() if self._readers else None
        if reader is None:
            reader = StoreConnection(open_reader(self._path, vfs=self._vfs), self.place)
        try:
            with reader.use() as connection:
                yield connection
        finally:
            with self._lock:
                keep = not self._closed and len(self._readers) < READERS_KEPT
                if keep:
                    self._readers.append(reader)
            if not keep:
                reader.close(checkpoint=self._may_checkpoint())

    def changes(self) -> int:
        """Return a number that differs from the last one if another connection has written since."""
        self.check_files()
        with self.writer.use() as connection:
            return int(connection.pragma("data_version"))

    def _may_checkpoint(self) -> bool:
        return self._guard is None or self._guard.may_checkpoint()

    def check_files(self) -> None:
        """Look whether the file and its log are still those that are open, and the file has no second name.

        Raises:
            StoreUnavailable: "gone", or "two_names".
        """
        if self._guard is not None and not self._closed:
            self._guard.check()
