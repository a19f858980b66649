"""Write the guarantee sheet as GitHub-flavoured Markdown.

Headings can be linked to. No text of the contract is taken as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import assert_never

from opord.language.sheet.contents import lay_out
from opord.language.sheet.model import Sheet
from opord.language.sheet.outline import (
    CodeText,
    Flow,
    Inline,
    InlineLine,
    NameEntry,
    NameLink,
    Paragraph,
    Rows,
    SheetDocument,
    SheetSection,
    StorySteps,
    Table,
    Tag,
)
from opord.language.sheet.visible import visible

_BACKSLASHED = re.compile(r"([\\`*_\[\]|~$])")
_STARTS_A_BLOCK = re.compile(r"(\d{0,9})(?=[-+#=.):>])")
_BOLD_TAGS = {"good": "✓ ", "bad": "✗ ", "open": "", "plain": ""}


def render_markdown(sheet: Sheet) -> str:
    """Return a sheet as Markdown. Texts of the contract stay plain text."""
    return _Writer(lay_out(sheet)).text()


class _Writer:
    """Writes one document. Every heading has the anchor that GitHub gives it."""

    def __init__(self, document: SheetDocument) -> None:
        self._document = document
        self._anchors: dict[NameLink, str] = {}
        taken: dict[str, int] = {}
        slug_of(document.title, taken)
        for section in document.sections:
            slug_of(section.title, taken)
            for block in section.blocks:
                if isinstance(block, NameEntry):
                    self._anchors[block.name] = slug_of(f"{block.name.kind} {block.name.name}", taken)

    def text(self) -> str:
        document = self._document
        blocks = [f"# {escaped(document.title)}"]
        blocks += [self._flow(paragraph) for paragraph in document.about]
        blocks.append(self._flow(document.summary))
        for section in document.sections:
            blocks += self._section(section)
        return "\n\n".join(blocks) + "\n"

    def _section(self, section: SheetSection) -> Iterator[str]:
        yield f"## {escaped(section.title)}"
        for block in section.blocks:
            if isinstance(block, NameEntry):
                yield from self._entry(block)
            else:
                yield self._flow(block)

    def _entry(self, entry: NameEntry) -> Iterator[str]:
        yield f"### {entry.name.kind.capitalize()} {code(entry.name.name)}"
        if entry.title != (entry.name,) and entry.name.kind != "type":
            yield code(
                "".join(each.name if isinstance(each, NameLink) else str(each) for each in entry.title)
            )
        if entry.tags:
            yield " · ".join(f"*{escaped(tag.text)}*" for tag in entry.tags)
        for block in entry.blocks:
            yield self._flow(block)

    def _flow(self, block: Flow) -> str:
        match block:
            case Paragraph(line):
                return opening(self._line(line))
            case Rows(rows):
                return "\n".join(line for row in rows for line in self._row(row.label, row.lines))
            case Table(heads, rows):
                table = [heads, ("---",) * len(heads)]
                table += [tuple(self._line(cell, in_table=True) for cell in row) for row in rows]
                return "\n".join(f"| {' | '.join(row)} |" for row in table)
            case StorySteps(lines):
                return "\n".join(f"{number}. {self._line(line)}" for number, line in enumerate(lines, 1))
            case _:
                assert_never(block)

    def _row(self, label: str, lines: tuple[InlineLine, ...]) -> Iterator[str]:
        head = f"- **{escaped(label)}**"
        if len(lines) == 1:
            text = self._line(lines[0])
            yield f"{head}: {text}" if text else head
            return
        yield f"{head}:"
        for line in lines:
            yield f"  - {opening(self._line(line))}"

    def _line(self, line: InlineLine, in_table: bool = False) -> str:
        return "".join(self._inline(part, in_table) for part in line)

    def _inline(self, part: Inline, in_table: bool) -> str:
        match part:
            case str():
                return escaped(part)
            case NameLink(name=name):
                anchor = self._anchors.get(part)
                return f"[{code(name)}](#{anchor})" if anchor else code(name)
            case CodeText(text):
                return code(text).replace("|", "\\|") if in_table else code(text)
            case Tag(text, tone):
                return f"**{_BOLD_TAGS[tone]}{escaped(text)}**"
            case _:
                assert_never(part)


def escaped(text: str) -> str:
    """Escape a text so that Markdown shows it as it is."""
    text = _BACKSLASHED.sub(r"\\\1", visible(text))
    return text.replace("&", "&amp;").replace("<", "&lt;")


def opening(line: str) -> str:
    """Escape the start of a line that would open a list, a heading or a rule."""
    return _STARTS_A_BLOCK.sub(r"\1\\", line, count=1) if _STARTS_A_BLOCK.match(line) else line


def code(text: str) -> str:
    """Write a text as a code span, with any number of backticks in it."""
    text = visible(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def slug_of(heading: str, taken: dict[str, int]) -> str:
    """Return the anchor that GitHub gives a heading; a repeated one gets a number."""
    slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    count = taken.get(slug, 0)
    taken[slug] = count + 1
    return f"{slug}-{count}" if count else slug
