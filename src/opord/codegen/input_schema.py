"""The schema of a contract's input, with what its key and its simple `require`s ask of it.

Of a `require`, comparisons of a place of the input, or of its length, with a constant become
bounds. Other conditions are told when a start is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from opord.codegen.schema import Schema, Schemas
from opord.contract import (
    Attribute,
    Binary,
    BuiltinCall,
    Constant,
    Contract,
    Expr,
    Field,
    ListOf,
    Named,
    Primitive,
    Type,
    Var,
)

_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def input_schema(contract: Contract, schemas: Schemas, *, longest_key: int) -> Schema:
    """Return the schema of a contract's input. `longest_key` is in characters."""
    whole = schemas.object(contract.params)
    bounds = [
        *_of_key(contract, longest_key),
        *(one for each in contract.requirements for one in _of(contract, each.condition)),
    ]
    return whole | ({"allOf": bounds} if bounds else {})


def _of_key(contract: Contract, longest: int) -> Iterator[Schema]:
    """Yield the bounds of a key that is a text of the input as it stands."""
    path = _path(contract.key)
    if path and _type_at(contract, path) == Primitive("str"):
        yield _at(path, {"minLength": 1, "maxLength": longest})


def _of(contract: Contract, condition: Expr) -> Iterator[Schema]:
    if not isinstance(condition, Binary):
        return
    if condition.op == "and":
        yield from _of(contract, condition.left)
        yield from _of(contract, condition.right)
    elif condition.op in _TURNED:
        op, left, right = condition.op, condition.left, condition.right
        if isinstance(left, Constant):
            op, left, right = _TURNED[op], right, left  # type: ignore[assignment]
        if isinstance(right, Constant) and type(right.value) is int:
            yield from _bound(contract, op, left, right.value)


def _bound(contract: Contract, op: str, left: Expr, limit: int) -> Iterator[Schema]:
    least, most = {
        ">": (limit + 1, None), ">=": (limit, None), "<": (None, limit - 1), "<=": (None, limit),
    }[op]  # fmt: skip
    measured = left.args[0] if isinstance(left, BuiltinCall) and left.name == "len" else None
    path = _path(measured if measured is not None else left)
    type_ = _type_at(contract, path) if path else None
    if measured is None and type_ == Primitive("int"):
        yield _at(path, _limits("minimum", "maximum", least, most))
    elif measured is not None and type_ == Primitive("str"):
        yield _at(path, _limits("minLength", "maxLength", least, most))
    elif measured is not None and isinstance(type_, ListOf):
        yield _at(path, _limits("minItems", "maxItems", least, most))


def _limits(low: str, high: str, least: int | None, most: int | None) -> Schema:
    found: dict[str, Any] = {low: least, high: most}
    return {name: limit for name, limit in found.items() if limit is not None}


def _path(expr: Expr | None) -> tuple[str, ...]:
    """Return the place in the input that an expression names; empty if it names none."""
    if isinstance(expr, Var):
        return (expr.name,)
    if isinstance(expr, Attribute) and (outer := _path(expr.of)):
        return (*outer, expr.name)
    return ()


def _type_at(contract: Contract, path: Sequence[str]) -> Type | None:
    fields: Sequence[Field] = contract.params
    type_: Type | None = None
    for name in path:
        type_ = next((field.type for field in fields if field.name == name), None)
        record = next(
            (one for one in contract.records if isinstance(type_, Named) and one.name == type_.name), None
        )
        fields = record.fields if record is not None else ()
    return type_


def _at(path: Sequence[str], schema: Schema) -> Schema:
    for name in reversed(path):
        schema = {"properties": {name: schema}}
    return schema
