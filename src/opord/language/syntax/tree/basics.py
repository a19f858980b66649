"""Define what all nodes are made of: spans, names, comments, and text that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Name:
    """A name as written, in a declaration or a mention. A missing name has empty text."""

    text: str
    span: Span


@dataclass(slots=True)
class Comment:
    """One comment, from its `#` to the end of its line.

    `own_line`: no code stands before it on the line.
    """

    text: str
    span: Span
    own_line: bool

    @property
    def is_doc(self) -> bool:
        """Say whether this is a `##` line that documents the declaration below."""
        return self.own_line and self.text.startswith("##")


@dataclass(slots=True)
class Allow:
    """`# opord: allow <rule> [names] because <reason>` above a declaration."""

    rule: Name
    names: list[Name]
    reason: str
    span: Span


@dataclass(slots=True)
class Unparsed:
    """Text that could not be read and has been reported.

    The text can be an expression, type, statement, handler or declaration. This is also the node
    for words of a later version (`each`, `when`, `upgrade`).
    """

    span: Span
