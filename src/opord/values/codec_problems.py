"""Find all that is wrong with a value, not only the first.

A compiled codec stops at the first mistake. Once it has, this walk over the type's description
finds the others, in the same order. What has no members of its own is left to its codec.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, assert_never

from opord.contract import (
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
from opord.values.codec_refusals import missing, unknown
from opord.values.codec_source import ConversionSources, Member
from opord.values.guard import BadValue


def problems(sources: ConversionSources, key: str, type_: Type | None, wire: Any) -> Iterator[BadValue]:
    """Yield what is wrong with plain data from outside; the first is what `accept` raises.

    `key` is that of a declared object or of a type.
    """
    declared = sources.objects.get(key)
    if declared is not None and type(wire) is dict:
        yield from _of_members(sources, declared.what, declared.members, wire)
        return
    arm = _arm(sources.sums.get(key), wire)
    if arm is not None:
        yield from _of_members(sources, arm[0], arm[1], wire, ("type",))
        return
    match type_:
        case OptionalOf(item):
            if wire is not None:
                yield from _of_type(sources, item, wire)
        case ListOf(item) if type(wire) is list:
            for index, one in enumerate(wire):
                yield from _within(index, _of_type(sources, item, one))
        case MapOf(value) if type(wire) is dict and all(type(name) is str for name in wire):
            for name, one in wire.items():
                yield from _within(name, _of_type(sources, value, one))
        case (
            ListOf()
            | MapOf()
            | Primitive()
            | Named()
            | SecretOf()
            | ProblemOf()
            | RunInfo()
            | Nothing()
            | Unknown()
            | None
        ):
            yield from _of_codec(sources, key, type_, wire)
        case _:
            assert_never(type_)


def _of_type(sources: ConversionSources, type_: Type, wire: Any) -> Iterator[BadValue]:
    return problems(sources, sources.key(type_), type_, wire)


def _of_codec(sources: ConversionSources, key: str, type_: Type | None, wire: Any) -> Iterator[BadValue]:
    try:
        sources.compiled(key, type_).accept(wire)
    except BadValue as bad:
        yield bad


def _of_members(
    sources: ConversionSources,
    what: str,
    members: Sequence[Member],
    wire: Mapping[Any, Any],
    others: tuple[str, ...] = (),
) -> Iterator[BadValue]:
    for member in members:
        if member.name in wire:
            yield from _within(member.name, _of_type(sources, member.type, wire[member.name]))
        elif member.default is None:
            try:
                missing(sources.described(member.type))
            except BadValue as bad:
                yield bad.within(member.name)
    names = [*(member.name for member in members), *others]
    for name in wire:
        if name not in names:
            try:
                unknown({name: None}, names, what)
            except BadValue as bad:
                yield bad


def _arm(
    arms: Mapping[str, tuple[str, Sequence[Member]]] | None, wire: Any
) -> tuple[str, Sequence[Member]] | None:
    """Return the variant that an object names, if it is one of those declared."""
    if arms is None or type(wire) is not dict or type(wire.get("type")) is not str:
        return None
    return arms.get(wire["type"])


def _within(step: str | int, found: Iterable[BadValue]) -> Iterator[BadValue]:
    for bad in found:
        yield bad.within(step)
