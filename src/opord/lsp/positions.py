"""Convert between offsets in a text and the positions of an editor.

A position counts lines, and units of UTF-8, UTF-16 or UTF-32 on the line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, TypeAlias

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]

# Editors also end a line at a lone carriage return, but not at the other line ends of Python.
_LINE_END = re.compile(r"\r\n|\n|\r")


class Lines:
    """The lines of a text as editors count them.

    Offsets count code points; positions start at 0.
    """

    __slots__ = ("_ascii", "_ends", "_starts", "encoding", "text")

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text: str = text
        self.encoding = encoding
        self._starts = [0]
        self._ends = []
        for match in _LINE_END.finditer(text):
            self._ends.append(match.start())
            self._starts.append(match.end())
        self._ends.append(len(text))
        self._ascii = text.isascii()

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line of an offset, and the units before it on that line.

        An offset past the end of the text is the end.
        """
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        if self._ascii or self.encoding == "utf-32":
            return line, offset - start
        return line, _units(self.text[start:offset], self.encoding)

    def offset(self, line: int, character: int) -> int:
        """Return the offset of a position.

        A character past the end of its line is the end of the line. A position inside a character
        is the start of that character.
        """
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[line], self._ends[line]
        if self._ascii or self.encoding == "utf-32":
            return max(start, min(start + character, end))
        units = 0
        for offset in range(start, end):
            units += _units(self.text[offset], self.encoding)
            if units > character:
                return offset
        return end


def _units(text: str, encoding: Encoding) -> int:
    if encoding == "utf-8":
        return len(text.encode("utf-8", errors="surrogatepass"))
    if encoding == "utf-16":
        return len(text) + sum(char > "\uffff" for char in text)
    return len(text)
