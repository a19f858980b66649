"""The shape of INPUT that a contract wants, as it is shown beside a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, assert_never

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
from opord.language.types import show

LINE: Final = 110
"""How long a line of a shape may be, in characters."""

_RECORDS_SHOWN: Final = 8


def input_shape(contract: Contract, params: Sequence[Field]) -> list[str]:
    """Return lines that show an INPUT: one if it fits, else also one for each record in it."""
    records = {record.name: record for record in contract.records}
    enums = {each.name: each for each in contract.enums}
    whole = _members(params, records, enums, ())
    optional = "" if "?: " not in whole else "  (what has a `?` may be left out)"
    if len(whole) <= LINE:
        return [f"INPUT is {whole}{optional}"]
    inside = [name for name in dict.fromkeys(_named(params, records, set())) if name in records]
    lines = [f"INPUT is {_cut(_members(params, {}, enums, ()))}"]
    lines += [
        f"  {name} is {_cut(_members(records[name].fields, {}, enums, ()))}"
        for name in inside[:_RECORDS_SHOWN]
    ]
    return lines


def _members(
    fields: Sequence[Field],
    records: dict[str, RecordType],
    enums: dict[str, Enum],
    around: tuple[str, ...],
) -> str:
    members = (
        f'"{field.name}"{"?" if _may_be_left_out(field) else ""}: {_type(field.type, records, enums, around)}'
        for field in fields
    )
    return f"{{{', '.join(members)}}}"


def _may_be_left_out(field: Field) -> bool:
    return field.default is not None or isinstance(field.type, OptionalOf)


def _type(
    type_: Type, records: dict[str, RecordType], enums: dict[str, Enum], around: tuple[str, ...]
) -> str:
    match type_:
        case Named(name) if name in records and name not in around:
            return _members(records[name].fields, records, enums, (*around, name))
        case Named(name) if name in enums and not any(variant.fields for variant in enums[name].variants):
            return " | ".join(f'"{variant.name}"' for variant in enums[name].variants)
        case ListOf(item):
            return f"[{_type(item, records, enums, around)}, …]"
        case MapOf(value):
            return f'{{"…": {_type(value, records, enums, around)}}}'
        case OptionalOf(item) | SecretOf(item):
            return _type(item, records, enums, around)
        case Primitive() | Named() | ProblemOf() | RunInfo() | Nothing() | Unknown():
            return show(type_)
        case _:
            assert_never(type_)


def _named(fields: Sequence[Field], records: dict[str, RecordType], seen: set[str]) -> Iterator[str]:
    for field in fields:
        type_ = field.type
        while isinstance(type_, ListOf | MapOf | OptionalOf | SecretOf):
            type_ = type_.value if isinstance(type_, MapOf) else type_.item
        if isinstance(type_, Named) and type_.name in records and type_.name not in seen:
            seen.add(type_.name)
            yield type_.name
            yield from _named(records[type_.name].fields, records, seen)


def _cut(line: str) -> str:
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"
