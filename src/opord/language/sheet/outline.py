"""A sheet laid out as a document without a form: sections, entries, rows and tables.

`contents` decides what is said, and in which order. Text, Markdown and HTML each write these few
kinds of blocks in their own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

NameKind: TypeAlias = Literal["state", "phase", "action", "effect", "event", "type", "failure"]


@dataclass(frozen=True, slots=True)
class NameLink:
    """A name that has its own entry. A document with links links to that entry."""

    kind: NameKind
    name: str


@dataclass(frozen=True, slots=True)
class CodeText:
    """Text in the contract's language: an expression, a type, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A short mark for a quick look: `proved`, `secret`, `success`."""

    text: str
    tone: Literal["good", "bad", "open", "plain"] = "plain"


Inline: TypeAlias = str | NameLink | CodeText | Tag
InlineLine: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    line: InlineLine


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A label and its text, in one line or several."""

    label: str
    lines: tuple[InlineLine, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Labels and their texts."""

    rows: tuple[LabelledRow, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with headings; a cell is one line."""

    heads: tuple[str, ...]
    rows: tuple[tuple[InlineLine, ...], ...]


@dataclass(frozen=True, slots=True)
class StorySteps:
    """A story as numbered steps."""

    lines: tuple[InlineLine, ...]


Flow: TypeAlias = Paragraph | Rows | Table | StorySteps


@dataclass(frozen=True, slots=True)
class NameEntry:
    """The entry of one name: its title, its marks, and the blocks below."""

    name: NameLink
    title: InlineLine
    tags: tuple[Tag, ...]
    blocks: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class SheetSection:
    """A heading with the blocks below it."""

    title: str
    anchor: str
    blocks: tuple[Flow | NameEntry, ...]


@dataclass(frozen=True, slots=True)
class SheetDocument:
    """The whole document: a title, what it is about, a summary, and the sections."""

    title: str
    about: tuple[Paragraph, ...]
    summary: Rows
    sections: tuple[SheetSection, ...]


def plain(line: InlineLine) -> str:
    """Return a line without markup; a mark beside other words is put in parentheses."""
    return "".join(_plain(each, alone=len(line) == 1) for each in line)


def _plain(part: Inline, alone: bool) -> str:
    match part:
        case str():
            return part
        case NameLink(name=name):
            return name
        case CodeText(text):
            return text
        case Tag(text):
            return text if alone else f"({text})"
        case _:
            assert_never(part)


def joined(parts: Iterable[InlineLine], between: str = ", ") -> InlineLine:
    """Join lines into one line, with `between` between them."""
    inlines: list[Inline] = []
    for part in parts:
        if inlines:
            inlines.append(between)
        inlines += part
    return tuple(inlines)


_SAID_IN_CODE = re.compile(r"`([^`]+)`|\b([A-Za-z]\w*(?:\.[a-z_]\w*)+|[a-z][a-z0-9]*_\w+)\b(?!\()", re.ASCII)


def sentence(text: str) -> InlineLine:
    """Mark the code in a sentence of the sheet: backquoted text, and names with a `_` or a dot."""
    inlines: list[Inline] = []
    end = 0
    for match in _SAID_IN_CODE.finditer(text):
        inlines += [text[end : match.start()], CodeText(match[1] or match[2])]
        end = match.end()
    inlines.append(text[end:])
    return tuple(part for part in inlines if part)


def paragraphs(doc: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a doc comment, which empty lines separate."""
    for part in doc.split("\n\n"):
        if part.strip():
            yield Paragraph((" ".join(part.split()),))
