"""Where a store's file may stand: on a local disk, where SQLite can keep its promises."""

from __future__ import annotations

import os
from pathlib import Path

from opord.stores.base import StoreRefused

# The write-ahead log needs memory shared by all who open the file, so they must be on one machine; locks of such
# file systems are not to be relied on either.
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smbfs", "smb3", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "gpfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
    }
)  # fmt: skip


def check_location(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
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
