"""What types contain, at any depth.

It is computed once for all declared types, in time linear in the number of their parts.
"""

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
"""What a type contains.

- `secret`: a secret;
- `changeable`: a list, map or `json`, which can be changed in place;
- `endless`: `json` or a type that contains itself, and so nests without a limit.
"""


def layers(type_: Type) -> tuple[frozenset[Inside], str | None]:
    """Return what a type contains down to its innermost type, and the declared name of that type.

    The name is None if the innermost type is built in.
    """
    layers_around: set[Inside] = set()
    while True:
        match type_:
            case ListOf(inner) | MapOf(inner):
                layers_around.add("changeable")
                type_ = inner
            case SecretOf(inner):
                layers_around.add("secret")
                type_ = inner
            case OptionalOf(inner):
                type_ = inner
            case Named(name):
                return frozenset(layers_around), name
            case Primitive("json"):
                return frozenset(layers_around | {"changeable", "endless"}), None
            case Primitive() | ProblemOf() | RunInfo() | Nothing() | Unknown():
                return frozenset(layers_around), None
            case _:
                assert_never(type_)


def insides(parts: Mapping[str, Sequence[Type]]) -> dict[str, frozenset[Inside]]:
    """Return what each declared type contains.

    `parts` has the types that each of them is made of.
    """
    own: dict[str, set[Inside]] = {name: set() for name in parts}
    holders: dict[str, set[str]] = {name: set() for name in parts}
    held: dict[str, set[str]] = {name: set() for name in parts}
    for name, types in parts.items():
        for type_ in types:
            layers_around, inner = layers(type_)
            own[name] |= layers_around
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
    return {name: frozenset(layers_around) for name, layers_around in own.items()}


def _endless(holders: Mapping[str, set[str]], held: Mapping[str, set[str]]) -> set[str]:
    """Return the types that contain themselves, or contain a type that does.

    They are what is left when all types of finite depth are removed.
    """
    remaining = {name: len(inner) for name, inner in held.items()}
    ahead = [name for name, count in remaining.items() if not count]
    while ahead:
        name = ahead.pop()
        del remaining[name]
        for holder in holders[name]:
            remaining[holder] -= 1
            if not remaining[holder]:
                ahead.append(holder)
    return set(remaining)
