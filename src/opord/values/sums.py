"""Enums whose variants carry fields, as classes. Enums without fields are plain `enum.Enum`s."""

from __future__ import annotations

from typing import Any, ClassVar

from opord.values.failure import attach


class Sum:
    """The base of an enum with fields. Each variant is a frozen struct derived from it.

    A variant's class is called `Shape_Circle`, and becomes `Shape.Circle`.
    """

    __slots__ = ()
    opord_variant: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.opord_variant:
            attach(cls.__mro__[1], cls)
