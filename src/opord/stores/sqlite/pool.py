"""The connections to one file: one writes, the others read. Guards them against a lost log.

SQLite keeps what is not yet in the file in a log (`-wal`), and an index of the log in memory shared
by all users of the file (`-shm`). Both are found by name. If somebody deletes them, a process that
has them open goes on with files that no other process sees. It would overwrite the writes of
others, or lose its own. So the names are checked before and after every write, and before closing.

While this process forks nothing is open (see `forks`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from opord.stores.base import StoreError, StoreRefused, StoreUnavailable
from opord.stores.sqlite import forks
from opord.stores.sqlite.connection import BUSY_TIMEOUT_MS, StoreConnection
from opord.stores.sqlite.log_guard import LogGuard
from opord.stores.sqlite.opening import open_reader, open_writer

READERS_KEPT = 4
"""Number of reading connections that stay open, and of threads that may read at once."""

FORK_WAIT_S = 2 * BUSY_TIMEOUT_MS / 1000
"""How long a fork waits for what is under way, in seconds."""


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
        reopened: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the file; see `open_writer`.

        `link` is the one by which the user named it, if any. `reopened` is called when the file
        was closed for a fork and is open again; its log may be another one.
        """
        self.place: str = str(path or ":memory:")
        self._path, self._link, self._vfs = path, link, vfs
        self._reopened = reopened
        self._readers: list[StoreConnection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._opened = 0
        self._uses = 0
        self._forks = 0
        self._at_rest = threading.Condition()
        forks.add(self)
        with self._counted():
            if path is not None:
                forks.check_not_inherited(path)
            self.writer: StoreConnection = StoreConnection(
                open_writer(path, create=create, vfs=vfs), self.place
            )
            self._guard = None if path is None else LogGuard(path, link)
            self._opened = 1

    def close(self) -> None:
        """Close all connections. The log is copied into the file unless that could harm others."""
        try:
            self.writer.check_process()
        except StoreRefused:
            return  # it is the parent's
        with self._counted():
            with suppress(StoreError):
                self._open_after_fork()  # to save its log
            self._close()

    def _close(self) -> None:
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
    def write(self) -> Iterator[apsw.Connection]:
        """Yield the writing connection in a transaction; see `StoreConnection.transaction`."""
        with self._use():
            self.check_files()
            with self.writer.transaction() as connection:
                yield connection
            # What went to a file without a name is not confirmed.
            self.check_files()

    @contextmanager
    def write_alone(self) -> Iterator[apsw.Connection]:
        """Yield the writing connection without a transaction."""
        with self._use(), self.writer.use() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """Yield a reading connection. Each thread that reads has its own."""
        with self._use(), self._reader() as connection:
            yield connection

    @contextmanager
    def _reader(self) -> Iterator[apsw.Connection]:
        if self._path is None:
            with self.writer.use() as connection:
                yield connection
            return
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
        with self._use():
            self.check_files()
            with self.writer.use() as connection:
                version = int(connection.pragma("data_version"))
            return self._opened << 32 | version  # each connection counts for itself

    def _may_checkpoint(self) -> bool:
        return self._guard is None or self._guard.may_checkpoint()

    def check_files(self) -> None:
        """Check that the file and its log are still the open ones, and the file has one name.

        Raises:
            StoreUnavailable: "gone", or "two_names".
        """
        if self._guard is not None and not self._closed:
            self._guard.check()

    # --- Forks -----------------------------------------------------------------------------------

    def before_fork(self) -> Path | None:
        """Wait until nothing is under way, let nothing begin, and close the file.

        Return its path if it is still open: a use takes too long, or the file or its log is not
        where it was, so that closing could lose what was written.
        """
        with self._at_rest:
            self._forks += 1
            if not self._at_rest.wait_for(lambda: not self._uses, FORK_WAIT_S):
                return self._path
            if not self._opened or self._path is None or self.writer.closed:
                return None
            try:
                self.check_files()
            except StoreError:
                return self._path
            for one in (*self._readers, self.writer):
                one.close(checkpoint=False)
            self._readers.clear()
            return None

    def after_fork(self) -> None:
        """Let uses begin again, in the process that forked."""
        with self._at_rest:
            self._forks -= 1
            self._at_rest.notify_all()

    @contextmanager
    def _use(self) -> Iterator[None]:
        """Keep the file open, for what happens within."""
        self.writer.check_process()
        with self._counted():
            self._open_after_fork()
            try:
                yield
            except StoreUnavailable as error:
                if error.kind == "io":
                    self.check_files()  # a file that was taken away looks like a disk that fails
                raise

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Let no fork begin while something happens within, and wait for one that has begun."""
        with self._at_rest:
            self._at_rest.wait_for(lambda: not self._forks)
            self._uses += 1
        try:
            yield
        finally:
            with self._at_rest:
                self._uses -= 1
                if self._forks:
                    self._at_rest.notify_all()

    def _open_after_fork(self) -> None:
        """Open the file if it was closed for a fork.

        Raises:
            StoreUnavailable: it is locked or gone, or another file has its name now.
        """
        if not self.writer.closed:
            return
        with self._lock:
            if self._closed or not self.writer.closed or self._path is None or self._guard is None:
                return
            self._guard.check_file()
            connection = open_writer(self._path, create=False, vfs=self._vfs)
            self._guard.check_file()
            self._guard = LogGuard(self._path, self._link)
            self.writer = StoreConnection(connection, self.place)
            self._opened += 1
        self._reopened()
