"""Define the patterns: what the arms of a `match` or of an `else` take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

from opord.contract.expressions import VariantRef
from opord.contract.places import Place, unplaced
from opord.contract.types import Type


@dataclass(frozen=True, slots=True)
class OkPattern:
    """`ok x`: the call gave a result. Binds the result, if there is one and a name is given."""

    name: str | None
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class VariantPattern:
    """`A`, `A(x, _)` or `A | B`.

    `names` has a name or None for each field; alternatives bind nothing.
    """

    variants: tuple[VariantRef, ...]
    names: tuple[tuple[str, str | None], ...] = ()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class SomePattern:
    """`some x` of an optional."""

    name: str | None
    type: Type
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class NonePattern:
    """`none` of an optional."""

    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class ConstantPattern:
    """Literals: `1 | 2`, `true`, `"a"`."""

    values: tuple[bool | int | float | str | Decimal | timedelta, ...]
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class ElsePattern:
    """`else [problem]`: all cases that are left.

    For a call it covers the failures and `TimedOut`, never `InDoubt`.
    """

    name: str | None
    type: Type
    place: Place = unplaced()


Pattern: TypeAlias = OkPattern | VariantPattern | SomePattern | NonePattern | ConstantPattern | ElsePattern
