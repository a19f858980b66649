"""Where secrets are: the paths to them in the input, in states, in events, and in what calls are given."""

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


class Secrets:
    """Finds the secrets in types; records and enums may hold them, and themselves."""

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

    def anywhere(self) -> Iterator[SecretSheet]:
        """Yield each place where a secret is, in the order in which a run meets them."""
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
        """Say whether a value of this type is a secret or holds one."""
        return next(self._paths("", type, frozenset()), None) is not None

    def _within(
        self, kind: str, holder: str, fields: tuple[Field, ...], fails: tuple[str, ...] = ()
    ) -> Iterator[SecretSheet]:
        failures = [Field(part, field.type) for name in fails for part, field in self._fields.get(name, ())]
        for field in (*fields, *failures):
            for path, type in self._paths(field.name, field.type, frozenset()):
                yield SecretSheet(kind, holder, path, show(type))  # type: ignore[arg-type]

    def _paths(self, path: str, type: Type, above: frozenset[str]) -> Iterator[tuple[str, Type]]:
        match type:
            case SecretOf() | OptionalOf(SecretOf()):
                yield path, type
            case OptionalOf(item):
                yield from self._paths(path, item, above)
            case ListOf(item) | MapOf(item):
                yield from self._paths(f"{path}[..]", item, above)
            case Named(name) if name not in above:
                for part, field in self._fields.get(name, ()):
                    yield from self._paths(f"{path}.{part}", field.type, above | {name})
            case Named() | Primitive() | ProblemOf() | RunInfo() | Nothing() | Unknown():
                pass
            case _:
                assert_never(type)


def _result(type: Type) -> tuple[Field, ...]:
    """Treat a result as one more field, so that the path to a secret in it begins with `result`."""
    return (Field("result", type),)
