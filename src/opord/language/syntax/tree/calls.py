"""Define the nodes for pures, effects and actions, with their clauses and policies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from opord.language.syntax.tree.basics import Allow, Name, Span
from opord.language.syntax.tree.data import Field
from opord.language.syntax.tree.expressions import Argument, DurationLiteral, Expression
from opord.language.syntax.tree.types import TypeNode


@dataclass(slots=True)
class RetryPolicy:
    """`retry N times [backoff D to D]`."""

    times: int
    times_span: Span
    backoff_min: DurationLiteral | None
    backoff_max: DurationLiteral | None
    span: Span


@dataclass(slots=True)
class TimeoutPolicy:
    """`timeout D`."""

    duration: DurationLiteral
    span: Span


@dataclass(slots=True)
class Reason:
    """`stands because "…"` or `shared because "…"`: the text, and the span of words and text."""

    text: str
    span: Span


@dataclass(slots=True)
class KeyPolicy:
    """`key [expr] [for D] [shared because "…"]`."""

    value: Expression | None
    window: DurationLiteral | None
    shared: Reason | None
    span: Span


@dataclass(slots=True)
class RepeatablePolicy:
    """`repeatable`."""

    span: Span


@dataclass(slots=True)
class CheckCall:
    """`E(args)` in `in doubt check E(args)`."""

    name: Name
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class InDoubtPolicy:
    """`in doubt repeat | check E(args) [after D] | ask [within D] | skip | report`.

    `check` is set only for `check`; `delay` is the `after` of a check or the `within` of an ask.
    """

    choice: Literal["repeat", "check", "ask", "skip", "report"]
    check: CheckCall | None
    delay: DurationLiteral | None
    span: Span


Policy: TypeAlias = RetryPolicy | TimeoutPolicy | KeyPolicy | RepeatablePolicy | InDoubtPolicy


@dataclass(slots=True)
class CallDeclaration:
    """`pure`, `effect` or `action name(params) [-> T]`, then clauses and `[{ policy }]`.

    The clauses are `fails F | G`, and for an action `undoes A`, `stands because "…"` and
    `in transaction`, of which `transaction` is the span.
    """

    kind: Literal["pure", "effect", "action"]
    name: Name
    parameters: list[Field]
    result: TypeNode | None
    failures: list[Name]
    undoes: Name | None
    stands: Reason | None
    transaction: Span | None
    policies: list[Policy]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)
