"""A sheet laid out as a document without a form: sections, entries, rows and tables.

`contents` decides what is said, and in which order. Text, Markdown and HTML each write these few
kinds of blocks in their own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

Kind: TypeAlias = Literal["state", "phase", "action", "effect", "event", "type", "failure"]


@dataclass(frozen=True, slots=True)
class Name:
    """A name that has its own entry. A document with links links to that entry."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text in the contract's language: an expression, a type, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A short mark for a quick look: `proved`, `secret`, `success`."""

    text: str
    tone: Literal["good", "bad", "open", "plain"] = "plain"


Inline: TypeAlias = str | Name | Code | Tag
Line: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    line: Line


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its text, in one line or several."""

    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Labels and their texts."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with headings; a cell is one line."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """A story as numbered steps."""

    lines: tuple[Line, ...]


Flow: TypeAlias = Paragraph | Rows | Table | Steps


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of one name: its title, its marks, and the blocks below."""

    name: Name
    title: Line
    tags: tuple[Tag, ...]
    blocks: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the blocks below it."""

    title: str
    anchor: str
    blocks: tuple[Flow | Entry, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole document: a title, what it is about, a summary, and the sections."""

    title: str
    about: tuple[Paragraph, ...]
    summary: Rows
    sections: tuple[Section, ...]


def plain(line: Line) -> str:
    """Return a line without markup; a mark beside other words is put in parentheses."""
    return "".join(_plain(each, alone=len(line) == 1) for each in line)


def _plain(part: Inline, alone: bool) -> str:
    match part:
        case str():
            return part
        case Name(name=name):
            return name
        case Code(text):
            return text
        case Tag(text):
            return text if alone else f"({text})"
        case _:
            assert_never(part)


def joined(parts: Iterable[Line], between: str = ", ") -> Line:
    """Join lines into one line, with `between` between them."""
    inlines: list[Inline] = []
    for part in parts:
        if inlines:
            inlines.append(between)
        inlines += part
    return tuple(inlines)


_SAID_IN_CODE = re.compile(r"`([^`]+)`|\b([A-Za-z]\w*(?:\.[a-z_]\w*)+|[a-z][a-z0-9]*_\w+)\b(?!\()", re.ASCII)


def sentence(text: str) -> Line:
    """Mark the code in a sentence of the sheet: backquoted text, and names with a `_` or a dot."""
    inlines: list[Inline] = []
    end = 0
    for match in _SAID_IN_CODE.finditer(text):
        inlines += [text[end : match.start()], Code(match[1] or match[2])]
        end = match.end()
    inlines.append(text[end:])
    return tuple(part for part in inlines if part)


def paragraphs(doc: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a doc comment, which empty lines separate."""
    for part in doc.split("\n\n"):
        if part.strip():
            yield Paragraph((" ".join(part.split()),))
