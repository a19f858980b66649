"""Contracts taken apart and put together again, for tests that change one thing at a time."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from opord import contract as ir

KINDS: dict[str, type[Any]] = {
    name: value
    for name, value in vars(ir).items()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value is not ir.Place
}
"""Every kind of node, by name."""


def members(kind: type[Any]) -> list[str]:
    """Return the members of a kind that take part in comparison."""
    return [member.name for member in dataclasses.fields(kind) if member.compare]


def nodes(value: Any) -> Iterator[Any]:
    """Yield every node of a contract, the outermost first."""
    if dataclasses.is_dataclass(value) and not isinstance(value, ir.Place):
        yield value
        for name in members(type(value)):
            yield from nodes(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from nodes(item)


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """Build a contract anew, with `change` made to every node, the innermost first."""
    if isinstance(value, tuple):
        return tuple(rebuilt(item, change) for item in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, ir.Place):
        return value
    parts = {name: rebuilt(getattr(value, name), change) for name in members(type(value))}
    return change(dataclasses.replace(value, **parts))  # type: ignore[type-var]


def replaced(value: Any, number: int, change: Callable[[Any], Any]) -> Any:
    """Build a contract anew, with `change` made to the node of that number in the order of `nodes`."""
    left = number

    def walk(part: Any) -> Any:
        nonlocal left
        if isinstance(part, tuple):
            return tuple(walk(item) for item in part)
        if not dataclasses.is_dataclass(part) or isinstance(part, ir.Place):
            return part
        left -= 1
        if left == -1:
            return change(part)
        parts = {name: walk(getattr(part, name)) for name in members(type(part))}
        return dataclasses.replace(part, **parts)  # type: ignore[type-var]

    return walk(value)
