"""What is inside types, however deep: found once for all that are declared, in as many steps as they have parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, assert_never

from opord.contract import (
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

Inside: TypeAlias = Literal["secret", "changeable", "endless"]
"""A secret; a list, map or `json`, which can be changed in place; `json` or a type that holds itself, nested without a limit."""


def layers(type_: Type) -> tuple[frozenset[Inside], str | None]:
    """Return what is in a type around the innermost one, that one included; and its name, if it is a declared one."""
    found: set[Inside] = set()
    while True:
        match type_:
            case ListOf(inner) | MapOf(inner):
                found.add("changeable")
                type_ = inner
            case SecretOf(inner):
                found.add("secret")
                type_ = inner
            case OptionalOf(inner):
                type_ = inner
            case Named(name):
                return frozenset(found), name
            case Primitive("json"):
                return frozenset(found | {"changeable", "endless"}), None
            case Primitive() | ProblemOf() | RunInfo() | Nothing() | Unknown():
                return frozenset(found), None
            case _:
                assert_never(type_)


def insides(parts: Mapping[str, Sequence[Type]]) -> dict[str, frozenset[Inside]]:
    """Return what is inside each declared type; `parts` has the types that each of them is made of."""
    own: dict[str, set[Inside]] = {name: set() for name in parts}
    holders: dict[str, set[str]] = {name: set() for name in parts}
    held: dict[str, set[str]] = {name: set() for name in parts}
    for name, types in parts.items():
        for type_ in types:
            found, inner = layers(type_)
            own[name] |= found
            if inner is not None:
                holders[inner].add(name)
                held[name].add(inner)
    for name in _endless(holders, held):
        own[name].add("endless")
    ahead = list(own)
    while ahead:
        name = ahead.pop()
        for holder in holders[name]:
            if not own[name] <= own[holder]:
                own[holder] |= own[name]
                ahead.append(holder)
    return {name: frozenset(found) for name, found in own.items()}


def _endless(holders: Mapping[str, set[str]], held: Mapping[str, set[str]]) -> set[str]:
    """Return the types that hold themselves, or one that does: what is left when all that end are taken away."""
    left = {name: len(inner) for name, inner in held.items()}
    ahead = [name for name, count in left.items() if not count]
    while ahead:
        name = ahead.pop()
        del left[name]
        for holder in holders[name]:
            left[holder] -= 1
            if not left[holder]:
                ahead.append(holder)
    return set(left)
