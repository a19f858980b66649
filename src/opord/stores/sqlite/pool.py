"""The connections to one file: one writes, the others read. Guards them against a lost log.

SQLite keeps what is not yet in the file in a log (`-wal`), and an index of the log in memory shared
by all users of the file (`-shm`). Both are found by name. If somebody deletes them, a process that
has them open goes on with files that no other process sees. It would overwrite the writes of
others, or lose its own. So the names are checked before and after every write, and before closing.
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
"""Number of reading connections that stay open, and of threads that may read at once."""


class ConnectionPool:
    """The open connections of a store.

    With `path` None the store is in memory, with one connection for everything.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        link: Path | None = None,
        create: bool = True,
        vfs: str | None = None,
    ) -> None:
        """Open the file; see `open_writer`.

        `link` is the one by which the user named it, if any.
        """
        self.place: str = str(path or ":memory:")
        self.writer: StoreConnection = StoreConnection(open_writer(path, create=create, vfs=vfs), self.place)
        self._path, self._vfs = path, vfs
        self._guard = None if path is None else LogGuard(path, link)
        self._readers: list[StoreConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Close all connections. The log is copied into the file unless that could harm others."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            readers, self._readers = self._readers, []
        checkpoint = self._may_checkpoint()
        for reader in readers:
            reader.close(checkpoint=checkpoint)
        if checkpoint and self._guard is not None and self._guard.log_is_nameless():
            # SQLite saves the log when its last user closes, unless a process is just checking
            # whether there is one.
            self.writer.save()
        self.writer.close(checkpoint=checkpoint)

    @contextmanager
    def write(self, *, wait: bool = True) -> Iterator[apsw.Connection]:
        """Yield the writing connection in a transaction; see `StoreConnection.transaction`."""
        self.check_files()
        with self.writer.transaction(wait=wait) as connection:
            yield connection
        # What went to a file without a name is not confirmed.
        self.check_files()

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """Yield a reading connection. Each thread that reads has its own."""
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
        """Return a number that changes whenever another connection writes."""
        self.check_files()
        with self.writer.use() as connection:
            return int(connection.pragma("data_version"))

    def _may_checkpoint(self) -> bool:
        return self._guard is None or self._guard.may_checkpoint()

    def check_files(self) -> None:
        """Check that the file and its log are still the open ones, and the file has one name.

        Raises:
            StoreUnavailable: "gone", or "two_names".
        """
        if self._guard is not None and not self._closed:
            self._guard.check()
