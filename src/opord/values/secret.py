"""Values that are passed on and never shown."""

from __future__ import annotations

from typing import Final, Generic, NoReturn, SupportsIndex, TypeVar

T = TypeVar("T")

SHOWN: Final = "[secret]"
"""The text that is shown instead of a secret."""


class Secret(Generic[T]):
    """A `secret T`: contains a value that no text, log or traceback shows.

    Two secrets are equal if their values are. The hash reveals nothing about the value. Pickling is
    refused, since it would write the value in clear.
    """

    __slots__ = ("__value",)

    def __init__(self, value: T) -> None:
        self.__value = value

    def reveal(self) -> T:
        """Return the value itself. Do not log it."""
        return self.__value

    def __repr__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return bool(self.__value == other.__value)

    def __hash__(self) -> int:
        return hash(Secret)

    def __copy__(self) -> Secret[T]:
        return self

    def __deepcopy__(self, memo: object) -> Secret[T]:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: that would write its value in clear")
