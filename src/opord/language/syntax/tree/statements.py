"""Define the nodes for statements, and the blocks and arms that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.language.syntax.tree.basics import Name, Span, Unparsed
from opord.language.syntax.tree.expressions import Argument, Expression
from opord.language.syntax.tree.patterns import Pattern


@dataclass(slots=True)
class Block:
    """Statements in braces, or the single statement after `->` (`braces` is False then)."""

    statements: list[Statement]
    braces: bool
    span: Span


@dataclass(slots=True)
class Arm:
    """`A | B -> …` in a `match` or in the `else { }` of a call."""

    patterns: list[Pattern]
    body: Block
    span: Span


@dataclass(slots=True)
class Let:
    """`let x = expr`. A `let` of a `perform` or `commit` is a `CallStatement`."""

    name: Name
    value: Expression
    span: Span


@dataclass(slots=True)
class BoundaryCall:
    """`perform f(..)` or `commit f(..)`; also the subject of a `match`."""

    verb: Literal["perform", "commit"]
    verb_span: Span
    name: Name
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class CallStatement:
    """`[let x =] perform|commit f(..) [else …]`.

    `arms` is None without `else`. `else { Variant -> … }` gives its arms, and `else [problem] -> …`
    gives one arm with the pattern `else`.
    """

    binding: Name | None
    call: BoundaryCall
    arms: list[Arm] | None
    else_span: Span | None
    span: Span


@dataclass(slots=True)
class If:
    """`if c { } else if c { } else { }`."""

    condition: Expression
    then: Block
    otherwise: Block | If | None
    span: Span


@dataclass(slots=True)
class Match:
    """`match expr|perform …|commit … { arm -> … }`."""

    subject: Expression | BoundaryCall
    arms: list[Arm]
    span: Span


@dataclass(slots=True)
class Goto:
    """`goto State(args)`; `rest` is the span of a final `..`, which fills the remaining fields."""

    state: Name
    arguments: list[Argument]
    rest: Span | None
    span: Span


Statement: TypeAlias = Let | CallStatement | If | Match | Goto | Unparsed
