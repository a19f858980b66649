"""A disk under SQLite that knows what was synced, and forgets the rest at a power loss.

SQLite works on real files in a folder, so that locks and shared memory are the real ones. For each
file the disk keeps the durable part: its content at the last sync, and the writes and truncations
since. A name is durable apart from its file: SQLite's Unix layer syncs the folder with the first
sync of a new log or journal, and at a deletion if it says so.

After a loss, the folder of the next life has everything durable. Of the rest it has what the seed
chooses: nothing, all, any part in any order, torn sectors, a write cut in its middle, or garbage
where a write was under way. The shared memory never survives.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import apsw

VFS = "opord-lossy"

WAYS = ("nothing", "all", "some", "any order", "sectors of 512", "sectors of 4096", "cut", "rubbish")
"""What happens to the writes that were not synced."""

_NEW_NAMES = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
_SYNC_FULL = 3


class Change(NamedTuple):
    """A write of `data` at `offset`; if `data` is None, a truncation to `offset` bytes."""

    offset: int
    data: bytes | None


class Inode:
    """A file apart from its name: its durable part, and the changes since."""

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = bytearray(durable)
        self.since: list[Change] = []

    def sync(self) -> None:
        """Make everything durable."""
        for change in self.since:
            apply(self.durable, change)
        self.since.clear()


def apply(content: bytearray, change: Change) -> None:
    """Apply a change to a file's content; fill a gap before a write with zeros."""
    offset, data = change
    if data is None:
        if offset < len(content):
            del content[offset:]
        else:
            content.extend(bytes(offset - len(content)))
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Fault(NamedTuple):
    """Fail the `nth` operation of these kinds from now (from 1), `times` times in a row."""

    kinds: tuple[str, ...]
    nth: int
    error: Callable[[], Exception]
    times: int = 1


