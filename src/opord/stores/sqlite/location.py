"""Check the place of a store's file: a local disk and a single name, as SQLite needs.

SQLite finds the log (`-wal`) and its index (`-shm`) by the name of the file. A symbolic link is not
a second name: SQLite follows it first. A hard link is a second name, and so is a mount of the file
by itself: a process that opens the file by that name has another log.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from shlex import quote

from opord.stores.base import StoreRefused, StoreTwoNames

PROC = Path("/proc")

# The write-ahead log needs memory that all users of the file share, so they must be on one machine.
# Locks of network file systems are not reliable either.
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs", "nfs4", "cifs", "smbfs", "smb3", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "gpfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone",
    }
)  # fmt: skip


def true_name(path: Path) -> Path:
    """Return the real name of a path, absolute and without links. SQLite reaches the file by it.

    Raises:
        StoreRefused: it leads nowhere, or to a file that other processes would not find by a name.
    """
    path = path.absolute()
    real = Path(os.path.realpath(path))
    if real.is_symlink():
        raise StoreRefused(f"the store {path} is a link that leads back to itself; name a file")
    for name, real_name in ((path.parent, Path(os.path.realpath(path.parent))), (path, real)):
        # A link in /proc may lead to a deleted file, or into the files of a container.
        if identity(name) != identity(real_name):
            raise StoreRefused(
                f"the store {path} has no path that other processes can find; give the path of its file"
            )
    return real


def check_location(path: Path, mounts: Path = PROC / "mounts") -> None:
    """Refuse a path, free of links, where no store can be.

    Raises:
        StoreRefused: no such folder, not a file, no permission, or a network file system.
        StoreTwoNames: the file has, or may have, another name.
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
    _check_names(path)


def _check_names(path: Path) -> None:
    names = path.stat().st_nlink if path.exists() else 0
    if names > 1:
        raise StoreTwoNames(two_names(path, names))
    if is_mounted(path):
        raise StoreTwoNames(
            f"the file of the store {path} is mounted by itself. SQLite keeps its log beside it, outside of the mount, "
            "where other processes do not see it. Mount the folder instead: "
            f"docker run -v ./folder:{path.parent}, not -v ./folder/{path.name}:{path}"
        )
    overlay = overlay_of(path)
    if overlay is not None:
        raise StoreTwoNames(
            f"the file of the store {path} is in the upper folder of an overlay that is mounted on {overlay}. Locks through one "
            f"path are not seen through the other. Use the store below {overlay}, or unmount the overlay first"
        )


def two_names(path: Path, names: int) -> str:
    """Say that a file has several hard links, and what to do."""
    return (
        f"the file of the store {path} has {names} names (hard links). SQLite keeps a log beside each name, so processes "
        "that use different names do not see each other's writes. Stop them all, and keep only the name that "
        f"has a -wal file beside it (`find / -xdev -samefile {quote(str(path))}` lists them)"
    )


def is_mounted(path: Path, proc: Path = PROC) -> bool:
    """Say whether a file, named without links, is a mount point of its own."""
    if not path.exists():
        return False
    mount, folders = _mount_of(path, proc), _mount_of(path.parent, proc)
    if mount is not None and folders is not None:
        return mount != folders
    listed = _mounts(proc)
    if listed is None:
        # Only as a last resort: in an overlay, a file may be on another device than its folder.
        return path.stat().st_dev != path.parent.stat().st_dev
    return any(point == path for point, *_ in listed)


def overlay_of(path: Path, proc: Path = PROC) -> Path | None:
    """Return the mount point of an overlay that keeps its changes in a folder above the path.

    The result is None if there is none.
    """
    for point, kind, options in _mounts(proc) or ():
        for option in options if kind == "overlay" else ():
            name, _, value = option.partition("=")
            if name == "upperdir" and path.is_relative_to(os.path.realpath(_unescaped(value))):
                return point
    return None


def _mounts(proc: Path) -> list[tuple[Path, str, list[str]]] | None:
    """Return all mounts with their point, kind and options.

    The result is None if the system does not list them.
    """
    lines = _lines(proc / "self" / "mountinfo")
    if lines is None:
        return None
    mounts = []
    for line in lines:
        general, _, special = line.partition(" - ")
        point, (kind, _, options) = general.split(" ")[4], special.split(" ", 2)
        mounts.append((_unescaped(point), kind, options.split(",")))
    return mounts


def _lines(table: Path) -> list[str] | None:
    """Return the lines of a table of mounts; None if the system has none.

    In names, only newlines are escaped.
    """
    try:
        return [line for line in os.fsdecode(table.read_bytes()).split("\n") if line]
    except OSError:
        return None


def _mount_of(path: Path, proc: Path) -> str | None:
    """Return the id of the mount that a path is in; None if the system does not show it."""
    try:
        # O_PATH takes the name only: closing a file that was really opened would drop SQLite's
        # locks on it.
        descriptor = os.open(path, os.O_PATH)
    except (AttributeError, OSError):
        return None
    try:
        text = (proc / "self" / "fdinfo" / str(descriptor)).read_text(encoding="utf-8")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "mnt_id":
            return value.strip()
    return None


def identity(name: str | Path) -> tuple[int, int] | None:
    """Return what identifies a file under any name (device and inode); None if there is no file."""
    try:
        status = os.stat(name)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _unescaped(name: str) -> Path:
    return Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), name))


def file_system(folder: Path, mounts: Path) -> str | None:
    """Return the kind of file system of a folder; None if the system does not show it."""
    lines = _lines(mounts)
    if lines is None:
        return None
    real, best, kind = folder.resolve(), -1, None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescaped(fields[1])
        # The longest mount point is in force; among equals, the one mounted last.
        if (real == point or point in real.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind
