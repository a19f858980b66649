"""Define the declared types: records, enums and failures, with their fields."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from opord.contract.expressions import Expr
from opord.contract.places import Place, undocumented, unplaced
from opord.contract.types import Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field or parameter: its name, type and default."""

    name: str
    type: Type
    default: Expr | None = None
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class RecordType:
    """`record Name { fields }`."""

    name: str
    fields: tuple[Field, ...]
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class AskedWait:
    """`transient wait [at most D]`: the next attempt comes no sooner than the failure asks.

    `field` is the field that says how long to wait. A longer wait counts as `at_most`.
    """

    field: str
    at_most: timedelta | None = None
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of an enum or failure. The marks only matter for failures.

    A variant without `transient` is final. `settles` says that no attempt under the key took
    effect. `wait` is only there with `transient`.
    """

    name: str
    fields: tuple[Field, ...]
    transient: bool = False
    settles: bool = False
    wait: AskedWait | None = None
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Enum:
    """`enum Name { variants }`."""

    name: str
    variants: tuple[Variant, ...]
    doc: str = undocumented()
    place: Place = unplaced()


@dataclass(frozen=True, slots=True)
class Failure:
    """`failure Name { variants }`."""

    name: str
    variants: tuple[Variant, ...]
    doc: str = undocumented()
    place: Place = unplaced()
