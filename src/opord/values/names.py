"""Names of a contract as valid Python names."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable
from typing import Final

RESERVED_IN_ENUMS: Final = frozenset({"mro", "name", "value"})
"""Names that a member of an `enum.Enum` cannot have, or that would hide what every member has."""

RESERVED_IN_VARIANTS: Final = frozenset(
    {
        "args",
        "with_traceback",
        "add_note",
        "opord_type",
        "opord_variant",
        "opord_transient",
        "opord_settles",
        "opord_wait",
        "opord_wait_at_most",
        "opord_defaults",
    }
)
"""Names that exceptions and our own variants already use for something else."""


def python_names(names: Iterable[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """Give each name its Python form, with `_` appended if Python or `reserved` has that word.

    Names of one group stay distinct: next to a field `class_`, a field `class` becomes `class__`.
    """
    wanted = list(names)
    taken = set(wanted)
    forms: dict[str, str] = {}
    for name in wanted:
        form = name
        if keyword.iskeyword(name) or name in reserved:
            form = f"{name}_"
            while form in taken or form in reserved:
                form += "_"
            taken.add(form)
        forms[name] = form
    return forms


def member_names(names: Iterable[str]) -> dict[str, str]:
    """Give the fields of a variant their names in JSON, in which `type` names the variant."""
    wanted = list(names)
    forms = {name: name for name in wanted}
    if "type" in forms:
        form = "type_"
        while form in forms:
            form += "_"
        forms["type"] = form
    return forms
