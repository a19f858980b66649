"""Write types, and decide where a value of a type fits.

A value fits unchanged from `T` to `T?`, and from a list or map to one whose items it fits
unchanged. An `int` fits where a `float` or `decimal` is expected; the conversion becomes explicit
in the checked contract. There are no other conversions. `Nothing` (the type of `none`, and of the
items of `[]`) fits every optional while no other type is known. `Unknown` fits everywhere, because
it has been reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import assert_never

from opord.contract import (
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    STR,
    UUID,
    Constant,
    Convert,
    Expr,
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)

PRIMITIVES: dict[str, Primitive] = {
    each.name: each for each in (BOOL, INT, FLOAT, DECIMAL, STR, BYTES, DATETIME, DATE, DURATION, UUID, JSON)
}
UNKNOWN = Unknown()
NOTHING = Nothing()
RUN = RunInfo()


@lru_cache(maxsize=4096)
def named(name: str) -> Named:
    """Return the type with this name, always the same object.

    Most types are compared by identity.
    """
    return Named(name)


ORDERED = (INT, FLOAT, DECIMAL, STR, DATETIME, DATE, DURATION)
KEYS = (STR, INT, UUID)
# The types that a text can print, besides enums and failures.
PRINTED = (STR, INT, BOOL, FLOAT, DECIMAL, DATETIME, DATE, DURATION, UUID, BYTES)


def show(type: Type) -> str:
    """Write a type as a contract writes it."""
    match type:
        case Primitive(name) | Named(name):
            return name
        case ListOf(item):
            return f"list[{show(item)}]" if not isinstance(item, Nothing) else "[]"
        case MapOf(value):
            return f"map[str, {show(value)}]"
        case OptionalOf(item):
            return f"{show(item)}?"
        case SecretOf(item):
            return f"secret {show(item)}"
        case ProblemOf(failures, builtins):
            return " | ".join((*failures, *builtins)) or "no failure"
        case RunInfo():
            return "run"
        case Nothing():
            return "none"
        case Unknown():
            return "?"
        case _:
            assert_never(type)


def is_secret(type: Type) -> bool:
    """Say whether a value of this type is a secret itself; an optional secret is a secret too."""
    return isinstance(type, SecretOf) or (isinstance(type, OptionalOf) and isinstance(type.item, SecretOf))


def without_secret(type: Type) -> Type:
    """Return the type without `secret`."""
    match type:
        case SecretOf(item):
            return without_secret(item)
        case OptionalOf(item):
            inner = without_secret(item)
            return inner if isinstance(inner, OptionalOf) else OptionalOf(inner)
        case ListOf(item):
            return ListOf(without_secret(item))
        case MapOf(value):
            return MapOf(without_secret(value))
        case Primitive() | Named() | ProblemOf() | RunInfo() | Nothing() | Unknown():
            return type
        case _:
            assert_never(type)


def optional(type: Type) -> Type:
    """Return `T?`, never nested."""
    return type if isinstance(type, OptionalOf | Unknown | Nothing) else OptionalOf(type)


def names_in(type: Type) -> Iterator[str]:
    """Yield the declared types that a type contains."""
    match type:
        case Named(name):
            yield name
        case ListOf(item) | MapOf(item) | OptionalOf(item) | SecretOf(item):
            yield from names_in(item)
        case Primitive() | ProblemOf() | RunInfo() | Nothing() | Unknown():
            pass
        case _:
            assert_never(type)


def is_known_alone(type: Type) -> bool:
    """Say whether a type is known without a context. The types of `none` and `[]` are not."""
    match type:
        case Nothing():
            return False
        case ListOf(item) | MapOf(item) | OptionalOf(item) | SecretOf(item):
            return is_known_alone(item)
        case Primitive() | Named() | ProblemOf() | RunInfo() | Unknown():
            return True
        case _:
            assert_never(type)


def compatible(actual: Type, expected: Type) -> bool:
    """Say whether a value of the first type fits the second type unchanged."""
    if (
        actual is expected
        or isinstance(actual, Unknown)
        or isinstance(expected, Unknown)
        or actual == expected
    ):
        return True
    if isinstance(expected, OptionalOf):
        if isinstance(actual, Nothing):
            return True
        return compatible(actual.item if isinstance(actual, OptionalOf) else actual, expected.item)
    if isinstance(expected, ListOf) and isinstance(actual, ListOf):
        return isinstance(actual.item, Nothing) or compatible(actual.item, expected.item)
    if isinstance(expected, MapOf) and isinstance(actual, MapOf):
        return compatible(actual.value, expected.value)
    return False


def coerce(value: Expr, expected: Type) -> Expr | None:
    """Return the expression as a value of the expected type, converted if needed.

    Return None if the expression cannot fit.
    """
    actual = value.type
    if actual is expected:
        return value
    if isinstance(value, Constant) and value.value is None and isinstance(expected, OptionalOf):
        return Constant(None, expected, value.place)
    if compatible(actual, expected):
        return value
    if actual is INT or actual == INT:
        target = expected.item if isinstance(expected, OptionalOf) else expected
        if target in (FLOAT, DECIMAL):
            return Convert(value, target, value.place)
    return None


def join(left: Type, right: Type) -> Type | None:
    """Return the type to which both types convert, or None."""
    if left == right or isinstance(right, Unknown):
        return left
    if isinstance(left, Unknown):
        return right
    if isinstance(left, Nothing):
        return optional(right)
    if isinstance(right, Nothing):
        return optional(left)
    if compatible(left, right):
        return right
    if compatible(right, left):
        return left
    if left == INT and _takes_int(right):
        return right
    if right == INT and _takes_int(left):
        return left
    return None


def _takes_int(type: Type) -> bool:
    return (type.item if isinstance(type, OptionalOf) else type) in (FLOAT, DECIMAL)
