"""Check where the parameters of a contract or an event come from, as far as types alone tell."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

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
    RecordType,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)
from opord.server.webhooks.places import Constant, Members, Place, Source

_NOT_TEXTS: Final = ("bool", "int", "float")
"""The built-in types whose values are no texts in JSON."""

_NUMBERS: Final = ("int", "float", "decimal", "json")


def parameter_problems(
    contract: Contract, params: Sequence[Field], args: Mapping[str, Source], what: str
) -> Iterator[str]:
    """Yield what is wrong with the sources of parameters. `what` has these parameters."""
    known = {one.name: one for one in params}
    for name, source in args.items():
        field = known.get(name)
        if field is not None:
            yield from _unfit(contract, field.type, source, f"args.{name}")
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known) or 'none'}"
        yield f"`args.{name}`: {what} has no parameter `{name}`; {hint}"
    for field in params:
        if field.name not in args and field.default is None and not isinstance(field.type, OptionalOf):
            yield (
                f"`args` has no `{field.name}`, which {what} needs; say where it stands, "
                f'as in args = {{ {field.name} = "body.{field.name}" }}'
            )


def _unfit(contract: Contract, type_: Type, source: Source, at: str) -> Iterator[str]:
    match source:
        case Place(_, header):
            if header and not _may_be_text(type_):
                yield f"`{at}` comes from a header, which is a text, and {_named(type_)} is wanted"
        case Constant(value):
            if not _may_be(type_, value):
                yield f"`{at}` is {value!r}, and {_named(type_)} is wanted"
        case Members(members):
            yield from _unfit_members(contract, type_, members, at)
        case _:
            assert_never(source)


def _unfit_members(contract: Contract, type_: Type, members: Mapping[str, Source], at: str) -> Iterator[str]:
    bare = _bare(type_)
    if isinstance(bare, MapOf):
        for name, source in members.items():
            yield from _unfit(contract, bare.value, source, f"{at}.{name}")
        return
    record = _record(contract, bare)
    if record is None:
        yield f"`{at}` is a table, and {_named(type_)} is wanted"
        return
    for problem in parameter_problems(contract, record.fields, members, record.name):
        yield problem.replace("`args", f"`{at}", 1)


def _record(contract: Contract, type_: Type) -> RecordType | None:
    name = type_.name if isinstance(type_, Named) else None
    return next((one for one in contract.records if one.name == name), None)


def _may_be_text(type_: Type) -> bool:
    match _bare(type_):
        case Primitive(name):
            return name not in _NOT_TEXTS
        case ListOf() | MapOf():
            return False
        case Named() | Unknown():
            return True
        case OptionalOf() | SecretOf() | ProblemOf() | RunInfo() | Nothing():
            return False
        case other:
            assert_never(other)


def _may_be(type_: Type, value: object) -> bool:
    """Say whether a constant may be of a type; whether it fits exactly is told at delivery."""
    bare = _bare(type_)
    if isinstance(value, str):
        return _may_be_text(bare)
    if not isinstance(bare, Primitive):
        return False
    return bare.name in ("bool", "json") if isinstance(value, bool) else bare.name in _NUMBERS


def _bare(type_: Type) -> Type:
    while isinstance(type_, OptionalOf | SecretOf):
        type_ = type_.item
    return type_


def _named(type_: Type) -> str:
    bare = _bare(type_)
    match bare:
        case Primitive(name) | Named(name):
            return f"`{name}`"
        case ListOf():
            return "a list"
        case MapOf():
            return "a map"
        case OptionalOf() | SecretOf() | ProblemOf() | RunInfo() | Nothing() | Unknown():
            return "another type"
        case _:
            assert_never(bare)