class Disk:
    """The disk of one folder, in one life after the other.

    `lose_at` is called with the kind of every operation (create, delete, write, truncate, sync). It
    returns whether the power fails there: "before" or "after" the operation, or None. Without
    `plain_syncs` only a full sync makes anything durable, as on systems whose plain sync stops at
    the drive's cache. `files` exist, and are durable, from the beginning.
    """

    def __init__(
        self, root: Path, *, plain_syncs: bool = True, files: Mapping[str, bytes] | None = None
    ) -> None:
        self.root = root
        self.life = 0
        self.off = False
        self.plain_syncs = plain_syncs
        self.counts: Counter[str] = Counter()
        self.fault: Fault | None = None
        self.failed = 0
        self.lose_at: Callable[[str], str | None] = lambda kind: None
        self.on_loss: Callable[[], None] = lambda: None
        self._entries: dict[str, Inode] = {}
        self._renamed: list[tuple[str, Inode | None]] = []
        self._now: dict[str, Inode] = {}
        self._begin(files or {})

    @property
    def folder(self) -> Path:
        """The folder of this life's files."""
        return self.root / f"life-{self.life}"

    def close(self) -> None:
        """Forget the disk and its files."""
        _DISKS.pop(str(self.folder), None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def lose(self, rng: Random, way: str) -> None:
        """Begin the next life with what survived. Open files of the last life reach nothing."""
        survived = self._survivors(rng, way)
        self.close()
        self.life += 1
        self._begin(survived)

    def _begin(self, files: Mapping[str, bytes]) -> None:
        self.folder.mkdir()
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        self._entries = {name: Inode(content) for name, content in files.items()}
        self._now = dict(self._entries)
        self._renamed = []
        self.off = False
        _DISKS[str(self.folder)] = self

    def _survivors(self, rng: Random, way: str) -> dict[str, bytes]:
        entries = dict(self._entries)
        # Names are lost one by one, each in its own order.
        gone: set[str] = set()
        for name, inode in self._renamed:
            if name in gone or way == "nothing" or (way != "all" and rng.random() < 0.5):
                gone.add(name)
            elif inode is None:
                entries.pop(name, None)
            else:
                entries[name] = inode
        return {name: bytes(survivor(inode, rng, way)) for name, inode in sorted(entries.items())}

    # --- what the files do -----------------------------------------------------------------------

    def operate(self, kind: str, act: Callable[[], None]) -> None:
        """Carry out an operation, unless the power fails first or the operation is to fail."""
        if self.off:
            raise apsw.IOError("the power is off")
        self.counts[kind] += 1
        self.fail(kind)
        lost = self.lose_at(kind)
        if lost == "before":
            self._go_off()
        act()
        if lost == "after":
            self._go_off()

    def fail(self, kind: str) -> None:
        """Raise the fault that is due at an operation of this kind."""
        fault = self.fault
        if fault is None or kind not in fault.kinds:
            return
        if fault.nth > 1:
            self.fault = fault._replace(nth=fault.nth - 1)
            return
        self.failed += 1
        self.fault = fault._replace(times=fault.times - 1) if fault.times > 1 else None
        raise fault.error()

    def _go_off(self) -> None:
        self.off = True
        self.on_loss()
        raise apsw.IOError("the power has gone")

    def opened(self, name: str, *, create: bool) -> Inode:
        """Return the file of a name; a new name is recorded."""
        if name not in self._now:
            if not create:
                raise apsw.CantOpenError(name)
            self._now[name] = Inode()
            self._renamed.append((name, self._now[name]))
        return self._now[name]

    def deleted(self, name: str) -> None:
        """Record that a name is deleted."""
        self._now.pop(name, None)
        self._renamed.append((name, None))

    def sync_names(self) -> None:
        """Make every name durable as it is now."""
        self._entries = dict(self._now)
        self._renamed = []


def survivor(inode: Inode, rng: Random, way: str) -> bytearray:
    """Return what is left of a file."""
    content = bytearray(inode.durable)
    changes = list(inode.since)
    if way == "nothing":
        return content
    if way in ("some", "any order"):
        changes = [change for change in changes if rng.random() < 0.5]
    elif way.startswith("sectors"):
        pieces = [piece for change in changes for piece in torn(change, int(way.split()[-1]))]
        changes = [piece for piece in pieces if rng.random() < 0.5]
    elif way in ("cut", "rubbish") and changes:
        last = rng.randrange(len(changes))
        changes = [*changes[:last], partly(changes[last], rng, way)]
    if way == "any order":
        rng.shuffle(changes)
    for change in changes:
        apply(content, change)
    return content


def torn(change: Change, size: int) -> list[Change]:
    """Cut a write at sector boundaries."""
    offset, data = change
    if data is None:
        return [change]
    pieces, at = [], 0
    while at < len(data):
        end = min(len(data), at + size - (offset + at) % size)
        pieces.append(Change(offset + at, data[at:end]))
        at = end
    return pieces


def partly(change: Change, rng: Random, way: str) -> Change:
    """Leave a write unfinished: only its first bytes, or with garbage for the others."""
    offset, data = change
    if data is None:
        return change
    done = rng.randrange(len(data) + 1)
    return Change(offset, data[:done] + (rng.randbytes(len(data) - done) if way == "rubbish" else b""))


# --- SQLite's side -------------------------------------------------------------------------

# By its name, because a test may make our file system the default one.
_SYSTEMS = apsw.vfs_names()[0]

_DISKS: dict[str, Disk] = {}


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        asked = flags[0]
        create = bool(asked & apsw.SQLITE_OPEN_CREATE)
        self._sync_names = create and bool(asked & _NEW_NAMES)

        def act() -> None:
            self._inode = disk.opened(path.name, create=create)
            apsw.VFSFile.__init__(self, _SYSTEMS, name, flags)

        disk.operate("create" if create and not path.exists() else "open", act)

    def xRead(self, amount: int, offset: int) -> bytes:
        disk = self._disk
        if disk.off:
            raise apsw.IOError("the power is off")
        disk.counts["read"] += 1
        disk.fail("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:
        content = bytes(data)

        def act() -> None:
            apsw.VFSFile.xWrite(self, content, offset)
            self._inode.since.append(Change(offset, content))

        self._disk.operate("write", act)

    def xTruncate(self, newsize: int) -> None:
        def act() -> None:
            apsw.VFSFile.xTruncate(self, newsize)
            self._inode.since.append(Change(newsize, None))

        self._disk.operate("truncate", act)

    def xSync(self, flags: int) -> None:
        def act() -> None:
            if self._disk.plain_syncs or flags & 0xF == _SYNC_FULL:
                self._inode.sync()
                if self._sync_names:
                    self._sync_names = False
                    self._disk.sync_names()

        self._disk.operate("sync", act)


class _System(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(VFS, _SYSTEMS)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _File(_DISKS[str(Path(path).parent)], name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        disk = _DISKS[str(Path(filename).parent)]

        def act() -> None:
            apsw.VFS.xDelete(self, filename, syncdir)
            disk.deleted(Path(filename).name)
            if syncdir:
                disk.sync_names()

        disk.operate("delete", act)


SYSTEM = _System()
