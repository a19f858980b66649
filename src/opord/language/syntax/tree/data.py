"""Define the nodes for declared types: records, enums and failures, with their fields."""

from __future__ import annotations

from dataclasses import dataclass, field

from opord.language.syntax.tree.basics import Allow, Name, Span
from opord.language.syntax.tree.expressions import DurationLiteral, Expression
from opord.language.syntax.tree.types import TypeNode


@dataclass(slots=True)
class Field:
    """`name: T [= default]`: a field of a record, state or variant, an input or a parameter."""

    name: Name
    type: TypeNode
    default: Expression | None
    span: Span
    doc: str = ""


@dataclass(slots=True)
class RecordType:
    """`record Name { … }`."""

    name: Name
    fields: list[Field]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class AskedWait:
    """`wait [at most D]` behind `transient`."""

    at_most: DurationLiteral | None
    span: Span


@dataclass(slots=True)
class Variant:
    """`Declined(reason: str) [transient [wait] | settles]` in an enum or a failure.

    `transient` and `settles` are the spans of these words.
    """

    name: Name
    fields: list[Field]
    transient: Span | None
    settles: Span | None
    wait: AskedWait | None
    span: Span
    doc: str = ""


@dataclass(slots=True)
class Enum:
    """`enum Name { … }`; its variants are neither transient nor settling."""

    name: Name
    variants: list[Variant]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Failure:
    """`failure Name { … }`."""

    name: Name
    variants: list[Variant]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)
