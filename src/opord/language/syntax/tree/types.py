"""Define the nodes for types, as they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from opord.language.syntax.tree.basics import Name, Span, Unparsed


@dataclass(slots=True)
class NamedType:
    """`int`, `datetime`, `Order`: a built-in or declared type by its name."""

    name: Name
    span: Span


@dataclass(slots=True)
class ListType:
    """`list[T]`."""

    element: TypeNode
    span: Span


@dataclass(slots=True)
class MapType:
    """`map[K, V]`."""

    key: TypeNode
    value: TypeNode
    span: Span


@dataclass(slots=True)
class OptionalType:
    """`T?`."""

    inner: TypeNode
    span: Span


@dataclass(slots=True)
class SecretType:
    """`secret T`.

    `secret` binds more strongly than `?`: `secret str?` is an optional of a secret.
    """

    inner: TypeNode
    span: Span


TypeNode: TypeAlias = NamedType | ListType | MapType | OptionalType | SecretType | Unparsed
