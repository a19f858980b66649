"""Checks whether plain data have the shape that a contract declares, without code under test.

A type is plain data too: the name of a primitive, or a pair of a word and its inner type (`["list",
"int"]`).
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

_DURATION = re.compile(r"-?(\d+(\.\d+)?(d|h|m|s|ms|us))+|0s")


def misfit(value: Any, type_: Any, named: dict[str, Any]) -> str | None:
    """Say where a value does not have the shape of a type; an empty text if it has.

    `named` has the fields of each record, and of each variant of each enum.
    """
    if isinstance(type_, str):
        return None if _is(value, type_) else f"is {value!r}, no {type_}"
    word, of = type_
    if word == "any":
        return None
    if word == "optional":
        return None if value is None else misfit(value, of, named)
    if word == "secret":
        inside = isinstance(value, dict) and list(value) == ["$secret"]
        return misfit(value["$secret"], of, named) if inside else "is no secret"
    if word == "list":
        items = enumerate(value) if isinstance(value, list) else None
        return (
            "is no list"
            if items is None
            else _first((f"[{at}]", misfit(one, of, named)) for at, one in items)
        )
    if word == "map":
        if not isinstance(value, dict):
            return "is no map"
        return _first((f".{name}", misfit(one, of, named)) for name, one in value.items())
    declared = named[of]
    if "fields" in declared:
        return members(value, declared["fields"], named)
    name = value if isinstance(value, str) else value.get("type") if isinstance(value, dict) else None
    fields = declared["variants"].get(name)
    if fields is None or isinstance(value, str) != (not fields):
        return f"is {value!r}, no {of}"
    return None if not fields else members({k: v for k, v in value.items() if k != "type"}, fields, named)


def members(value: Any, fields: dict[str, Any], named: dict[str, Any]) -> str | None:
    """Say where an object does not have these members; an empty text if it has.

    Optional members may be left out.
    """
    if not isinstance(value, dict):
        return None if value is None and not fields else f"is {value!r}, no object"
    extra = value.keys() - fields.keys()
    if extra:
        return f".{min(extra)} is not declared"
    return _first((f".{name}", misfit(value.get(name), of, named)) for name, of in fields.items())


def _first(found: Any) -> str | None:
    return next((f"{step}{' ' if said.startswith('is') else ''}{said}" for step, said in found if said), None)


def _is(value: Any, primitive: str) -> bool:
    if primitive == "json":
        return True
    if primitive in ("bool", "int"):
        return type(value).__name__ == primitive
    if primitive == "float":
        return type(value) in (int, float)
    if not isinstance(value, str):
        return False
    readers: dict[str, Any] = {
        "str": str, "bytes": base64.b64decode, "decimal": Decimal, "date": date.fromisoformat,
        "datetime": datetime.fromisoformat, "uuid": UUID,
    }  # fmt: skip
    try:
        return (
            bool(_DURATION.fullmatch(value))
            if primitive == "duration"
            else readers[primitive](value) is not None
        )
    except (ValueError, binascii.Error, InvalidOperation):
        return False
