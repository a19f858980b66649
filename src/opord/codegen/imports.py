"""The imports of a generated module, and their names in it."""

from __future__ import annotations

import builtins
from collections.abc import Collection
from typing import Final

_HOMES: Final = {
    "abstractmethod": "abc",
    "date": "datetime",
    "datetime": "datetime",
    "timedelta": "datetime",
    "Decimal": "decimal",
    "Enum": "enum",
    "Any": "typing",
    "ClassVar": "typing",
    "Protocol": "typing",
    "TypeAlias": "typing",
    "UUID": "uuid",
}

RUNTIME: Final = "opord.generated"
"""The home of all other names."""


class Imports:
    """Collects the imports of a module.

    If a type of the contract has the same name, or a name in scope hides the import, the import
    gets a name that starts with `_`. No name of a contract starts with `_`.
    """

    def __init__(self, own_names: Collection[str]) -> None:
        self._own_names = frozenset(own_names)
        self._used: set[tuple[str, str, str]] = set()
        self._aliases: set[str] = set()

    def use(self, name: str, hidden: Collection[str] = ()) -> str:
        """Return how to write an imported or built-in name in a scope with these hidden names."""
        if name in vars(builtins):
            if name not in self._own_names and name not in hidden:
                return name
            self._used.add(("builtins", name, f"_{name}"))
            return f"_{name}"
        local = f"_{name}" if name in self._own_names or name in hidden else name
        self._used.add((_HOMES.get(name, RUNTIME), name, local))
        return local

    def own(self, name: str, hidden: Collection[str] = ()) -> str:
        """Return how to write a class of the module itself in a scope with these hidden names."""
        if name not in hidden:
            return name
        self._aliases.add(name)
        return f"_{name}"

    def aliases(self) -> list[str]:
        """List the module's own classes that a scope hides."""
        return sorted(self._aliases)

    def used(self) -> list[tuple[str, str, str]]:
        """List the imports: the module, the name there, the name here."""
        return sorted(self._used)

    def lines(self) -> list[str]:
        """Write the imports in order, the standard library first."""
        standard = sorted({home for home, _, _ in self._used if home != RUNTIME})
        groups = [self._import(home) for home in standard]
        runtime = self._import(RUNTIME) if any(home == RUNTIME for home, _, _ in self._used) else []
        lines = [line for group in groups for line in group]
        return [*lines, *([""] if lines and runtime else []), *runtime]

    def _import(self, home: str) -> list[str]:
        # Each aliased name has its own line, as import sorters require.
        plain = [name for at, name, local in self._used if at == home and name == local]
        renamed = [(name, local) for at, name, local in self._used if at == home and name != local]
        plain.sort(key=lambda name: (name[0].islower(), name))
        lines = _from(home, plain) if plain else []
        for name, local in sorted(renamed, key=lambda pair: (pair[0][0].islower(), pair[0])):
            lines.append(f"from {home} import {name} as {local}")
        return lines


def _from(home: str, names: list[str]) -> list[str]:
    line = f"from {home} import {', '.join(names)}"
    if len(line) <= 110:
        return [line]
    return [f"from {home} import (", *(f"    {name}," for name in names), ")"]
