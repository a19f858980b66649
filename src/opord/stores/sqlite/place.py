"""Where the file stands: whether SQLite can keep its promises there, and whether it is still the same file."""

from __future__ import annotations

import os
import time
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

# Looking costs a system call that gives up the interpreter lock; a file is not moved often.
_LOOK_EVERY_S = 1.0


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
    """Notices that the file or its log was moved, deleted or replaced while open.

    SQLite would write on into the file without a name, and what it calls durable would be gone with the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = {file: _identity(file) for file in (path, path.with_name(path.name + "-wal"))}
        self._looked = time.monotonic()

    def check(self, *, now: bool = False) -> None:
        """Look, if the last look is a second ago.

        Raises:
            StoreUnavailable: "gone".
        """
        instant = time.monotonic()
        if not now and instant - self._looked < _LOOK_EVERY_S:
            return
        for file, known in self._files.items():
            if known is not None and _identity(file) != known:
                raise StoreUnavailable(
                    "gone",
                    f"store {self._path}: {file.name} was moved, deleted or replaced while open; put it back",
                )
        self._looked = instant


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
