"""A sheet laid out as a document, before it takes a form: sections, entries, rows and tables.

What is said, and in which order, is decided once, in `contents`; text, Markdown and HTML each write these few
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
    """The name of something that has its own entry, or stands for one; a document that can links to it."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Code:
    """Words of the contract's language: an expression, a type, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A short mark that says at a glance how something is: `proved`, `secret`, `success`."""

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
    """A label and what it says, in one line or several."""

    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Labels and what they say."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns under heads; a cell is one line."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """A story, one step after the other."""

    lines: tuple[Line, ...]


Flow: TypeAlias = Paragraph | Rows | Table | Steps


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one thing that has a name: its title, marks, and the rest below."""

    name: Name
    title: Line
    tags: tuple[Tag, ...]
    blocks: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    title: str
    anchor: str
    blocks: tuple[Flow | Entry, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The whole: a title, what it is about, what it comes down to, and the sections."""

    title: str
    about: tuple[Paragraph, ...]
    summary: Rows
    sections: tuple[Section, ...]


def plain(line: Line) -> str:
    """Write a line without any markup; a mark beside other words stands in parentheses."""
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
    """Put lines into one, with something between them."""
    found: list[Inline] = []
    for part in parts:
        if found:
            found.append(between)
        found += part
    return tuple(found)


_SAID_IN_CODE = re.compile(r"`([^`]+)`|\b([A-Za-z]\w*(?:\.[a-z_]\w*)+|[a-z][a-z0-9]*_\w+)\b(?!\()", re.ASCII)


def sentence(text: str) -> Line:
    """Set the names in a sentence of the sheet's own apart: what has a `_` or a dot within, and commands."""
    found: list[Inline] = []
    end = 0
    for match in _SAID_IN_CODE.finditer(text):
        found += [text[end : match.start()], Code(match[1] or match[2])]
        end = match.end()
    found.append(text[end:])
    return tuple(part for part in found if part)


def paragraphs(doc: str) -> Iterator[Paragraph]:
    """Take a doc comment apart at its empty lines."""
    for part in doc.split("\n\n"):
        if part.strip():
            yield Paragraph((" ".join(part.split()),))
