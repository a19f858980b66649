"""Define the symbols of declarations, with their places, fields and types, for lowering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from opord.contract import AskedWait, Expr, OptionalOf, Place, Type, VariantRef
from opord.language.syntax import tree
from opord.language.types import NOTHING


@dataclass(slots=True)
class FieldSymbol:
    """A field or parameter. `default` is set once `default_node` has been lowered."""

    name: str
    type: Type
    place: Place
    doc: str = ""
    default_node: tree.Expression | None = None
    default: Expr | None = None

    @property
    def has_default(self) -> bool:
        """Say whether the declaration has a default."""
        return self.default_node is not None or self.default is not None

    @property
    def may_be_left_out(self) -> bool:
        """Say whether a value may be omitted: there is a default, or the type is an optional."""
        return self.has_default or isinstance(self.type, OptionalOf)


Fields = dict[str, FieldSymbol]


@dataclass(slots=True)
class VariantSymbol:
    """A variant of an enum or failure."""

    ref: VariantRef
    fields: Fields
    place: Place
    transient: bool = False
    settles: bool = False
    doc: str = ""
    wait: AskedWait | None = None


@dataclass(slots=True)
class TypeSymbol:
    """A record (`fields`), or an enum or failure (`variants`).

    `visible` is False for a type that only came with a used type: its name cannot be used here.
    `unread` says that its file could not be read or lacks the type: nothing is known about the
    type, so no use of it is reported.
    """

    kind: Literal["record", "enum", "failure"]
    name: str
    place: Place
    doc: str = ""
    fields: Fields = field(default_factory=dict)
    variants: dict[str, VariantSymbol] = field(default_factory=dict)
    visible: bool = True
    used_from: str | None = None
    node: tree.RecordType | tree.Enum | tree.Failure | None = None
    unread: bool = False

    def all_fields(self) -> Iterator[FieldSymbol]:
        """Yield the fields of the record, or of all variants."""
        yield from self.fields.values()
        for variant in self.variants.values():
            yield from variant.fields.values()


@dataclass(slots=True)
class CallSymbol:
    """A `pure`, `effect` or `action`."""

    kind: Literal["pure", "effect", "action"]
    name: str
    place: Place
    node: tree.CallDeclaration
    params: Fields = field(default_factory=dict)
    result: Type = NOTHING
    fails: tuple[str, ...] = ()
    times_out: bool = False
    reports_doubt: bool = False


@dataclass(slots=True)
class EventSymbol:
    """An event; the built-in `cancel` has no node unless the contract declares it."""

    name: str
    place: Place
    node: tree.Event | None
    params: Fields = field(default_factory=dict)


@dataclass(slots=True)
class StateSymbol:
    """A state. `shares` says that its phase has handlers or timers."""

    name: str
    place: Place
    node: tree.State
    phase: str | None = None
    shares: bool = False
    fields: Fields = field(default_factory=dict)


@dataclass(slots=True)
class Subject:
    """The subject of a `match`, or of the `else` of a call.

    `variants` has the candidates for each name; `owners` are their types. `result` is the result
    type of a call, None for a value.
    """

    type: Type
    described: str
    is_call: bool = False
    result: Type | None = None
    owners: tuple[str, ...] = ()
    builtins: tuple[Literal["TimedOut", "InDoubt"], ...] = ()
    variants: dict[str, list[VariantSymbol]] = field(default_factory=dict)
    taken: set[VariantRef] = field(default_factory=set)
