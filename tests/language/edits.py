"""Apply the edits of a fix to the text of a contract."""

from __future__ import annotations

from opord.language.diagnostics.model import Fix
from opord.language.syntax.source import Source


def applied(text: str, fix: Fix) -> str:
    """Apply the edits of a fix, the last one first."""
    source = Source("order.opord", text)
    for edit in sorted(fix.edits, key=lambda each: (each.place.line, each.place.column), reverse=True):
        start = source.offset(edit.place.line, edit.place.column)
        end = source.offset(edit.place.end_line, edit.place.end_column)
        text = text[:start] + edit.text + text[end:]
    return text
