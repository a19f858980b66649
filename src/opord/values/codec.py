"""Convert values to plain JSON data and back, strictly. Errors carry the path to the bad value.

A value has three forms:

- *wire*: plain data that comes from outside or goes to handlers: JSON, with secrets in clear;
- *rest*: what the store keeps: the same, but a secret is `{"$secret": …}`, where it is encrypted;
- *shown*: what people see: the same, but a secret is the text `[secret]`.

In JSON a decimal is a text, bytes are base64 and a duration is `"48h"`. A variant without fields is
its name; one with fields is `{"type": "Circle", "radius": 1.0}`. If a variant has a field `type` of
its own, JSON calls that field `type_`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from opord.contract import (
    Constant,
    Contract,
    Enum,
    Expr,
    Failure,
    Field,
    Named,
    OptionalOf,
    Primitive,
    Type,
    Variant,
)
from opord.values.codec_problems import problems
from opord.values.codec_source import ConversionSources, Member
from opord.values.guard import LIMIT_DEPTH, BadValue, check_plain
from opord.values.names import RESERVED_IN_VARIANTS, member_names, python_names
from opord.values.shape import Shape, ShapePart
from opord.values.vault import UNOPENED

Evaluate: TypeAlias = Callable[[Expr], Any]

_SMALL = frozenset({"bool", "int", "float", "datetime", "date", "duration", "uuid"})


@dataclass(frozen=True, slots=True)
class Codec:
    """The conversions of one type, or of one set of parameters. All raise `BadValue` with a path.

    `accept(wire)`: convert plain data from outside to a value. Strict: no unknown members, and no
        conversions but int to float or decimal. Defaults are filled in. Values that already have
        the type are accepted as well.
    `dump(value)`: convert a value to its rest form. Checks everything, since user code made the
        value.
    `load(rest)`: convert the rest form to a value.
    `show(rest)`: convert the rest form to the shown form.
    `copy(value)`: return the same value with lists and maps of its own, so that changes to these do
        not reach the original.
    `fixed`: whether values of the type are immutable, and so need no copy.
    `problems(wire)`: yield all that is wrong with plain data which `accept` refuses. It is slower.
    `shape()`: the members one by one, if the type is an object with a fixed set of members; else
        None.
    """

    accept: Callable[[Any], Any]
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    show: Callable[[Any], Any]
    copy: Callable[[Any], Any]
    fixed: bool
    problems: Callable[[Any], Iterator[BadValue]]
    shape: Callable[[], Shape | None]


class Codecs:
    """Makes the codecs of one contract's types. Each is compiled to Python functions of its own.

    `classes` has the Python class of each record, enum and failure by its name; variants with
    fields are attributes of it. `evaluate` computes a default that is not a plain literal.
    """

    def __init__(self, contract: Contract, classes: Mapping[str, type[Any]], evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._sources = ConversionSources()
        self._records: dict[str, tuple[list[Member], type[Any]]] = {}
        for record in contract.records:
            members = self._members(record.fields)
            self._records[record.name] = members, classes[record.name]
            self._sources.declare_object(record.name, members, classes[record.name])
        unions: tuple[Enum | Failure, ...] = (*contract.enums, *contract.failures)
        for union in unions:
            cls = classes[union.name]
            if issubclass(cls, enum.Enum):
                self._sources.declare_names(union.name, cls)
            else:
                self._sources.declare_sum(union.name, self._variants(union.variants, cls))

    def of(self, type_: Type) -> Codec:
        """Return the codec of a type."""
        return self._codec(self._sources.key(type_), type_, of=type_, shape=self._record(type_))

    def struct(self, fields: Sequence[Field], cls: type[Any], label: str) -> Codec:
        """Return the codec of a class with these fields, such as a state or the input."""
        members = self._members(fields)
        key = self._sources.declare_object(label, members, cls, anonymous=True)
        return self._codec(key, *(field.type for field in fields), shape=lambda: self._shape(members, cls))

    def params(self, params: Sequence[Field], label: str) -> Codec:
        """Return the codec of arguments. They are a tuple in Python and an object in JSON."""
        members = self._members(params)
        key = self._sources.declare_object(label, members, None, anonymous=True)
        return self._codec(key, *(param.type for param in params), shape=lambda: self._shape(members, None))

    def problem(self, variants: Mapping[str, tuple[type[Any], Sequence[Field]]], label: str) -> Codec:
        """Return the codec of the failures of a call.

        Each is an object with its full name under `type`.
        """
        arms = [
            (name, cls, self._members(fields, in_variant=True)) for name, (cls, fields) in variants.items()
        ]
        key = self._sources.declare_sum(label, arms, anonymous=True, always_objects=True)
        return self._codec(key, *(field.type for _, fields in variants.values() for field in fields))

    def _members(self, fields: Sequence[Field], *, in_variant: bool = False) -> list[Member]:
        reserved = RESERVED_IN_VARIANTS if in_variant else ()
        attributes = python_names((field.name for field in fields), reserved)
        names = member_names(field.name for field in fields) if in_variant else {}
        return [
            Member(
                names.get(field.name, field.name), attributes[field.name], field.type, self._default(field)
            )
            for field in fields
        ]

    def _variants(
        self, variants: Sequence[Variant], cls: type[Any]
    ) -> list[tuple[str, type[Any], list[Member]]]:
        attributes = python_names(variant.name for variant in variants)  # plain enums are declared elsewhere
        return [
            (
                variant.name,
                getattr(cls, attributes[variant.name]),
                self._members(variant.fields, in_variant=True),
            )
            for variant in variants
        ]

    def _default(self, field: Field) -> Callable[[], Any] | None:
        if field.default is None:
            return (lambda: None) if isinstance(field.type, OptionalOf) else None
        if isinstance(field.default, Constant):
            value = field.default.value
            return lambda: value
        expression = field.default
        return lambda: self._evaluate(expression)

    def _record(self, type_: Type) -> Callable[[], Shape] | None:
        """Return the function that makes a record's shape, or None for other types."""
        plain = _not_optional(type_)
        if not isinstance(plain, Named) or plain.name not in self._records:
            return None
        members, cls = self._records[plain.name]
        return lambda: self._shape(members, cls)

    def _shape(self, members: Sequence[Member], cls: type[Any] | None) -> Shape:
        return Shape(cls, tuple(self._part(member) for member in members))

    def _part(self, member: Member) -> ShapePart:
        type_ = member.type
        compiled = self._sources.compiled(self._sources.key(type_), type_)
        plain = _not_optional(type_)
        deep = self._sources.is_deep(type_)
        return ShapePart(
            member.name,
            member.attribute,
            self._sources.key(plain),
            isinstance(plain, Primitive) and plain.name in _SMALL,
            deep,
            _shallow(compiled.dump) if deep else compiled.dump,
            _guarded(compiled.load),
            self._record(type_),
        )

    def _codec(
        self, key: str, *types: Type, of: Type | None = None, shape: Callable[[], Shape] | None = None
    ) -> Codec:
        compiled = self._sources.compiled(key, of)
        deep = any(self._sources.is_deep(type_) for type_ in types)
        return Codec(
            accept=_shallow(compiled.accept) if deep else compiled.accept,
            dump=_checked(_shallow(compiled.dump)) if deep else compiled.dump,
            load=_guarded(compiled.load),
            show=compiled.show,
            copy=compiled.copy,
            fixed=all(self._sources.is_fixed(type_) for type_ in types),
            problems=lambda wire: problems(self._sources, key, of, wire),
            shape=_once(shape) if shape is not None else _no_shape,
        )


