"""Plausible values of a contract's types, for fakes without a script."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, assert_never

from opord.contract import (
    Contract,
    Field,
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    PrimitiveName,
    ProblemOf,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)

DEEPEST = 8
"""The nesting depth of records and enums from which optional values are left out.

Otherwise a value whose type names the next one twice doubles with each level.
"""


class Plausible:
    """Makes values as plain data; texts and ids are numbered, so that no two are the same.

    `now` returns the present instant as text.
    """

    def __init__(self, contract: Contract, now: Callable[[], str]) -> None:
        self._records = {record.name: record.fields for record in contract.records}
        self._enums = {enum.name: enum.variants for enum in contract.enums}
        self._now = now
        self._numbers: Iterator[int] = itertools.count(1)

    def value(self, type_: Type, name: str, *, within: tuple[str, ...] = ()) -> Any:
        """Return a value of a type, for something called `name`.

        A record inside itself is left out.
        """
        match type_:
            case Primitive(name=primitive):
                return self._primitive(primitive, name)
            case SecretOf(item=item):
                return self.value(item, name, within=within)
            case OptionalOf(item=Named(name=inner)) if inner in within or len(within) >= DEEPEST:
                return None
            case OptionalOf(item=item):
                return self.value(item, name, within=within)
            case ListOf(item=Named(name=inner)) if inner in within or len(within) >= DEEPEST:
                return []
            case ListOf(item=item):
                return [self.value(item, name, within=within)]
            case MapOf():
                return {}
            case Named(name=named) if named in self._records:
                return self._object(self._records[named], (*within, named))
            case Named(name=named):
                first = self._enums[named][0]
                if not first.fields:
                    return first.name
                return {"type": first.name, **self._object(first.fields, (*within, named))}
            case ProblemOf() | RunInfo() | Nothing() | Unknown():
                raise AssertionError(f"no call answers with {type_}")
            case _:
                assert_never(type_)

    def _object(self, fields: Sequence[Field], within: tuple[str, ...]) -> dict[str, Any]:
        return {
            field.name: self.value(field.type, field.name, within=within)
            for field in fields
            if field.default is None
        }

    def _primitive(self, primitive: PrimitiveName, name: str) -> Any:
        number = next(self._numbers)
        values: dict[str, Callable[[], Any]] = {
            "bool": lambda: True,
            "int": lambda: number,
            "float": lambda: 1.0,
            "decimal": lambda: "1.00",
            "str": lambda: f"{name}-{number}",
            "bytes": lambda: "AA==",
            "datetime": self._now,
            "date": lambda: self._now()[:10],
            "duration": lambda: "1h",
            "uuid": lambda: f"00000000-0000-4000-8000-{number:012x}",
            "json": dict,
        }
        return values[primitive]()
