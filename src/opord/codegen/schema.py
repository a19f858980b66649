"""The JSON Schemas (2020-12) of what a contract takes from outside: inputs, events and results.

A value that fits its schema has the form that the contract wants. What a schema cannot say, such as
a `require` or the range of an instant, is still checked when the value comes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, assert_never

from opord.contract import (
    Constant,
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
from opord.values.duration import format_duration
from opord.values.guard import INT_MAX, INT_MIN
from opord.values.names import member_names

Schema = dict[str, Any]

NO_NUL: Final = "^[^\\u0000]*$"
"""The pattern of every text: a NUL cannot be stored."""

ANY: Final = "opord.Json"
"""The name of the schema of any JSON."""

_TEXT: Final[Schema] = {"type": "string", "pattern": NO_NUL}
_CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?"
_LEAP_DAY: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29"
_DAY: Final = (
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_DAY})"
)
"""A day that there is."""

INSTANT: Final = f"((?!0000){_DAY}T{_CLOCK}Z|(?!0000|0001|9999){_DAY}T{_CLOCK}[+-](0[0-9]|1[0-4]):[0-5][0-9])"
"""The pattern of an instant, without its anchors."""

_COUNT: Final = "[0-9]{1,6}"

_PRIMITIVES: Final[dict[str, Schema]] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer", "minimum": INT_MIN, "maximum": INT_MAX},
    "float": {"type": "number", "minimum": INT_MIN, "maximum": INT_MAX},
    "decimal": {
        "anyOf": [
            {"type": "string", "pattern": "^[+-]?[0-9]{1,200}(\\.[0-9]{1,200})?([eE][+-]?[0-9]{1,2})?$"},
            {"type": "integer", "minimum": INT_MIN, "maximum": INT_MAX},
        ],
        "examples": ["19.90"],
        "description": "An exact number, as a text.",
    },
    "str": _TEXT,
    "bytes": {
        "type": "string", "contentEncoding": "base64",
        "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
    },
    "datetime": {
        "type": "string", "format": "date-time",
        "pattern": f"^{INSTANT}$",
        "examples": ["2026-01-31T12:00:00Z"],
    },
    "date": {
        "type": "string", "format": "date", "pattern": f"^(?!0000){_DAY}$", "examples": ["2026-01-31"],
    },
    "duration": {
        "type": "string",
        "pattern": f"^-?(?=[0-9])({_COUNT}d)?({_COUNT}h)?({_COUNT}m)?({_COUNT}s)?({_COUNT}ms)?({_COUNT}us)?$",
        "examples": ["48h", "1h30m", "250ms"],
    },
    "uuid": {
        "type": "string", "format": "uuid",
        "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    },
}  # fmt: skip


class Schemas:
    """Makes schemas of a contract's types. Records and enums are referred to, below `where`."""

    def __init__(self, contract: Contract, where: str = "#/$defs/") -> None:
        self._contract = contract
        self._where = where

    def definitions(self) -> dict[str, Schema]:
        """Return the schema of each record and enum, by its name."""
        contract = self._contract
        found = {ANY: self._any()}
        found |= {one.name: _with_doc(self.object(one.fields), one.doc) for one in contract.records}
        return found | {one.name: _with_doc(self._sum(one), one.doc) for one in contract.enums}

    def object(self, fields: Sequence[Field]) -> Schema:
        """Return the schema of an object with a member for each field."""
        return self._object(fields, {field.name: field.name for field in fields})

    def of(self, type_: Type) -> Schema:
        """Return the schema of a type."""
        match type_:
            case Primitive("json"):
                return {"$ref": f"{self._where}{ANY}"}
            case Primitive(name):
                return dict(_PRIMITIVES[name])
            case ListOf(item):
                return {"type": "array", "items": self.of(item)}
            case MapOf(value):
                return {
                    "type": "object",
                    "propertyNames": {"pattern": NO_NUL},
                    "additionalProperties": self.of(value),
                }
            case OptionalOf(item):
                return {"anyOf": [self.of(item), {"type": "null"}]}
            case SecretOf(item):
                return self.of(item) | {"writeOnly": True}
            case Named(name):
                return {"$ref": f"{self._where}{name}"}
            case ProblemOf() | RunInfo() | Nothing() | Unknown():
                return {}
            case _:
                assert_never(type_)

    def _any(self) -> Schema:
        again = {"$ref": f"{self._where}{ANY}"}
        members = {"propertyNames": {"pattern": NO_NUL}, "additionalProperties": again}
        return {
            "description": "Any JSON.",
            "anyOf": [
                _TEXT,
                _PRIMITIVES["float"],
                {"type": ["boolean", "null"]},
                {"type": "array", "items": again},
                {"type": "object", **members},
            ],
        }

    def _object(self, fields: Sequence[Field], names: dict[str, str]) -> Schema:
        members = {names[field.name]: self._member(field) for field in fields}
        needed = [
            names[field.name]
            for field in fields
            if field.default is None and not isinstance(field.type, OptionalOf)
        ]
        schema: Schema = {"type": "object", "properties": members, "additionalProperties": False}
        return schema | ({"required": needed} if needed else {})

    def _member(self, field: Field) -> Schema:
        schema = _with_doc(self.of(field.type), field.doc)
        if isinstance(field.default, Constant):
            schema = schema | {"default": _plain(field.default.value)}
        return schema

    def _sum(self, enum: Enum | Failure) -> Schema:
        bare = [one.name for one in enum.variants if not one.fields]
        forms: list[Schema] = [{"enum": bare}] if bare else []
        for variant in enum.variants:
            if variant.fields:
                names = member_names(field.name for field in variant.fields)
                whole = self._object(variant.fields, names)
                whole["properties"] = {"type": {"const": variant.name}, **whole["properties"]}
                whole["required"] = ["type", *whole.get("required", ())]
                forms.append(_with_doc(whole, variant.doc))
        return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _with_doc(schema: Schema, doc: str) -> Schema:
    return schema | {"description": doc} if doc else schema


def _plain(value: bool | int | float | str | Decimal | timedelta | None) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return format_duration(value) if isinstance(value, timedelta) else value
