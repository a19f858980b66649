"""Define the types of values: built-in types, types made of others, and declared types by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

PrimitiveName: TypeAlias = Literal[
    "bool", "int", "float", "decimal", "str", "bytes", "datetime", "date", "duration", "uuid", "json"
]


@dataclass(frozen=True, slots=True)
class Primitive:
    """A built-in type such as `int` or `datetime`."""

    name: PrimitiveName


@dataclass(frozen=True, slots=True)
class ListOf:
    """`list[T]`."""

    item: Type


@dataclass(frozen=True, slots=True)
class MapOf:
    """`map[str, T]`."""

    value: Type


@dataclass(frozen=True, slots=True)
class OptionalOf:
    """`T?`: a value or `none`. Never nested directly."""

    item: Type


@dataclass(frozen=True, slots=True)
class SecretOf:
    """`secret T`: only passed on as a whole, never shown.

    `secret str?` is `OptionalOf(SecretOf(str))`.
    """

    item: Type


@dataclass(frozen=True, slots=True)
class Named:
    """A record, an enum or a failure type, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class ProblemOf:
    """The type of `problem` in `else problem` if no single failure type covers it.

    It has the failure types and the built-in variants that are left.
    """

    failures: tuple[str, ...]
    builtins: tuple[Literal["TimedOut", "InDoubt"], ...]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The type of `run`, which has `id: str` and `started_at: datetime`."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The type of the literal `none` without a context, and of a call without a result."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The type of a wrong expression that a finding has reported; it fits everywhere."""


Type: TypeAlias = (
    Primitive | ListOf | MapOf | OptionalOf | SecretOf | Named | ProblemOf | RunInfo | Nothing | Unknown
)

BOOL = Primitive("bool")
INT = Primitive("int")
FLOAT = Primitive("float")
DECIMAL = Primitive("decimal")
STR = Primitive("str")
BYTES = Primitive("bytes")
DATETIME = Primitive("datetime")
DATE = Primitive("date")
DURATION = Primitive("duration")
UUID = Primitive("uuid")
JSON = Primitive("json")
