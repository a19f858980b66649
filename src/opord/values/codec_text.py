"""The source text of conversions of lists and maps, and of the checks that are inlined in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

INLINE: Final = {
    "str": "if type({v}) is not str or not {v}.isascii() or '\\0' in {v}: check_str({v})",
    "int": "if type({v}) is not int or not INT_MIN <= {v} <= INT_MAX: check_int({v})",
    "bool": "if {v} is not True and {v} is not False: check_bool({v})",
    "float": "if type({v}) is not float or {v} - {v} != 0.0: {v} = check_float({v})",
}
"""Checks of a variable `{v}`, inlined: a call for each text of each record would cost more."""


def indent(lines: Sequence[str], columns: int) -> str:
    """Write the lines, each with a newline, indented by `columns` spaces."""
    return "".join(f"{' ' * columns}{line}\n" for line in lines)


def list_source(key: str, operation: str, lines: list[str]) -> str:
    """Write the conversion of a list, whose items `x` the `lines` convert."""
    if operation in ("load", "show") and not lines:
        return f"def {operation}_{key}(v):\n    return v\n"
    if operation == "copy" and not lines:
        return f"def copy_{key}(v):\n    return v[:]\n"
    kinds = "list and type(v) is not tuple" if operation == "accept" else "list"
    return (
        f"def {operation}_{key}(v):\n"
        f"    if type(v) is not {kinds}: expected('list', v)\n"
        f"    out = []\n"
        f"    x = None\n"
        f"    try:\n"
        f"        for x in v:\n{indent([*lines, 'out.append(x)'], 12)}"
        f"    except BadValue as bad:\n"
        f"        raise bad.within(len(out))\n"
        f"    return out\n"
    )


def map_source(key: str, operation: str, lines: list[str]) -> str:
    """Write the conversion of a map, whose values `x` the `lines` convert."""
    if operation in ("load", "show") and not lines:
        return f"def {operation}_{key}(v):\n    return v\n"
    if operation == "copy" and not lines:
        return f"def copy_{key}(v):\n    return dict(v)\n"
    # A map has the same order in memory as at rest, so every reader sees the same order.
    answer = "dict(sorted(out.items()))" if operation == "accept" else "out"
    check = [INLINE["str"].format(v="at")] if operation in ("accept", "dump") else []
    take = (
        "    v = mapping(v, 'map')\n"
        if operation == "accept"
        else "    if type(v) is not dict: expected('map', v)\n"
    )
    return (
        f"def {operation}_{key}(v):\n{take}"
        f"    out = {{}}\n"
        f"    at = None\n"
        f"    try:\n"
        f"        for at, x in v.items():\n{indent([*check, *lines, 'out[at] = x'], 12)}"
        f"    except BadValue as bad:\n"
        f"        raise bad.within(at) if type(at) is str else bad\n"
        f"    return {answer}\n"
    )
