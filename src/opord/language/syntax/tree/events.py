"""Define the nodes for roles and events."""

from __future__ import annotations

from dataclasses import dataclass, field

from opord.language.syntax.tree.basics import Allow, Name, Span
from opord.language.syntax.tree.data import Field
from opord.language.syntax.tree.expressions import Expression


@dataclass(slots=True)
class Role:
    """`role manager, warehouse`."""

    names: list[Name]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Event:
    """`event name(params) [by role | role] [except path, path] [key expr] [keep]`.

    `keep` is the word's span.
    """

    name: Name
    parameters: list[Field]
    roles: list[Name]
    excepts: list[Expression]
    key: Expression | None
    keep: Span | None
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)