def _not_optional(type_: Type) -> Type:
    while isinstance(type_, OptionalOf):
        type_ = type_.item
    return type_


def _no_shape() -> None:
    return None


def _once(make: Callable[[], Shape]) -> Callable[[], Shape]:
    """Make a shape when it is first needed: few programs ever carry a large value."""
    shapes: list[Shape] = []

    def shape() -> Shape:
        if not shapes:
            shapes.append(make())
        return shapes[0]

    return shape


def _shallow(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Turn a stack overflow of a conversion into a BadValue: the value is nested too deep."""

    def shallow(value: Any) -> Any:
        try:
            return convert(value)
        except RecursionError:
            raise BadValue("", f"nested more than {LIMIT_DEPTH} levels deep") from None

    return shallow


def _checked(dump: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Check the nesting limit for types that do not limit nesting themselves."""

    def checked(value: Any) -> Any:
        rest = dump(value)
        try:
            check_plain(rest)
        except BadValue:
            check_plain(_without_unopened(rest))  # without a key, check all the rest
        return rest

    return checked


def _without_unopened(rest: Any) -> Any:
    if rest is UNOPENED:
        return None
    if type(rest) is dict:
        return {name: _without_unopened(item) for name, item in rest.items()}
    if type(rest) is list:
        return [_without_unopened(item) for item in rest]
    return rest


def _guarded(load: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Turn any error that a damaged rest form causes into a BadValue.

    The text is left out of the message, because it may be a secret.
    """

    def load_stored(rest: Any) -> Any:
        try:
            return load(rest)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise BadValue(
                "", f"what is kept does not have the form of its type ({type(error).__name__})"
            ) from None

    return load_stored
