"""Errors of compiled codecs for objects that do not have the members of their type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from opord.values.guard import BadValue
from opord.values.scalars import expected


def mapping(value: Any, what: str) -> dict[Any, Any]:
    """Return any mapping as a dict; refuse anything else."""
    if not isinstance(value, Mapping):
        expected(what if what == "map" else f"{what} (an object)", value)
    return dict(value)


def missing(what: str) -> NoReturn:
    """Refuse an object without a member that has no default."""
    raise BadValue("", f"is missing; expected {what}")


def unknown(members: Mapping[Any, Any], names: Sequence[str], what: str) -> NoReturn:
    """Refuse the first member that is not in `names`."""
    name = next(name for name in members if name not in names)
    whole = what.removeprefix("the members of ")
    raise BadValue("", f"{_shown(name)} is not a member of {whole}{_near(name, names)}")


def pick(name: str, variants: Mapping[str, Any], label: str) -> Any:
    """Return the entry of the variant with that name; refuse a name that the type does not have."""
    variant = variants.get(name)
    if variant is None:
        raise BadValue("", f"{_shown(name)} is not a variant of {label}{_near(name, list(variants))}")
    return variant


def _shown(name: object) -> str:
    return (
        f"`{name}`"
        if isinstance(name, str) and len(name) <= 60 and name.isprintable()
        else "a name given here"
    )


def _near(name: object, names: Sequence[str]) -> str:
    near = get_close_matches(str(name)[:60], names, n=1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; it has {', '.join(f'`{one}`' for one in names[:8])}" if names else "; it has no members"
