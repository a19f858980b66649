"""Describe the first difference between the contents of two contracts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from opord.content.form import content
from opord.contract import Contract
from opord.values.canonical import dumps
from opord.values.duration import format_duration

_WORDS = {
    "parameters": "parameter",
    "requires": "require",
    "records": "record",
    "enums": "enum",
    "failures": "failure",
    "roles": "role",
    "excepts": "except",
    "events": "event",
    "pures": "pure",
    "effects": "effect",
    "actions": "action",
    "states": "state",
    "phases": "phase",
    "fields": "field",
    "variants": "variant",
    "handlers": "handler",
    "timers": "timer",
    "arms": "arm",
    "otherwise": "else arm",
    "body": "statement",
    "then": "then statement",
    "arguments": "argument",
    "in_doubt": "in doubt",
}
_LONGEST = 60


class _Difference(NamedTuple):
    """A difference: the path to it, and the values in both contents; `None` is an absent value."""

    way: tuple[str, ...]
    first: Any
    second: Any


def first_difference(stored: Contract, new: Contract) -> str | None:
    """Describe the first difference between the content of two contracts; `None` if there is none.

    For instance "action charge, retry, times: 3 is stored, 5 was given".
    """
    difference = next(_walk((), content(stored), content(new)), None)
    if difference is None:
        return None
    where = ", ".join(difference.way)
    if difference.second is None:
        return f"{where} is stored, and was not given"
    if difference.first is None:
        return f"{where} was given, and is not stored"
    last = difference.way[-1] if difference.way else ""
    first, second = _shown(last, difference.first), _shown(last, difference.second)
    if first is None or second is None:
        return f"{where} is not the same"
    return f"{where}: {first} is stored, {second} was given"


def _walk(way: tuple[str, ...], first: Any, second: Any) -> Iterator[_Difference]:
    nodes = isinstance(first, dict) and isinstance(second, dict) and not (_literal(first) or _literal(second))
    if nodes and _kind(first) == _kind(second):
        for name in dict.fromkeys([*first, *second]):
            yield from _member(way, name, first.get(name), second.get(name))
    elif type(first) is not type(second) or first != second:
        yield _Difference(way, first, second)


def _literal(node: dict[str, Any]) -> str:
    """Return a literal as a contract writes it; the empty text for any other node."""
    match node:
        case {"us": int() as number, **rest} if not rest:
            return format_duration(timedelta(microseconds=number))
        case {"float": str() as text, **rest} | {"decimal": str() as text, **rest} if not rest:
            return text
        case _:  # open: every other object of the form
            return ""


def _kind(node: dict[str, Any]) -> tuple[Any, Any]:
    """Return the kind of a node. Nodes of different kinds are not compared member by member."""
    return node.get("is"), node.get("do")


def _member(way: tuple[str, ...], name: str, first: Any, second: Any) -> Iterator[_Difference]:
    if isinstance(first or second, list):
        yield from _items(way, _WORDS.get(name, name), first or [], second or [])
    else:
        yield from _walk((*way, _WORDS.get(name, name.removesuffix("_us"))), first, second)


def _items(way: tuple[str, ...], word: str, first: list[Any], second: list[Any]) -> Iterator[_Difference]:
    """Compare two lists: items with names by name, other items by position."""
    left, right = _by_label(first), _by_label(second)
    for label in dict.fromkeys([*left, *right]):
        if label not in left or label not in right:
            yield _Difference((*way, f"{word} {label}"), left.get(label), right.get(label))
        else:
            yield from _walk((*way, f"{word} {label}"), left[label], right[label])
    if first != second and [*left] != [*right]:
        yield _Difference((*way, f"the order of each {word}"), [*left], [*right])


def _by_label(items: list[Any]) -> dict[str, Any]:
    """Map labels to items: the name or event of the item, else its position.

    If two items have the same label, the second gets its position added.
    """
    labelled: dict[str, Any] = {}
    for place, item in enumerate(items, 1):
        label = str(place)
        if isinstance(item, str):
            label = item
        elif isinstance(item, dict):
            label = str(item.get("name") or item.get("event") or place)
        if label in labelled:
            label = f"{label} ({place})"
        labelled[label] = item
    return labelled


def _shown(name: str, value: Any) -> str | None:
    """Return a value as text for a message; `None` if the text is not short."""
    if isinstance(value, int) and not isinstance(value, bool) and name in _DURATIONS:
        return format_duration(timedelta(microseconds=value))
    if isinstance(value, dict):
        return _literal(value) or None
    if isinstance(value, list):
        return None
    text = dumps(value)
    return text if len(text) <= _LONGEST else None


_DURATIONS = frozenset({"timeout", "base", "cap", "window", "after", "within", "at_most"})
