"""Find the places of a contract that hold an expression or a type, and put another one there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def placed(whole: Any, union: str, instead: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the whole with another member in a place, once for each kind of place.

    The places are those that hold a member of the union.

    A place is a member of a data class that is declared with the union's name. The name of its kind
    has the class above it, its own class and the member: `RecordType.Field.type`. A place inside
    another has the names of both: `State.Let.value > Binary.left`. Only the first place of each
    kind is used.
    """
    found: dict[str, Any] = {}
    for name, path, value in _places(whole, re.compile(rf"\b{union}\b"), ("", "")):
        if name not in found:
            found[name] = _with(whole, path, instead(value))
    return found


def _places(
    node: Any, union: re.Pattern[str], above: tuple[str, str], top: str = ""
) -> Iterator[tuple[str, Path, Any]]:
    """Yield each place below a node: its name, the path to it, and its value.

    `top` is the outermost place that contains it.
    """
    if not dataclasses.is_dataclass(node):
        return
    own = (above[1], type(node).__name__)
    for member in dataclasses.fields(node):
        here = ".".join((*own[bool(top or not above[1]) :], member.name))
        for path, part in _parts(getattr(node, member.name), (member.name,)):
            is_place = dataclasses.is_dataclass(part) and union.search(str(member.type)) is not None
            if is_place:
                yield f"{top} > {here}" if top else here, path, part
            for name, further, value in _places(part, union, own, top or (here if is_place else "")):
                yield name, (*path, *further), value


def _parts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield the values of a member: the value itself, or the items of its lists and tuples."""
    if isinstance(value, tuple | list):
        for index, inner in enumerate(value):
            yield from _parts(inner, (*path, index))
    else:
        yield path, value


def _with(node: Any, path: Path, value: Any) -> Any:
    """Return a copy of a node with another value at one place."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = [_with(item, rest, value) if index == step else item for index, item in enumerate(node)]
        return type(node)(items)
    return dataclasses.replace(node, **{step: _with(getattr(node, step), rest, value)})
