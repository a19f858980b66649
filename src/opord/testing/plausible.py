"""Plausible values of a contract's types, for fakes without a script.

A value has a few thousand parts at most: after that, all optional parts are left out.
Types whose every value is larger are refused before a value is begun (`check_size_of`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, assert_never

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
    Variant,
)

DEEPEST = 8
"""The nesting depth of records and enums from which optional values are left out.

Otherwise a value whose type names the next one twice doubles with each level.
"""


PARTS_MOST: Final = 10_000
"""A value with this many parts gets no more optional ones."""

SMALLEST_MOST: Final = 100_000
"""The most parts that the smallest value of a type may have.

One of more parts is longer than the longest value that is stored (1 MiB), so no run can carry it.
"""


class ValueTooLarge(Exception):
    """Every value of a type is too large to be made, or to be carried by a run."""

    name: str
    parts: int

    def __init__(self, name: str, parts: int) -> None:
        amount = f"{parts:,}" if parts < _ENDLESS else "endlessly many"
        super().__init__(
            f"the smallest value of {name} has {amount} parts, and a run can carry at most {SMALLEST_MOST:,}; "
            "make some of its fields optional, or lists"
        )
        self.name, self.parts = name, parts


_ENDLESS: Final = 10**30


class Plausible:
    """Makes values as plain data; texts and ids are numbered, so that no two are the same.

    `now` returns the present instant as text.
    """

    def __init__(self, contract: Contract, now: Callable[[], str]) -> None:
        self._records = {record.name: record.fields for record in contract.records}
        self._enums = {enum.name: enum.variants for enum in contract.enums}
        self._now = now
        self._numbers: Iterator[int] = itertools.count(1)
        self._smallest = self._smallest_sizes()
        self._level = 0
        self._parts = 0

    def value(self, type_: Type, name: str, *, within: tuple[str, ...] = ()) -> Any:
        """Return a value of a type, for something called `name`.

        A record inside itself is left out.

        Raises:
            ValueTooLarge: the smallest value of the type is too large.
        """
        if not self._level:
            self.check_size_of(type_)
            self._parts = 0
        self._parts += 1
        self._level += 1
        try:
            return self._value(type_, name, within)
        finally:
            self._level -= 1

    def check_size_of(self, type_: Type) -> None:
        """Check that a type has a value that a run can carry.

        Raises:
            ValueTooLarge: it has none.
        """
        parts = self._smallest_size(type_)
        if parts > SMALLEST_MOST:
            raise ValueTooLarge(_record_in(type_), parts)

    def _leaves_out(self, item: Type) -> bool:
        """Say whether an optional part is left out."""
        return self._full or self._smallest_size(item) > SMALLEST_MOST

    @property
    def _full(self) -> bool:
        """True once the value has so many parts that it stays small from here on."""
        return self._parts >= PARTS_MOST

    def _value(self, type_: Type, name: str, within: tuple[str, ...]) -> Any:
        match type_:
            case OptionalOf(item=item) if self._leaves_out(item):
                return None
            case ListOf(item=item) if self._leaves_out(item):
                return []
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
                variants = self._enums[named]
                variant = self._smallest_variant(named) if named in within or self._full else variants[0]
                if not variant.fields:
                    return variant.name
                return {"type": variant.name, **self._object(variant.fields, (*within, named))}
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

    def _smallest_variant(self, enum: str) -> Variant:
        """Return the variant of an enum with the fewest parts."""
        return min(self._enums[enum], key=lambda variant: self._parts_of(variant.fields))

    def _smallest_sizes(self) -> dict[str, int]:
        """Return the number of parts of the smallest value of each record and enum.

        Each round sees one level deeper into types that contain each other, so after as many rounds
        as there are types nothing changes any more.
        """
        self._smallest = dict.fromkeys((*self._records, *self._enums), _ENDLESS)
        for _ in range(len(self._smallest) + 1):
            sizes = {name: 1 + self._parts_of(fields) for name, fields in self._records.items()}
            for name, variants in self._enums.items():
                sizes[name] = 1 + min((self._parts_of(variant.fields) for variant in variants), default=0)
            sizes = {name: min(size, _ENDLESS) for name, size in sizes.items()}
            if sizes == self._smallest:
                break
            self._smallest = sizes
        return self._smallest

    def _parts_of(self, fields: Sequence[Field]) -> int:
        return sum(self._smallest_size(field.type) for field in fields if field.default is None)

    def _smallest_size(self, type_: Type) -> int:
        match type_:
            case SecretOf(item=item):
                return self._smallest_size(item)
            case Named(name=name):
                return self._smallest.get(name, 1)  # a failure: it is raised, and no part of data
            case (
                Primitive()
                | OptionalOf()
                | ListOf()
                | MapOf()
                | ProblemOf()
                | RunInfo()
                | Nothing()
                | Unknown()
            ):
                return 1
            case _:
                assert_never(type_)

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


def _record_in(type_: Type) -> str:
    """Return the name of the record or enum in a type."""
    match type_:
        case SecretOf(item=item):
            return _record_in(item)
        case Named(name=name):
            return name
        case (
            Primitive() | OptionalOf() | ListOf() | MapOf() | ProblemOf() | RunInfo() | Nothing() | Unknown()
        ):
            return "the type"
        case _:
            assert_never(type_)
