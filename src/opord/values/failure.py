"""The base of all declared failures: exceptions that carry their fields, equal by value."""

from __future__ import annotations

from typing import Any, ClassVar


class Failure(Exception):  # noqa: N818 - a declared failure is a bad outcome, not an error
    """A declared bad outcome of a call.

    Generated code derives one class for each `failure` and, below it, one for each variant. A variant
    takes its fields by position or name; they are read-only.
    """

    opord_type: ClassVar[str] = ""
    opord_variant: ClassVar[str] = ""
    opord_transient: ClassVar[bool] = False
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Failure) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))
