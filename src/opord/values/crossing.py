"""Read values of other classes by name and content.

Two versions of a contract have classes of their own, and so have two loads of one version. Handlers
may serve both, so a value that comes from one of them is known by its name and its members, and
never by its Python class. A member that only the other class has is left out if it has its default
there.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from opord.values.codec_refusals import mapping
from opord.values.failure import Failure
from opord.values.sums import Sum

_NONE: Any = object()


def members_of(value: Any, what: str, cls: type[Any], names: Mapping[str, str]) -> dict[Any, Any]:
    """Return the members of a mapping, or of a struct that is called like `cls`.

    Anything else is refused. `names` has the name in JSON of each attribute of `cls`.
    """
    if isinstance(value, msgspec.Struct) and is_called_like(value, cls):
        return _members(value, names)
    return mapping(value, what)


def variant_of(value: Any, variants: Mapping[str, tuple[str, Mapping[str, str]]]) -> dict[Any, Any] | None:
    """Return a variant of another class as an object with its name under `type`.

    `variants` has, by the name of its class, each variant's name in JSON and the names of its
    attributes. The result is None if the value is not a variant of a contract's type.
    """
    if not isinstance(value, Sum | Failure):
        return None
    class_name = variant_class(type(value)).__qualname__
    name, names = variants.get(class_name, (class_name, {}))
    return {**_members(value, names), "type": name}


def variant_class(cls: type[Any]) -> type[Any]:
    """Return the contract's variant that a class is, or is derived from by the user's own code."""
    return next((one for one in cls.__mro__ if one.__dict__.get("opord_variant")), cls)


def name_of(value: Any, type_name: str) -> Any:
    """Return the name of a variant without fields of the enum `type_name`.

    Any other value is returned as it is. An enum without fields is an `enum.Enum`, and has classes
    for its variants once one has fields.
    """
    if isinstance(value, enum.Enum) and type(value).__qualname__ == type_name:
        return value.value
    if isinstance(value, Sum) and type(value).__mro__[1].__qualname__ == type_name:
        return value.opord_variant if not _members(value, {}) else value
    return value


def is_called_like(value: Any, cls: type[Any]) -> bool:
    """Say whether the class of a value has the same name as `cls`, whichever module it is in."""
    return type(value).__qualname__ == cls.__qualname__


def _members(value: Any, names: Mapping[str, str]) -> dict[Any, Any]:
    return {
        names.get(attribute, attribute): member
        for attribute, member, default in _attributes(value)
        if attribute in names or not _equal(member, default)
    }


def _attributes(value: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the attributes of a struct or failure with their values and defaults."""
    if isinstance(value, Failure):
        for name in variant_class(type(value)).__match_args__:
            yield name, getattr(value, name), value.opord_defaults.get(name, _NONE)
        return
    fields, defaults = value.__struct_fields__, value.__struct_defaults__
    required = len(fields) - len(defaults)
    for number, name in enumerate(fields):
        default = defaults[number - required] if number >= required else _NONE
        factory = getattr(default, "factory", None)
        yield name, getattr(value, name), factory() if factory is not None else default


def _equal(member: Any, default: Any) -> bool:
    return type(member) is type(default) and bool(member == default)
