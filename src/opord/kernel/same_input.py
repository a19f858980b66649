"""Compare the inputs of two starts, or two events, by value, and say where they differ.

As text, `10.0` and `10.00` differ. In a contract they are one decimal, so they are one input. All
other types have one text for each value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, assert_never

from opord.contract import (
    Contract,
    Enum,
    Failure,
    Field,
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
from opord.kernel.sealing import SEALED, SECRET
from opord.values.canonical import dumps
from opord.values.guard import member
from opord.values.names import member_names

_SHOWN_CHARACTERS: Final = 40
"""How long a value may be that is shown, as JSON."""

_ABSENT: Final = object()


class Difference(NamedTuple):
    """A place at which two inputs differ, and both values as JSON if they may be shown."""

    path: str
    values: tuple[str, str] | None

    def __str__(self) -> str:
        return (
            self.path if self.values is None else f"{self.path} was {self.values[0]} and is {self.values[1]}"
        )


def by_value(contract: Contract, rest: Any, params: Sequence[Field] | None = None) -> Any:
    """Return an input in rest form with each decimal in its shortest text.

    `params` are the parameters that it is for, such as those of an event; None means the
    contract's.
    """
    return _Forms(contract).members(contract.params if params is None else params, rest)


def differences(before: Any, after: Any) -> list[Difference]:
    """Return where two inputs in rest form differ. Secrets and long values are only named."""
    return list(_differing("", before, after))


class _Forms:
    def __init__(self, contract: Contract) -> None:
        self._fields: dict[str, Sequence[Field]] = {one.name: one.fields for one in contract.records}
        unions: tuple[Enum | Failure, ...] = (*contract.enums, *contract.failures)
        self._variants: dict[str, dict[str, Sequence[Field]]] = {
            union.name: {variant.name: variant.fields for variant in union.variants} for union in unions
        }

    def members(self, fields: Sequence[Field], rest: Any, names: Mapping[str, str] | None = None) -> Any:
        if type(rest) is not dict:
            return rest
        types = {(names or {}).get(field.name, field.name): field.type for field in fields}
        return {name: self.of(types[name], value) if name in types else value for name, value in rest.items()}

    def of(self, type_: Type, rest: Any) -> Any:
        if rest is None:
            return None
        match type_:
            case Primitive(name):
                return _shortest(rest) if name == "decimal" else rest
            case ListOf(item):
                return [self.of(item, one) for one in rest] if type(rest) is list else rest
            case MapOf(value):
                return (
                    {name: self.of(value, one) for name, one in rest.items()} if type(rest) is dict else rest
                )
            case OptionalOf(item):
                return self.of(item, rest)
            case SecretOf(item):
                if type(rest) is dict and SECRET in rest:
                    return {SECRET: self.of(item, rest[SECRET])}
                return rest
            case Named(name) if name in self._fields:
                return self.members(self._fields[name], rest)
            case Named(name):
                fields = self._variants[name].get(rest["type"], ()) if type(rest) is dict else ()
                return self.members(fields, rest, member_names(field.name for field in fields))
            case ProblemOf() | RunInfo() | Nothing() | Unknown():
                return rest
            case _:
                assert_never(type_)


def _shortest(text: Any) -> Any:
    """Return the text of a decimal without the zeros that do not count; exact at any length."""
    if type(text) is not str:
        return text
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return "0"
    while digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    shortest = Decimal((sign, digits, exponent))
    return format(shortest, "f") if abs(exponent) <= _SHOWN_CHARACTERS else str(shortest)


def _differing(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after and dumps(before) == dumps(after):
        return
    if _is_secret(before) or _is_secret(after):
        yield Difference(path, None)
    elif type(before) is dict and type(after) is dict:
        for name in dict.fromkeys((*before, *after)):
            one, other = before.get(name, _ABSENT), after.get(name, _ABSENT)
            inner = f"{path}.{member(name)}" if path else member(name)
            if one is _ABSENT or other is _ABSENT:
                yield Difference(inner, None)
            else:
                yield from _differing(inner, one, other)
    elif type(before) is list and type(after) is list and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differing(f"{path}{member(index)}", one, other)
    else:
        yield Difference(path, _shown(before, after))


def _shown(before: Any, after: Any) -> tuple[str, str] | None:
    if isinstance(before, dict | list) or isinstance(after, dict | list):
        return None
    texts = dumps(before), dumps(after)
    return texts if max(map(len, texts)) <= _SHOWN_CHARACTERS else None


def _is_secret(value: Any) -> bool:
    return type(value) is dict and (SECRET in value or SEALED in value)
