"""Folding: braces over several lines, comments, and groups of `use` lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opord.language.syntax import tree
from opord.lsp.analysis import Analysis


@dataclass(frozen=True, slots=True)
class FoldedLines:
    """Lines that can be folded, counted from 0, the last one included."""

    first: int
    last: int
    kind: Literal["region", "comment", "imports"]


def folds(analysis: Analysis) -> list[FoldedLines]:
    """List what can be folded, from top to bottom."""
    folds = {*_braces(analysis), *_comments(analysis), *_uses(analysis)}
    return sorted(
        (each for each in folds if each.first < each.last), key=lambda fold: (fold.first, -fold.last)
    )


def _line(analysis: Analysis, offset: int) -> int:
    return analysis.source.position(offset)[0] - 1


def _braces(analysis: Analysis) -> Iterator[FoldedLines]:
    tokens = analysis.tokens
    open_: list[int] = []
    for kind, start in zip(tokens.kinds, tokens.starts, strict=True):
        if kind in ("{", "(", "["):
            open_.append(start)
        elif kind in ("}", ")", "]") and open_:
            # The line of the closing bracket stays visible.
            yield FoldedLines(_line(analysis, open_.pop()), _line(analysis, start) - 1, "region")


def _comments(analysis: Analysis) -> Iterator[FoldedLines]:
    row: list[int] = []
    for comment in analysis.file.comments:
        if not comment.own_line:
            continue
        line = _line(analysis, comment.span[0])
        if row and line != row[-1] + 1:
            yield FoldedLines(row[0], row[-1], "comment")
            row = []
        row.append(line)
    if row:
        yield FoldedLines(row[0], row[-1], "comment")


def _uses(analysis: Analysis) -> Iterator[FoldedLines]:
    lines = [
        (_line(analysis, node.span[0]), _line(analysis, max(node.span)))
        for node in analysis.file.declarations
        if isinstance(node, tree.Use)
    ]
    if len(lines) > 1:
        yield FoldedLines(lines[0][0], lines[-1][1], "imports")
