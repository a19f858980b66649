"""Read `7.0` as `7` where a contract wants an int or a decimal: to JSON Schema they are the same.

Only a body with such a number is looked through. What does not fit is left for the codec to tell.
From 2^53 on, a number that was written with a point may not be the one that was meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

from opord.contract import (
    Contract,
    Enum,
    Field,
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    ProblemOf,
    RecordType,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)
from opord.values.names import member_names


def may_have_one(body: bytes) -> bool:
    """Say whether a body may hold a number with a point or an exponent."""
    return _NUMBER.search(body) is not None


_NUMBER: Final = re.compile(rb"[0-9][.eE]")


def with_integers(contract: Contract, fields: Sequence[Field], value: Any) -> Any:
    """Return an object with a member for each field, with whole numbers where ints are wanted."""
    return _Reader(contract).object(value, {field.name: field.type for field in fields})


class _Reader:
    def __init__(self, contract: Contract) -> None:
        self._records: Mapping[str, RecordType] = {one.name: one for one in contract.records}
        self._enums: Mapping[str, Enum] = {one.name: one for one in contract.enums}

    def object(self, value: Any, types: Mapping[str, Type]) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: self._of(item, types[name]) if name in types else item for name, item in value.items()}

    def _of(self, value: Any, type_: Type) -> Any:
        match type_:
            case Primitive(name):
                whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
                return int(value) if whole and name in ("int", "decimal") else value
            case ListOf(item):
                return [self._of(one, item) for one in value] if isinstance(value, list) else value
            case MapOf(item):
                if not isinstance(value, dict):
                    return value
                return {key: self._of(one, item) for key, one in value.items()}
            case OptionalOf(item) | SecretOf(item):
                return self._of(value, item)
            case Named(name):
                return self._named(value, name)
            case ProblemOf() | RunInfo() | Nothing() | Unknown():
                return value
            case _:
                assert_never(type_)

    def _named(self, value: Any, name: str) -> Any:
        record = self._records.get(name)
        if record is not None:
            return self.object(value, {field.name: field.type for field in record.fields})
        enum = self._enums.get(name)
        if enum is None or not isinstance(value, dict):
            return value
        chosen = next((one for one in enum.variants if one.name == value.get("type")), None)
        if chosen is None:
            return value
        names = member_names(field.name for field in chosen.fields)
        return self.object(value, {names[field.name]: field.type for field in chosen.fields})
