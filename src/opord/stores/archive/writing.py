"""Writing to an archive: lines at its end, durable before anybody relies on them.

Only what `sync` has made durable counts. Whatever a process that died, a full disk or a power cut left at the end is
mended when the file is opened again: runs whose lines were not durable are still in the store, and come again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from opord.stores.archive import lines
from opord.stores.archive.errors import ArchiveDamaged, ArchiveRefused
from opord.stores.base import Kept, StoredContract

_MARK = b'","mark":'
_HEADER_BYTES_MAX = 1000


class ArchiveWriter:
    """An archive that is open for writing; nobody else writes to it meanwhile."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self._contracts: set[str] = set()
        self._batch: lines.Batch | None = None
        self._last = ""
        self._size = 0
        self._folder_synced = False

    @classmethod
    def open(cls, path: Path, store: str, now: str) -> Self:
        """Open the archive of a store, whose identity is `store`, making it if the file is not there or is empty.

        What a crash left at its end is mended. `now` is the instant, as text, that a new one says it was made at.

        Raises:
            ArchiveRefused: it is no archive, that of another store, or in use.
            ArchiveDamaged: what was written last has been changed since.
            OSError: it cannot be read or written.
        """
        path = path.absolute()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        archive = cls(path, descriptor)
        try:
            with archive._named():
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ArchiveRefused(
                        f"{path} is no file in which stories could be kept; name another one"
                    )
                archive._lock()
                archive._begin(store, now)
        except BaseException:
            archive.close()
            raise
        return archive

    def mark(self, at: str) -> None:
        """Begin what is written at a time."""
        self._end()
        self._write(lines.line("mark", lines.Mark(at, sorted(self._contracts), self._last)))
        self._batch = lines.Batch()

    def append(self, kept: Kept, contract: StoredContract) -> int:
        """Write a run's whole story, after the text of its contract where that is not there yet; return the bytes."""
        told = [lines.run_line(kept)]
        if contract.digest not in self._contracts:
            told.insert(0, lines.contract_line(contract))
        text = b"".join(told)
        self._write(text)
        if self._batch is not None:
            for each in told:
                self._batch.add(lines.digest_of(each))
        self._contracts.add(contract.digest)
        return len(text)

    def sync(self) -> None:
        """Make durable what was written; only then may anybody rely on it.

        Raises:
            OSError: nobody knows what is durable; the archive has to be opened anew.
        """
        self._end()
        with self._named():
            _sync(self._file)
            if not self._folder_synced:
                folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    _sync(folder)
                finally:
                    os.close(folder)
                self._folder_synced = True

    @property
    def name(self) -> str:
        """The whole path of the file as text; what is no text in it shows as `?`."""
        return str(self.path).encode("utf-8", "replace").decode()

    def close(self) -> None:
        """Close it; what was not synced may be lost."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # --- The file --------------------------------------------------------------------------------

    def _end(self) -> None:
        """End the batch that was begun: by this a line that goes missing later shows."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._write(lines.line("end", batch.end()))

    def _write(self, text: bytes) -> None:
        """Write whole lines at the end, or none of them as far as that is in our hands."""
        rest = memoryview(text)
        try:
            with self._named():
                while rest:
                    rest = rest[os.write(self._file, rest) :]
        except BaseException:
            self._cut(self._size)
            raise
        self._size += len(text)
        self._last = lines.digest_of(text[text.rfind(b"\n", 0, -1) + 1 :])

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let an error of the system name the file that it is about."""
        try:
            yield
        except OSError as error:
            if error.filename is None:
                error.filename = str(self.path)
            raise

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._file, size)
        except OSError:
            return  # what is left is mended when the file is opened the next time

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveRefused(
                f"another process is writing to {self.path}; wait for its end, or name another file"
            ) from None
        mine, there = os.fstat(self._file), os.stat(self.path)
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            raise ArchiveRefused(f"{self.path} was just put in the place of another file; try again")

    def _begin(self, store: str, now: str) -> None:
        size = os.fstat(self._file).st_size
        if size <= _HEADER_BYTES_MAX and _is_begun(os.pread(self._file, size, 0)):
            # Nothing durable can stand behind a first line that is not whole.
            os.ftruncate(self._file, 0)
            os.fchmod(self._file, 0o600)
            self._write(lines.line("archive", {"format": lines.FORMAT, "store": store, "made": now}))
            return
        with mmap.mmap(self._file, 0, access=mmap.ACCESS_READ) as content:
            check_header(content[: content.find(b"\n") + 1 or _HEADER_BYTES_MAX], self.path, store)
            whole = _whole(content)
            self._contracts = self._known_contracts(content, whole)
            self._last = lines.digest_of(content[content.rfind(b"\n", 0, whole - 1) + 1 : whole])
        if whole < size:
            os.ftruncate(self._file, whole)
        self._size = whole

    def _known_contracts(self, content: mmap.mmap, end: int) -> set[str]:
        """Return the digests of all contracts in the file, and prove what was written at the last time."""
        start = _last_mark(content, end)
        known: set[str] = set()
        while start < end:
            stop = content.find(b"\n", start) + 1
            try:
                line = lines.read_line(content[start:stop])
                if line.kind == "mark":
                    known.update(lines.decoded(line.body, lines.Mark).contracts)
                elif line.kind == "contract":
                    known.add(lines.read_contract(line.body).digest)
            except lines.LineDamaged as error:
                raise ArchiveDamaged(
                    f"{self.path} is damaged at byte {start:,} ({error}); keep it as it is, and name another file"
                ) from error
            start = stop
        return known


def check_header(text: bytes, path: Path, store: str | None = None) -> lines.Header:
    """Read the first line of an archive.

    Raises:
        ArchiveRefused: it is none, of a newer version, or of another store than `store`.
    """
    try:
        line = lines.read_line(text)
        header = lines.decoded(line.body, lines.Header)
    except lines.LineDamaged:
        line, header = None, None
    if line is None or header is None or line.kind != "archive":
        raise ArchiveRefused(f"{path} is no archive of Opord; name another file")
    if header.format > lines.FORMAT:
        raise ArchiveRefused(
            f"{path} was made by a newer opord (format {header.format}, this one knows {lines.FORMAT}); upgrade opord"
        )
    if store is not None and header.store != store:
        raise ArchiveRefused(f"{path} is the archive of another store; name another file")
    return header


def _is_begun(content: bytes) -> bool:
    """Whether this is what a first line can be before it is whole: nothing, or its beginning, or room for it."""
    there = content.rstrip(b"\0")
    return (
        b"\n" not in there and b"\0" not in there and there[: len(lines.START)] == lines.START[: len(there)]
    )


def _whole(content: mmap.mmap) -> int:
    """Return where the last whole line ends. One with a NUL in it was never written whole: the disk had room for it only."""
    end = content.rfind(b"\n") + 1
    while end and content.find(b"\0", start := content.rfind(b"\n", 0, end - 1) + 1, end) >= 0:
        end = start
    return end


def _last_mark(content: mmap.mmap, end: int) -> int:
    """Return where the last mark begins; where there is none, the second line."""
    found = end
    while (found := content.rfind(_MARK, 0, found)) >= 0:
        start = found - len(lines.START) - 64
        if start > 0 and content[start - 1 : start + len(lines.START)] == b"\n" + lines.START:
            return start
    return content.find(b"\n") + 1


def _sync(descriptor: int) -> None:
    # Elsewhere fsync leaves what it was given in the disk's own memory.
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        fcntl.fcntl(descriptor, full)
    else:
        os.fsync(descriptor)
