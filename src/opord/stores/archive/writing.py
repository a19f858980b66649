"""Write to an archive: append lines, and make them durable before runs are deleted.

Only what `sync` has made durable counts. A process that died, a full disk or a power cut may leave
a broken end; opening the file again repairs it. Runs whose lines were not durable are still in the
store and are archived again.
"""

from __future__ import annotations

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
    """An archive that is open for writing. Only one writer can open it at a time."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self._contracts: set[str] = set()
        self._batch: lines.LineBatch | None = None
        self._last = ""
        self._size = 0
        self._folder_synced = False

    @classmethod
    def open(cls, path: Path, store: str, now: str) -> Self:
        """Open the archive of the store with the identity `store`.

        Make it if the file is missing or empty.

        A broken end that a crash left is repaired. `now` is the instant, as text, at which a new
        archive was made.

        Raises:
            ArchiveRefused: the file is not an archive, belongs to another store, or is in use.
            ArchiveDamaged: the last batch was changed after it was written.
            OSError: the file cannot be read or written.
        """
        path = path.absolute()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        archive = cls(path, descriptor)
        try:
            with archive._named():
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ArchiveRefused(f"{path} is not a regular file; name another one")
                archive._lock()
                archive._begin(store, now)
        except BaseException:
            archive.close()
            raise
        return archive

    def mark(self, at: str) -> None:
        """Begin a batch."""
        self._end()
        self._write(lines.line("mark", lines.Mark(at, sorted(self._contracts), self._last)))
        self._batch = lines.LineBatch()

    def append(self, run: Kept, contract: StoredContract) -> int:
        """Append a run, after the text of its contract if that is not in the file yet.

        Return the bytes.
        """
        new_lines = [lines.run_line(run)]
        if contract.digest not in self._contracts:
            new_lines.insert(0, lines.contract_line(contract))
        text = b"".join(new_lines)
        self._write(text)
        if self._batch is not None:
            for each in new_lines:
                self._batch.add(lines.digest_of(each))
        self._contracts.add(contract.digest)
        return len(text)

    def sync(self) -> None:
        """Make durable what was written. Only then may a run be deleted.

        Raises:
            OSError: it is unknown what is durable; the archive must be opened again.
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
        """The absolute path of the file as text. Bytes that are not text show as `?`."""
        return str(self.path).encode("utf-8", "replace").decode()

    def close(self) -> None:
        """Close the file. What was not synced may be lost."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # --- The file --------------------------------------------------------------------------------

    def _end(self) -> None:
        """End the batch that was begun. The end reveals a line that is lost later."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._write(lines.line("end", batch.end()))

    def _write(self, text: bytes) -> None:
        """Append whole lines, or none of them as far as the writer can ensure that."""
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
        """Add the file's name to an error of the system."""
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
            return  # the rest is repaired when the file is opened the next time

    def _lock(self) -> None:
        import fcntl  # only POSIX has it, and archives are read elsewhere too

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveRefused(
                f"another process is writing to {self.path}; wait until it ends, or name another file"
            ) from None
        mine, there = os.fstat(self._file), os.stat(self.path)
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino):
            raise ArchiveRefused(f"{self.path} was replaced by another file just now; try again")

    def _begin(self, store: str, now: str) -> None:
        size = os.fstat(self._file).st_size
        if size <= _HEADER_BYTES_MAX and _is_begun(os.pread(self._file, size, 0)):
            # Nothing durable can follow a first line that is not whole.
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
        """Return the digests of all contracts in the file, and verify the last batch."""
        start = _last_mark(content, end)
        digests: set[str] = set()
        while start < end:
            stop = content.find(b"\n", start) + 1
            try:
                line = lines.read_line(content[start:stop])
                if line.kind == "mark":
                    digests.update(lines.decoded(line.body, lines.Mark).contracts)
                elif line.kind == "contract":
                    digests.add(lines.read_contract(line.body).digest)
            except lines.LineDamaged as error:
                raise ArchiveDamaged(
                    f"{self.path} is damaged at byte {start:,} ({error}); keep it as it is, and name another file"
                ) from error
            start = stop
        return digests


def check_header(text: bytes, path: Path, store: str | None = None) -> lines.Header:
    """Decode the first line of an archive.

    Raises:
        ArchiveRefused: it is not an archive, or belongs to a newer version or to another store than
            `store`.
    """
    try:
        line = lines.read_line(text)
        header = lines.decoded(line.body, lines.Header)
    except lines.LineDamaged:
        line, header = None, None
    if line is None or header is None or line.kind != "archive":
        raise ArchiveRefused(f"{path} is not an archive of Opord; name another file")
    if header.format > lines.FORMAT:
        raise ArchiveRefused(
            f"{path} was made by a newer opord (format {header.format}, this one knows {lines.FORMAT}); upgrade opord"
        )
    if store is not None and header.store != store:
        raise ArchiveRefused(f"{path} is the archive of another store; name another file")
    return header


def _is_begun(content: bytes) -> bool:
    """Say whether a first line can look like this before it is whole.

    It can be empty, a beginning, or reserved space.
    """
    there = content.rstrip(b"\0")
    return (
        b"\n" not in there and b"\0" not in there and there[: len(lines.START)] == lines.START[: len(there)]
    )


def _whole(content: mmap.mmap) -> int:
    """Return the end of the last whole line.

    A line with a NUL was never written whole: only its space was reserved.
    """
    end = content.rfind(b"\n") + 1
    while end and content.find(b"\0", start := content.rfind(b"\n", 0, end - 1) + 1, end) >= 0:
        end = start
    return end


def _last_mark(content: mmap.mmap, end: int) -> int:
    """Return the offset of the last mark; without a mark, that of the second line."""
    offset = end
    while (offset := content.rfind(_MARK, 0, offset)) >= 0:
        start = offset - len(lines.START) - 64
        if start > 0 and content[start - 1 : start + len(lines.START)] == b"\n" + lines.START:
            return start
    return content.find(b"\n") + 1


def _sync(descriptor: int) -> None:
    import fcntl

    # On macOS, fsync leaves the data in the memory of the disk.
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        fcntl.fcntl(descriptor, full)
    else:
        os.fsync(descriptor)
