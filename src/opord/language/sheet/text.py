"""Write the guarantee sheet as text of a given width, for a newcomer to read in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, assert_never

from opord.language.sheet.columns import table_lines, wrapped
from opord.language.sheet.contents import lay_out
from opord.language.sheet.model import Sheet
from opord.language.sheet.outline import (
    Flow,
    NameEntry,
    Paragraph,
    Rows,
    SheetDocument,
    SheetSection,
    StorySteps,
    Table,
    plain,
)
from opord.language.sheet.visible import visible

TextKind: TypeAlias = Literal["title", "heading", "name", "plain"]
"""The kind of a line of text, for callers that colour it."""

_LABEL_WIDTH, _LABEL_WIDEST = 15, 24
_Lines: TypeAlias = Iterator[tuple[TextKind, str]]


def render_text(sheet: Sheet, width: int = 100, paint: Callable[[TextKind, str], str] | None = None) -> str:
    """Return a sheet in lines of at most `width` columns.

    The width is at least 60. A long name may go beyond it. `paint` gets the kind and the text of
    each line, and returns the text to show.
    """
    lines = [(part, visible(text.rstrip())) for part, text in _document(lay_out(sheet), max(width, 60))]
    return "\n".join(text if paint is None else paint(part, text) for part, text in lines) + "\n"


def _document(document: SheetDocument, width: int) -> _Lines:
    yield "title", document.title
    for index, paragraph in enumerate(document.about):
        if index:
            yield "plain", ""
        yield from _flow(paragraph, width, "")
    yield "plain", ""
    yield from _flow(document.summary, width, "")
    for section in document.sections:
        yield from _section(section, width)


def _section(section: SheetSection, width: int) -> _Lines:
    yield "plain", ""
    yield "heading", section.title
    yield "heading", "=" * len(section.title)
    for index, block in enumerate(section.blocks):
        if index:
            yield "plain", ""
        if isinstance(block, NameEntry):
            yield from _entry(block, width)
        else:
            yield from _flow(block, width, "")


def _entry(entry: NameEntry, width: int) -> _Lines:
    tags = f" ({', '.join(tag.text for tag in entry.tags)})" if entry.tags else ""
    for line in wrapped(f"{plain(entry.title)}{tags}", width, later="    "):
        yield "name", line
    paragraphs = 0
    for block in entry.blocks:
        if isinstance(block, Paragraph):
            if paragraphs:
                yield "plain", ""
            paragraphs += 1
        yield from _flow(block, width, "  ")


def _flow(block: Flow, width: int, indent: str) -> _Lines:
    for line in _flow_lines(block, width, indent):
        yield "plain", line


def _flow_lines(block: Flow, width: int, indent: str) -> Iterator[str]:
    match block:
        case Paragraph(line):
            yield from wrapped(plain(line), width, indent, indent)
        case Rows(rows):
            wide = max(_LABEL_WIDTH, *(len(row.label) for row in rows if len(row.label) <= _LABEL_WIDEST))
            later = " " * (len(indent) + wide + 2)
            for row in rows:
                for index, line in enumerate(row.lines):
                    label = "" if index else row.label
                    head = f"{indent}{label:<{wide}}  "
                    yield from wrapped(plain(line), width, head, later) or [head]
        case Table(heads, cells):
            laid = [[plain(cell) for cell in row] for row in cells]
            yield from (indent + line for line in table_lines(heads, laid, width - len(indent)))
        case StorySteps(lines):
            for number, line in enumerate(lines, 1):
                head = f"{indent}{number:>2}. "
                yield from wrapped(plain(line), width, head, " " * len(head))
        case _:
            assert_never(block)
