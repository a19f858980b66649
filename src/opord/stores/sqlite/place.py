"""Where the file stands: whether SQLite can keep its promises there, and whether its files are still those that were opened."""

from __future__ import annotations

import os
from pathlib import Path

from opord.stores.base import StoreRefused, StoreUnavailable

# The write-ahead log needs memory shared by all who open the file, so they must be on one machine; locks of such
# file systems are not to be relied on either.
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smbfs", "smb3", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "gpfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
    }
)  # fmt: skip


def check_place(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Refuse a path where no store can be.

    Raises:
        StoreRefused: no such folder, not a file, no permission, or a network file system.
    """
    folder = path.parent
    if not folder.is_dir():
        raise StoreRefused(f"there is no folder {folder} for the store {path.name}; create it first")
    if path.is_dir():
        raise StoreRefused(f"the store {path} is a folder; name a file in it")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise StoreRefused(
            f"the store {path} may not be read and written by this user; change its permissions"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreRefused(
            f"the folder {folder} may not be written by this user; SQLite keeps its log there, beside {path.name}"
        )
    kind = file_system(folder, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreRefused(
            f"the store {path} is on a network file system ({kind}), where SQLite can lose data; use a local disk"
        )


def file_system(folder: Path, mounts: Path) -> str | None:
    """Return the kind of file system a folder is on; None where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    real, best, kind = folder.resolve(), -1, None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        # The longest mount point is the one in force; among equals, the one mounted last.
        if (real == point or point in real.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


class Watch:
    """Knows which files were opened, and whether they still stand where they stood.

    Where one does not, SQLite would write on into a file without a name, and what it calls durable would be gone with the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = str(path)
        self._log, self._index = f"{path}-wal", f"{path}-shm"
        self._known = {name: _identity(name) for name in (self._file, self._log, self._index)}
        self._written = os.stat(path).st_mtime_ns

    def check(self) -> None:
        """Look whether all files are those that were opened.

        Raises:
            StoreUnavailable: "gone".
        """
        for name in (self._log, self._index):
            if not self._is(name):
                raise StoreUnavailable(
                    "gone",
                    f"store {self._path}: {Path(name).name} was moved, deleted or replaced while open; stop everything that "
                    "has the store open, which keeps what was written, and start it again",
                )
        try:
            found = os.stat(self._file)
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._known[self._file]:
            raise StoreUnavailable(
                "gone",
                f"store {self._path}: {self._path.name} was moved, deleted or replaced while open; put it back",
            )
        self._written = found.st_mtime_ns

    def may_settle(self) -> bool:
        """Say whether what is in our log may be brought into the file, and the log then be deleted by its name.

        It may not where others can have gone on without us, for what they wrote would be overwritten: with a log of their
        own, or, where the index by which they would have seen us is gone, with a file that has been written since.
        """
        if not self._is(self._file):
            return False
        if self._is(self._index):
            return self._is(self._log) or not _size(self._log)
        alone = not os.path.exists(self._log) and not os.path.exists(self._index)
        return alone and os.stat(self._file).st_mtime_ns == self._written

    def log_is_nameless(self) -> bool:
        """Say whether nobody who opens the file from now on finds our log."""
        return not self._is(self._log)

    def _is(self, name: str) -> bool:
        known = self._known[name]
        return known is not None and _identity(name) == known


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size
    except OSError:
        return 0
