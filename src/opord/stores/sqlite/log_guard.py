"""Check that a store's files are those that were opened: file, log (`-wal`), index (`-shm`)."""

from __future__ import annotations

import os
from pathlib import Path

from opord.stores.base import StoreMoved, StoreUnavailable
from opord.stores.sqlite.location import identity, two_names


class LogGuard:
    """Remembers which files were opened; checks that their names, and no others, lead to them.

    If a name is gone, SQLite goes on writing to a file without a name, and confirmed writes are
    lost when the process ends. If there is another name, another process may open the file by it,
    with another log.
    """

    def __init__(self, path: Path, link: Path | None = None) -> None:
        """Look at the files of the store at `path`.

        `link` is the one by which it was opened, if any.
        """
        self._path = path
        self._file = str(path)
        self._link = None if link is None or link == path else str(link)
        self._log, self._index = f"{path}-wal", f"{path}-shm"
        self._identities = {name: identity(name) for name in (self._file, self._log, self._index)}
        self._modified_at = os.stat(path).st_mtime_ns

    def check(self) -> None:
        """Check that all files are those that were opened.

        Raises:
            StoreUnavailable: "gone", or "two_names".
        """
        status = self.check_file()
        for name in (self._log, self._index):
            if not self._is(name):
                raise StoreMoved(
                    f"store {self._path}: {Path(name).name} was moved, deleted or replaced while open. Stop every "
                    "process that has the store open: each saves what it wrote as it ends. Then start them again",
                )
        if status.st_nlink > 1:
            raise StoreUnavailable("two_names", two_names(self._path, status.st_nlink))
        self._modified_at = status.st_mtime_ns

    def check_file(self) -> os.stat_result:
        """Check that the names of the file, without its log, lead to it; return its status.

        Raises:
            StoreMoved: they do not.
        """
        status = self._status(self._file)
        if self._link is not None:
            self._status(self._link)
        return status

    def _status(self, name: str) -> os.stat_result:
        """Return the status of the file behind one of its names, if it is still the same file."""
        try:
            status = os.stat(name)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._identities[self._file]:
            raise StoreMoved(
                f"store {name}: {Path(name).name} was moved, deleted or replaced while open. Put the same file back: "
                "without it, runs that are in no other copy are lost"
            )
        return status

    def may_checkpoint(self) -> bool:
        """Say whether the log may be copied into the file and then deleted by its name.

        It may not if other processes can have written without this one, because their writes would
        be overwritten. They can have done so with a log of their own, which they also have under
        another name. If the index is gone, by which they would have seen this process, they can
        have done so in a file that was written since.
        """
        if not self._is(self._file):
            return False
        status = os.stat(self._file)
        if status.st_nlink > 1:
            return False
        if self._is(self._index):
            return self._is(self._log) or not _size(self._log)
        alone = not os.path.exists(self._log) and not os.path.exists(self._index)
        return alone and status.st_mtime_ns == self._modified_at

    def log_is_nameless(self) -> bool:
        """Say whether a process that opens the file from now on would not find this log."""
        return not self._is(self._log)

    def _is(self, name: str) -> bool:
        identity_then = self._identities[name]
        return identity_then is not None and identity(name) == identity_then


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size
    except OSError:
        return 0
