"""Places in a delivery: `body.data.object.id`, `headers.x-github-event`, `body.lines.0.sku`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from opord.server.webhooks.schemes import Headers

ABSENT: Final = object()
"""What stands at a place that a delivery does not have."""

TEXT: Final = "text:"
"""Begins a text that is given as it is, in place of a place."""

_HEADER: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")


class Delivery(NamedTuple):
    """A delivery whose signature was verified: its id, its headers, and its body as plain data."""

    id: str
    headers: Headers
    body: Any


class Place(NamedTuple):
    """A place: in the body, by names and numbers of list elements, or a header by its name."""

    path: tuple[str, ...]
    header: str = ""

    def __str__(self) -> str:
        return f"headers.{self.header}" if self.header else ".".join(("body", *self.path))

    def of(self, delivery: Delivery) -> Any:
        """Return what stands there; `ABSENT` if nothing does, or if a header comes twice."""
        if self.header:
            values = delivery.headers.get(self.header.encode(), ())
            return values[0].decode("latin-1") if len(values) == 1 else ABSENT
        found = delivery.body
        for step in self.path:
            found = _below(found, step)
        return found


class Constant(NamedTuple):
    """A value that every delivery has."""

    value: Any

    def of(self, delivery: Delivery) -> Any:
        """Return the value."""
        return self.value


class Members(NamedTuple):
    """An object that is put together: each member from its own place."""

    members: Mapping[str, Source]

    def of(self, delivery: Delivery) -> Any:
        """Return the object. A member whose place is absent is left out."""
        found = {name: source.of(delivery) for name, source in self.members.items()}
        return {name: value for name, value in found.items() if value is not ABSENT}


Source = Place | Constant | Members
"""Where a value comes from."""


def place_of(text: str) -> Place:
    """Read a place.

    Raises:
        ValueError: it has another form.
    """
    kind, _, rest = text.partition(".")
    if kind == "headers" and _HEADER.fullmatch(rest.lower()):
        return Place((), rest.lower())
    steps = tuple(rest.split(".")) if rest else ()
    if kind == "body" and all(steps) and not text.endswith("."):
        return Place(steps)
    raise ValueError(f"expected a place such as `body.data.id` or `headers.x-event`, got: {text!r}")


def source_of(given: Any) -> Source:
    """Read where a value comes from: a place, a number, true or false, `text:…`, or a table.

    Raises:
        ValueError: it has another form.
    """
    if isinstance(given, str):
        return Constant(given.removeprefix(TEXT)) if given.startswith(TEXT) else place_of(given)
    if isinstance(given, bool | int | float):
        return Constant(given)
    if isinstance(given, Mapping):
        return Members({str(name): source_of(one) for name, one in given.items()})
    raise ValueError(
        f"expected a place such as `body.data.id`, a number, true or false, or `{TEXT}…`, got: {given!r}"
    )


def _below(found: Any, step: str) -> Any:
    if isinstance(found, dict):
        return found.get(step, ABSENT)
    if isinstance(found, list) and step.isdecimal() and len(step) < 10 and int(step) < len(found):
        return found[int(step)]
    return ABSENT
