"""Write tables as lines of text.

Columns are as wide as their words need, and cells are wrapped. If the columns do not fit beside
each other, each row is stacked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

_GAP = 2
_NARROWEST = 8  # a narrower column is hard to read


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Write a table in lines of at most `width` columns."""
    widths = _widths([heads, *rows], width)
    if widths is None:
        yield from _stacked(heads, rows, width)
        return
    yield from _row(heads, widths)
    yield (" " * _GAP).join("-" * wide for wide in widths)
    for row in rows:
        yield from _row(row, widths)


def wrapped(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    """Break a text into lines of at most `width` columns; a longer word is not broken."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Return the width of each column, or None if the longest words do not fit side by side."""
    columns = list(zip(*rows, strict=True))
    most = [max(map(len, column)) for column in columns]
    least = [
        max(min(_NARROWEST, wide), *map(_longest_word, column))
        for wide, column in zip(most, columns, strict=True)
    ]
    room = width - _GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(most) > room:
        # Shrink the column with the most room beyond its need, so that short cells stay on one
        # line.
        widest = max(range(len(most)), key=lambda index: (most[index] - least[index], most[index]))
        most[widest] -= 1
    return most


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=0)


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    folded = [wrapped(cell, wide) or [""] for cell, wide in zip(cells, widths, strict=True)]
    for index in range(max(map(len, folded))):
        parts = [
            (lines[index] if index < len(lines) else "").ljust(wide)
            for lines, wide in zip(folded, widths, strict=True)
        ]
        yield (" " * _GAP).join(parts).rstrip()


def _stacked(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Write each row as its first cell with the other cells below it."""
    for row in rows:
        yield from wrapped(row[0], width, later="  ")
        for head, cell in zip(heads[1:], row[1:], strict=True):
            if cell:
                yield from wrapped(f"{head.lower()}: {cell}", width, "  ", "    ")
