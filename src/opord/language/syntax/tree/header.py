"""Define the nodes for `use`, `contract` and `require`, which stand at the top of a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from opord.language.syntax.tree.basics import Allow, Name, Span
from opord.language.syntax.tree.data import Field
from opord.language.syntax.tree.expressions import Expression, TextLiteral


@dataclass(slots=True)
class Use:
    """`use "types.opord" { Address, Money }`."""

    path: str
    path_span: Span
    names: list[Name]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Contract:
    """`contract Name(params) [key expr] [version N]`.

    `version` is 1 without the clause (`version_span` is None).
    """

    name: Name
    parameters: list[Field]
    key: Expression | None
    version: int
    version_span: Span | None
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Require:
    """`require condition else "text"`. `text` is None if it is missing, which has been reported."""

    condition: Expression
    text: TextLiteral | None
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)
