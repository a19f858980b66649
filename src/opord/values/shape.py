"""An object by its members, each with conversions of its own.

A codec converts a whole value. If one large member of it is known already, only the others need a
conversion. A shape lists the members, and says how each one alone is dumped and loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class ShapePart:
    """A member: its name in rest form, its attribute in the value, and the conversions of its type.

    `kind` names the type, whether it is optional or not. `small` says that no value of the type
    takes more than some dozens of bytes. `checks` says that `dump` leaves the nesting limit to its
    caller.
    """

    name: str
    attribute: str
    kind: str
    small: bool
    checks: bool
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    record: Callable[[], Shape] | None = None

    @cached_property
    def shape(self) -> Shape | None:
        """The members of the member's type, if that is a record."""
        return self.record() if self.record is not None else None


@dataclass(frozen=True, slots=True)
class Shape:
    """The members of an object.

    Its value is an instance of `cls`; without a class, a tuple with an item for each member.
    """

    cls: type[Any] | None
    parts: tuple[ShapePart, ...]

    def values(self, value: Any) -> Sequence[Any]:
        """Return the value of each member."""
        if self.cls is None:
            items: tuple[Any, ...] = value
            return items
        return [getattr(value, part.attribute) for part in self.parts]

    def build(self, values: Sequence[Any]) -> Any:
        """Return the object with these values of its members."""
        if self.cls is None:
            return tuple(values)
        return self.cls(**{part.attribute: value for part, value in zip(self.parts, values, strict=True)})

    def fits(self, value: Any) -> bool:
        """Say whether a value has this object's class or, for a tuple, its length."""
        if self.cls is None:
            return type(value) is tuple and len(value) == len(self.parts)
        return type(value) is self.cls
