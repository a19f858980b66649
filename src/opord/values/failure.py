"""Declared failures: exceptions that carry their fields, equal by value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, TypeVar, dataclass_transform

FailureT = TypeVar("FailureT", bound="Failure")


class Failure(Exception):
    """A declared bad outcome of a call.

    Generated code derives one class for each `failure` and, below it, one for each variant. A
    variant takes its fields by position or name; they are read-only.
    """

    opord_type: ClassVar[str] = ""
    opord_variant: ClassVar[str] = ""
    opord_transient: ClassVar[bool] = False
    opord_settles: ClassVar[bool] = False
    opord_wait: ClassVar[str] = ""
    opord_wait_at_most: ClassVar[timedelta | None] = None
    opord_defaults: ClassVar[Mapping[str, Any]] = {}
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Failure) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(type(self))  # its fields may be lists

    def __str__(self) -> str:
        name = ".".join(part for part in (self.opord_type, self.opord_variant) if part) or type(self).__name__
        fields = ", ".join(f"{field}={getattr(self, field)!r}" for field in self.__match_args__)
        return f"{name}({fields})" if fields else name

    __repr__ = __str__


@dataclass_transform(frozen_default=True)
def variant(
    name: str,
    *,
    transient: bool = False,
    settles: bool = False,
    wait: str = "",
    wait_at_most: timedelta | None = None,
) -> Callable[[type[FailureT]], type[FailureT]]:
    """Make a subclass of a failure one of its variants, with its annotations as read-only fields.

    The class is called `PaymentError_Declined`, and becomes `PaymentError.Declined`. `wait` is the
    field that says how long to wait before the next attempt; a longer wait counts as
    `wait_at_most`.
    """

    def finish(cls: type[FailureT]) -> type[FailureT]:
        failure = cls.__mro__[1]
        fields = tuple(inspect.get_annotations(cls))
        defaults = {field: cls.__dict__[field] for field in fields if field in cls.__dict__}
        cls.opord_type = failure.__name__
        cls.opord_variant = name
        cls.opord_transient = transient
        cls.opord_settles = settles
        cls.opord_wait = wait
        cls.opord_wait_at_most = wait_at_most
        cls.opord_defaults = defaults
        cls.__match_args__ = fields  # type: ignore[misc]
        cls.__init__ = _init_of(name, fields, defaults)  # type: ignore[method-assign]
        for position, field in enumerate(fields):
            setattr(cls, field, _field_at(position))
        attach(failure, cls)
        return cls

    return finish


def attach(owner: type[Any], cls: type[Any]) -> None:
    """Make `Owner_Name`, a variant of `Owner`, available and shown as `Owner.Name`."""
    name = cls.__name__.removeprefix(f"{owner.__name__}_")
    setattr(owner, name, cls)
    cls.__name__ = name
    cls.__qualname__ = f"{owner.__qualname__}.{name}"


def _init_of(name: str, fields: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    def __init__(self: Failure, *args: Any, **named: Any) -> None:  # noqa: N807 - it becomes one
        values = dict(zip(fields, args, strict=False))
        if len(args) > len(fields) or values.keys() & named.keys() or named.keys() - set(fields):
            raise TypeError(
                f"{name} takes ({', '.join(fields)}), got {len(args)} by position and {sorted(named)}"
            )
        values |= named
        missing = [field for field in fields if field not in values and field not in defaults]
        if missing:
            raise TypeError(f"{name} needs {', '.join(missing)}")
        # The fields are the exception's `args`, so that it can be copied and pickled as usual.
        Exception.__init__(self, *(values[field] if field in values else defaults[field] for field in fields))

    return __init__


def _field_at(position: int) -> property:
    def value(self: Failure) -> Any:
        return self.args[position]

    return property(value)
