"""Define the expressions: each knows its type, and its names are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from opord.contract.places import Place, unplaced
from opord.contract.types import STR, Type, Unknown


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. A duration is a `timedelta`, a decimal a `Decimal`, `none` is `None`."""

    value: bool | int | float | str | Decimal | timedelta | None
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Text:
    """A text with `{expressions}`: its parts in order, each printed as the language prints it."""

    parts: tuple[str | Expr, ...]
    type: Type = STR
    place: Place = unplaced()


VarOrigin: TypeAlias = Literal["input", "field", "binding", "param", "now", "run", "actor", "call_key"]


@dataclass(frozen=True, slots=True)
class Var:
    """A name in scope, and its origin.

    `input`: a parameter of the contract. `field`: a field of the present state; in a handler of a
    phase, a field of every state of the phase. `binding`: a name that `let`, a pattern or a handler
    binds. `param`: a parameter of an event or call, in its `key` and `check`. `call_key`:
    `call.key` in the arguments of a `check`.
    """

    name: str
    origin: VarOrigin
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Attribute:
    """`of.name`: a field of a record, or `run.id`, `run.started_at`."""

    of: Expr
    name: str
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Index:
    """`of[index]` of a list (negative counts from the end) or map; the type is always optional."""

    of: Expr
    index: Expr
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Slice:
    """`of[start:stop]` of a list or text, as in Python."""

    of: Expr
    start: Expr | None
    stop: Expr | None
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    op: Literal["not", "-"]
    of: Expr
    type: Type
    place: Place = unplaced()


BinaryOp: TypeAlias = Literal[
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "//", "%", "??"
]


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`; both sides have the types that the operator takes."""

    op: BinaryOp
    left: Expr
    right: Expr
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if condition then yes else no`."""

    condition: Expr
    yes: Expr
    no: Expr
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class PureCall:
    """A call of a `pure`. The step asks a handler for its value."""

    name: str
    args: tuple[Expr, ...]
    type: Type
    place: Place = unplaced()


BuiltinName: TypeAlias = Literal[
    "len", "min", "max", "abs", "round", "str", "int", "float", "decimal", "count"
]


@dataclass(frozen=True, slots=True)
class BuiltinCall:
    """A call of a built-in function. For `count(xs, Variant)`, `variant` is the variant."""

    name: BuiltinName
    args: tuple[Expr, ...]
    type: Type
    variant: VariantRef | None = None
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class MakeRecord:
    """`Order { id: x }`: every field of the record in its order; `None` means the default."""

    record: str
    fields: tuple[tuple[str, Expr | None], ...]
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class WithFields:
    """`order with { total_cents: 0 }`: a copy with some fields replaced."""

    of: Expr
    changes: tuple[tuple[str, Expr], ...]
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class MakeVariant:
    """`Shape.Circle(radius: 1.0)`: every field of the variant in its order.

    `None` means the default.
    """

    variant: VariantRef
    fields: tuple[tuple[str, Expr | None], ...]
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class MakeList:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Convert:
    """An `int` where a `float` or `decimal` is expected.

    `T` to `T?` needs no node, because the value stays the same.
    """

    of: Expr
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Hole:
    """An expression that could not be understood; a finding says why.

    A contract without errors has no hole.
    """

    type: Type = Unknown()
    place: Place = unplaced()


Expr: TypeAlias = (
    Constant
    | Text
    | Var
    | Attribute
    | Index
    | Slice
    | Unary
    | Binary
    | Conditional
    | PureCall
    | BuiltinCall
    | MakeRecord
    | WithFields
    | MakeVariant
    | MakeList
    | Convert
    | Hole
)


@dataclass(frozen=True, slots=True)
class VariantRef:
    """A variant and the type that declares it. `TimedOut` and `InDoubt` have the type `""`."""

    type: str
    variant: str
