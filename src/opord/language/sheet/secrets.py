"""Find the paths to secrets in the input, in states, in events, and in the values of calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from opord.contract import (
    Contract,
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
from opord.language.sheet.model import SecretSheet
from opord.language.types import show
from opord.values.nesting import insides

OPENINGS_MOST = 100
"""How often records and enums are opened for one field; the first opening of each is always made.

The number of paths through records that name each other twice doubles with each record. Nobody
could read them all, or wait for them.
"""


class Secrets:
    """Finds the secrets in types.

    Records and enums may contain secrets, and may contain themselves.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._fields: dict[str, list[tuple[str, Field]]] = {
            record.name: [(field.name, field) for field in record.fields] for record in contract.records
        }
        sums = [(enum.name, enum.variants) for enum in contract.enums]
        sums += [(failure.name, failure.variants) for failure in contract.failures]
        for name, variants in sums:
            self._fields[name] = [
                (f"{variant.name}.{field.name}", field) for variant in variants for field in variant.fields
            ]
        parts = {name: [field.type for _, field in fields] for name, fields in self._fields.items()}
        self._holding = {name for name, content in insides(parts).items() if "secret" in content}

    def anywhere(self) -> Iterator[SecretSheet]:
        """Yield each place of a secret, by kind of declaration, beginning with the input."""
        contract = self._contract
        yield from self._within("input", contract.name, contract.params)
        for state in contract.states:
            yield from self._within("state", state.name, state.fields)
        for event in contract.events:
            yield from self._within("event", event.name, event.params)
        for effect in contract.effects:
            yield from self._within(
                "effect", effect.name, (*effect.params, *_result(effect.result)), effect.fails
            )
        for action in contract.actions:
            yield from self._within(
                "action", action.name, (*action.params, *_result(action.result)), action.fails
            )
        for pure in contract.pures:
            yield from self._within("pure", pure.name, (*pure.params, *_result(pure.result)))

    def inside(self, type: Type) -> bool:
        """Say whether a value of this type is a secret or contains one."""
        return self._holds(_innermost("", type)[1])

    def _within(
        self, kind: str, holder: str, fields: tuple[Field, ...], fails: tuple[str, ...] = ()
    ) -> Iterator[SecretSheet]:
        failures = [Field(part, field.type) for name in fails for part, field in self._fields.get(name, ())]
        for field in (*fields, *failures):
            for path, type in self._paths(field):
                yield SecretSheet(kind, holder, path, show(type))  # type: ignore[arg-type]

    def _paths(self, field: Field) -> Iterator[tuple[str, Type]]:
        """Yield each secret in a field with its path, and the records that are not opened again."""
        opened: set[str] = set()
        openings = 0
        ahead: list[tuple[str, Type, frozenset[str]]] = [(field.name, field.type, frozenset())]
        while ahead:
            path, type, above = ahead.pop()
            path, type = _innermost(path, type)
            if not self._holds(type) or (isinstance(type, Named) and type.name in above):
                continue
            if not isinstance(type, Named) or (type.name in opened and openings >= OPENINGS_MOST):
                yield path, type
                continue
            opened.add(type.name)
            openings += 1
            inside = [
                (f"{path}.{part}", inner.type, above | {type.name}) for part, inner in self._fields[type.name]
            ]
            ahead += reversed(inside)

    def _holds(self, innermost: Type) -> bool:
        return innermost.name in self._holding if isinstance(innermost, Named) else _is_secret(innermost)


def _innermost(path: str, type: Type) -> tuple[str, Type]:
    """Follow a path into optionals, lists and maps to their content.

    An optional secret stays optional, so that its question mark is shown.
    """
    while True:
        match type:
            case OptionalOf(SecretOf()):
                return path, type
            case OptionalOf(item):
                type = item
            case ListOf(item) | MapOf(item):
                path, type = f"{path}[..]", item
            case SecretOf() | Named() | Primitive() | ProblemOf() | RunInfo() | Nothing() | Unknown():
                return path, type
            case _:
                assert_never(type)


def _is_secret(innermost: Type) -> bool:
    return isinstance(innermost, SecretOf | OptionalOf)


def _result(type: Type) -> tuple[Field, ...]:
    """Return a result as a field, so that the path to a secret in it starts with `result`."""
    return (Field("result", type),)
