"""Remove an `allow` comment that silences nothing, or one of its names."""

from __future__ import annotations

from collections.abc import Iterator

from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile


def idle_allow(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer to remove what silences nothing.

    The fix is not safe, because the reason may belong to another place.
    """
    start = checked.start(finding.place)
    end = checked.source.offset(finding.place.end_line, finding.place.end_column)
    text = checked.source.text
    if text[start] == "#":
        yield checked.edit(_line(text, start, end), "", "remove the comment", safe=False)
        return
    while text[start - 1] in " ,":
        start -= 1
    yield checked.edit((start, end), "", f"remove the name `{text[start:end].strip(' ,')}`", safe=False)


def _line(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the whole line of a comment that stands alone on it."""
    line_end = text.find("\n", end)
    return text.rfind("\n", 0, start) + 1, len(text) if line_end < 0 else line_end + 1
