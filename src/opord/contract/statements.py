"""Define the statements: what the body of a state or of a handler does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.contract.expressions import Expr
from opord.contract.patterns import Pattern
from opord.contract.places import Place, unplaced
from opord.contract.types import Type

Verb: TypeAlias = Literal["perform", "commit"]


@dataclass(frozen=True, slots=True)
class CallSite:
    """`perform f(..)` or `commit f(..)`, with one argument for each parameter."""

    verb: Verb
    name: str
    args: tuple[Expr, ...]
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Let:
    """`let name = value`."""

    name: str
    value: Expr
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Call:
    """A call as a statement: `[let name =] perform f(..) [else …]`.

    `arms` are those of `else { Variant -> … }`. `else [problem] -> …` gives one arm with
    `ElsePattern`.
    """

    site: CallSite
    name: str | None
    type: Type
    arms: tuple[Arm, ...]
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class If:
    """`if condition { then } else { otherwise }`; an `else if` is a single `If` in `otherwise`."""

    condition: Expr
    then: Block
    otherwise: Block | None
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Goto:
    """`goto state(args)`: a value for every field of the target, in its order."""

    state: str
    args: tuple[tuple[str, Expr], ...]
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Match:
    """`match subject { arms }` over a call or a value."""

    subject: Expr | CallSite
    arms: tuple[Arm, ...]
    place: Place = unplaced()


Statement: TypeAlias = Let | Call | If | Goto | Match
Block: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """`pattern -> body`."""

    pattern: Pattern
    body: Block
    place: Place = unplaced()
