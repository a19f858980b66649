"""Define the nodes for patterns, which stand in arms before `->`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from opord.language.syntax.tree.basics import Name, Span, Unparsed
from opord.language.syntax.tree.expressions import (
    BoolLiteral,
    DurationLiteral,
    IntLiteral,
    NumberLiteral,
    TextLiteral,
)


@dataclass(slots=True)
class VariantPattern:
    """`Declined`, `Declined(reason)`, `PaymentError.Declined(_)`.

    `fields` is None without parentheses; a field named `_` binds nothing.
    """

    type: Name | None
    name: Name
    fields: list[Name] | None
    span: Span


@dataclass(slots=True)
class OkPattern:
    """`ok receipt`, or `ok` alone, which can also be a variant of an enum."""

    binding: Name | None
    span: Span


@dataclass(slots=True)
class SomePattern:
    """`some x`, or `some` alone, which can also be a variant of an enum."""

    binding: Name | None
    span: Span


@dataclass(slots=True)
class NonePattern:
    """`none`."""

    span: Span


@dataclass(slots=True)
class LiteralPattern:
    """A bool, number or duration, or a text without `{ }`."""

    value: BoolLiteral | IntLiteral | NumberLiteral | DurationLiteral | TextLiteral
    span: Span


@dataclass(slots=True)
class ElsePattern:
    """`else`, or `else problem`; also a lone `_`."""

    binding: Name | None
    span: Span


Pattern: TypeAlias = (
    VariantPattern | OkPattern | SomePattern | NonePattern | LiteralPattern | ElsePattern | Unparsed
)
