"""Define the nodes for expressions: literals, names, operators and calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.language.syntax.tree.basics import Name, Span, Unparsed


@dataclass(slots=True)
class IntLiteral:
    """`42`, `10_000`, `-3`: the sign of a literal is part of it.

    The value may be outside 64 bits.
    """

    value: int
    span: Span


@dataclass(slots=True)
class NumberLiteral:
    """`2.5`, `-0.10`: a `float`, or a `decimal` where one is expected.

    The digits are as written, without `_`.
    """

    text: str
    span: Span


@dataclass(slots=True)
class DurationLiteral:
    """`250ms`, `48h`, `1h30m`."""

    milliseconds: int
    span: Span


@dataclass(slots=True)
class BoolLiteral:
    """`true` or `false`."""

    value: bool
    span: Span


@dataclass(slots=True)
class NoneLiteral:
    """`none`."""

    span: Span


@dataclass(slots=True)
class TextLiteral:
    """`"order {order.id}"`: plain pieces (with escapes replaced) and expressions, in order.

    The empty text has no parts. A text without `{ }` has one `str`.
    """

    parts: list[str | Expression]
    span: Span


@dataclass(slots=True)
class ListLiteral:
    """`[a, b]`."""

    items: list[Expression]
    span: Span


@dataclass(slots=True)
class NameExpression:
    """A name in an expression: a variable, an input, a built-in, a bare variant, or an enum."""

    name: Name
    span: Span


@dataclass(slots=True)
class FieldAccess:
    """`order.id`, `Shape.Point`: also the form of a qualified variant."""

    subject: Expression
    name: Name
    span: Span


@dataclass(slots=True)
class Index:
    """`xs[i]`."""

    subject: Expression
    index: Expression
    span: Span


@dataclass(slots=True)
class Slice:
    """`xs[a:b]`; either end may be absent."""

    subject: Expression
    start: Expression | None
    stop: Expression | None
    span: Span


@dataclass(slots=True)
class Argument:
    """One argument, positional (`name` is None) or `name: value`."""

    name: Name | None
    value: Expression
    span: Span


@dataclass(slots=True)
class CallExpression:
    """`risk(order)`, `len(xs)`, `Shape.Circle(radius: 1.0)`: a `pure`, a built-in or a variant."""

    callee: Expression
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class Unary:
    """`not x`, `-x`."""

    operator: Literal["not", "-"]
    operator_span: Span
    operand: Expression
    span: Span


BinaryOperator: TypeAlias = Literal[
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "//", "%", "??"
]


@dataclass(slots=True)
class Binary:
    """`left operator right`, comparisons, `in` and `??` included."""

    operator: BinaryOperator
    operator_span: Span
    left: Expression
    right: Expression
    span: Span


@dataclass(slots=True)
class Conditional:
    """`if c then a else b`."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(slots=True)
class FieldValue:
    """`name: value` in a record literal or after `with`."""

    name: Name
    value: Expression
    span: Span


@dataclass(slots=True)
class RecordLiteral:
    """`Order { id: x, … }`."""

    name: Name
    fields: list[FieldValue]
    span: Span


@dataclass(slots=True)
class With:
    """`order with { total_cents: 0 }`."""

    subject: Expression
    fields: list[FieldValue]
    span: Span


Expression: TypeAlias = (
    IntLiteral
    | NumberLiteral
    | DurationLiteral
    | BoolLiteral
    | NoneLiteral
    | TextLiteral
    | ListLiteral
    | NameExpression
    | FieldAccess
    | Index
    | Slice
    | CallExpression
    | Unary
    | Binary
    | Conditional
    | RecordLiteral
    | With
    | Unparsed
)
