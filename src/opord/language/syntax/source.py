"""Hold the text of one file, and convert its offsets to lines and columns."""

from __future__ import annotations

import errno
import os
import re
import stat
from bisect import bisect_right
from pathlib import Path

from opord.contract import Place
from opord.language.diagnostics.model import Diagnostic, code
from opord.language.syntax.tree import Span

# People read contracts. A file of more than one megabyte is an accident or an attack.
MAX_SOURCE_BYTES = 1024 * 1024

TOO_LARGE = code("OP001", rule="syntax", title="a file of more than 1 MiB")
NOT_UTF8 = code("OP002", rule="syntax", title="a file that is not UTF-8")
NUL = code("OP003", rule="syntax", title="a NUL character in a file")

_NEWLINE = re.compile("\n")

# Without O_NONBLOCK, opening a pipe waits until a writer opens it. Without O_BINARY, Windows
# changes line ends and stops at a Ctrl-Z. Each is there only where it means something.
_READING = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


def with_slashes(path: str | Path, separator: str = os.sep) -> str:
    """Return a path as findings name it: with `/` between its parts, on Windows too.

    `separator` is that of the system. Windows takes both; a POSIX name may have a backslash in it.
    """
    return str(path).replace(separator, "/")


def read_source(path: str | Path) -> bytes:
    """Read a file from disk, at most one byte more than the limit.

    The extra byte shows that it is too large.

    Only regular files are read: a pipe or a device may have no end.

    Raises:
        OSError: the file cannot be read, or is not a regular file.
    """
    try:
        handle = os.open(path, _READING)
    except PermissionError:
        # Windows says so of a folder; a folder without rights is one all the same.
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None
        raise
    mode = os.fstat(handle).st_mode
    if stat.S_ISDIR(mode):  # `open` would name it by the number of the handle
        os.close(handle)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file with an end", str(path))
        return file.read(MAX_SOURCE_BYTES + 1)


class Source:
    """Hold the path and the text of one file.

    Offsets count code points of `text`, from 0; the text has no byte order mark. If a file cannot
    be read as text, `findings` has the reasons and `refused` is True: do not parse it.
    """

    __slots__ = ("findings", "line_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path: str = path
        self.text: str = text.removeprefix("\ufeff")
        self.line_starts: list[int] = [0, *(match.end() for match in _NEWLINE.finditer(self.text))]
        self.findings: tuple[Diagnostic, ...] = ()
        if finding := self._unreadable():
            self.findings = (finding,)

    @classmethod
    def from_bytes(cls, path: str, data: bytes) -> Source:
        """Decode the content of a file; invalid UTF-8 becomes a finding, never an exception."""
        if len(data) > MAX_SOURCE_BYTES:
            return cls._too_large(path, len(data))
        try:
            return cls(path, data.decode("utf-8"))
        except UnicodeDecodeError as error:
            source = cls(path, data.decode("utf-8", errors="replace"))
            before = len(data[: error.start].decode("utf-8").removeprefix("\ufeff"))
            source.findings = (
                NOT_UTF8.at(
                    source.place((before, before + 1)),
                    f"the file is not UTF-8: the byte 0x{data[error.start]:02x} has no meaning here",
                    help="save the file as UTF-8",
                ),
            )
            return source

    @classmethod
    def read(cls, path: str | Path) -> Source:
        """Read a file from disk.

        Raises:
            OSError: the file cannot be read.
        """
        return cls.from_bytes(with_slashes(path), read_source(path))

    @classmethod
    def _too_large(cls, path: str, size: int) -> Source:
        source = cls(path, "")
        source.findings = (
            TOO_LARGE.at(
                source.place((0, 0)),
                f"the file has {'more than 1 MiB' if size == MAX_SOURCE_BYTES + 1 else f'{size} bytes'}; "
                "a contract has at most 1 MiB",
                help="move types that several contracts share into a file of their own, and `use` them",
            ),
        )
        return source

    @property
    def refused(self) -> bool:
        """Say whether the file has no text to parse."""
        return bool(self.findings)

    def position(self, offset: int) -> tuple[int, int]:
        """Turn an offset into its line and column, both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """Turn a line and a column, both from 1, into an offset.

        A position outside the text becomes the nearest end.
        """
        if line < 1:
            return 0
        if line > len(self.line_starts):
            return len(self.text)
        return min(self.line_starts[line - 1] + max(column - 1, 0), len(self.text))

    def place(self, span: Span) -> Place:
        """Turn a span into a place, the form that findings and the checked contract use."""
        line, column = self.position(span[0])
        end_line, end_column = self.position(span[1])
        return Place(self.path, line, column, end_line, end_column)

    def line(self, number: int) -> str:
        """Return the text of a line, from 1, without its line end.

        The text is empty after the end of the file.
        """
        if not 1 <= number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def slice(self, span: Span) -> str:
        """Return the text of a span."""
        return self.text[span[0] : span[1]]

    def _unreadable(self) -> Diagnostic | None:
        text = self.text
        # A character has at most four bytes in UTF-8, so a short text is small without being
        # encoded.
        if len(text) * 4 > MAX_SOURCE_BYTES:
            size = len(text.encode("utf-8", errors="surrogatepass"))
            if size > MAX_SOURCE_BYTES:
                self.text, self.line_starts = "", [0]
                return self._too_large(self.path, size).findings[0]
        if (at := text.find("\0")) >= 0:
            return NUL.at(
                self.place((at, at + 1)), "the file contains a NUL character", help="remove the character"
            )
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            return NOT_UTF8.at(
                self.place((error.start, error.start + 1)),
                "the text contains half of a surrogate pair, which UTF-8 cannot hold",
                help="write the whole character",
            )
        return None
