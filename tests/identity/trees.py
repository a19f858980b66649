"""Take contracts apart and build them again, for tests that change one thing at a time."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from opord import contract as ir

KINDS: dict[str, type[Any]] = {
    name: value
    for name, value in vars(ir).items()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value is not ir.Place
}
"""Every kind of node, by name."""


def members(kind: type[Any]) -> list[str]:
    """Return the members of a kind that comparisons use."""
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
    """Build a copy of a contract, with `change` applied to every node, the innermost first."""
    if isinstance(value, tuple):
        return tuple(rebuilt(item, change) for item in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, ir.Place):
        return value
    parts = {name: rebuilt(getattr(value, name), change) for name in members(type(value))}
    return change(dataclasses.replace(value, **parts))  # type: ignore[type-var]


def replaced(value: Any, number: int, change: Callable[[Any], Any]) -> Any:
    """Build a copy of a contract, with `change` applied to one node, by its number in `nodes`."""
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


def shuffled(contract: ir.Contract, rng: Random) -> ir.Contract:
    """Return a contract with declarations, state fields and `goto` arguments in another order."""

    def mixed(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(rng.sample(items, len(items)))

    def change(node: Any) -> Any:
        match node:
            case ir.Contract():
                lists = (
                    "records",
                    "enums",
                    "failures",
                    "roles",
                    "events",
                    "pures",
                    "effects",
                    "actions",
                    "states",
                    "phases",
                )
                return dataclasses.replace(node, **{name: mixed(getattr(node, name)) for name in lists})
            case ir.State():
                return dataclasses.replace(node, fields=mixed(node.fields), targets=mixed(node.targets))
            case ir.Goto():
                return dataclasses.replace(node, args=mixed(node.args))
            case ir.Phase():
                return dataclasses.replace(node, states=mixed(node.states))
            case _:
                return node

    changed: ir.Contract = rebuilt(contract, change)
    return changed


def renamed(contract: ir.Contract) -> ir.Contract:
    """Return a contract in which every binding has another name."""

    def new(name: str | None) -> str | None:
        return None if name is None else f"{name}_zz"

    def change(node: Any) -> Any:
        match node:
            case (
                ir.Var(origin="binding")
                | ir.Let()
                | ir.Call()
                | ir.OkPattern()
                | ir.SomePattern()
                | ir.ElsePattern()
            ):
                return dataclasses.replace(node, name=new(node.name))
            case ir.EventHandler():
                return dataclasses.replace(node, names=tuple(map(new, node.names)))
            case ir.VariantPattern():
                return dataclasses.replace(
                    node, names=tuple((field, new(name)) for field, name in node.names)
                )
            case _:
                return node

    changed: ir.Contract = rebuilt(contract, change)
    return changed
