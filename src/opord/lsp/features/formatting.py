"""Formatting: the layout of `opord fmt` as edits of the lines that change."""

from __future__ import annotations

from difflib import SequenceMatcher

from opord.language.syntax.formatter import NotFormatted, format_source
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis
from opord.lsp.features.rename import TextEdit

# The time to compare texts grows with the square of their differences. A text with more lines than
# this is replaced as a whole.
_LINES_MAX = 4_000


class FormattingRefused(Exception):
    """The text has syntax errors, so it cannot be laid out."""


def formatted(analysis: Analysis, within: Span | None = None) -> list[TextEdit]:
    """Return the edits that lay a file out, or only those that touch `within` if it is given.

    Raises:
        Refused: the text has syntax errors; the message names the first.
    """
    try:
        wanted = format_source(analysis.text, analysis.path)
    except NotFormatted as refused:
        first = refused.findings[0]
        raise FormattingRefused(f"not formatted: line {first.place.line}: {first.message}") from None
    return [each for each in _edits(analysis, wanted) if within is None or _touches(each.span, within)]


def _edits(analysis: Analysis, wanted: str) -> list[TextEdit]:
    if wanted == analysis.text:
        return []
    before, after = analysis.text.splitlines(keepends=True), wanted.splitlines(keepends=True)
    if len(before) > _LINES_MAX:
        return [TextEdit(analysis.path, (0, len(analysis.text)), wanted)]
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        TextEdit(analysis.path, (starts[i], starts[j]), "".join(after[k:m]))
        for tag, i, j, k, m in matcher.get_opcodes()
        if tag != "equal"
    ]


def _touches(span: Span, within: Span) -> bool:
    return span[0] <= within[1] and within[0] <= span[1]
