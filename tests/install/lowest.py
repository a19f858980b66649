"""The lowest versions that `pyproject.toml` declares, as constraints that pip can read.

What is for users (the core and their extras) stands at its lower bound. All else, such as the tools
of the tests, stands as `constraints.txt` pins it, with three exceptions. The newest plugins of
pytest ask for a newer pytest, and the newest FastAPI for a newer Starlette. A package that an extra
of another adds, such as `psycopg-binary`, has the version of that other one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent.parent

NEWER_THAN_THE_LOWEST: Final = ("pytest-", "fastapi")
"""How the names of packages begin whose newest version asks for more than the lowest of others."""

OF_DEVELOPERS: Final = ("dev", "fuzz")
"""The extras that nobody needs to use Opord; their versions are those of `constraints.txt`."""

_BOUND: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[\w,-]+)\])?>=(?P<version>[0-9][\w.]*)(?:;.*)?"
)
_PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")


def project() -> dict[str, Any]:
    """Read what `pyproject.toml` says of the project."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def lower_bounds(declared: Mapping[str, Any]) -> dict[str, str]:
    """Return the lowest version of each package that the core and the users' extras declare.

    Raises:
        ValueError: a dependency has no lower bound, or two that differ.
    """
    bounds: dict[str, str] = {}
    for found in _bounded(declared):
        name, version = _normal(found["name"]), found["version"]
        if bounds.setdefault(name, version) != version:
            raise ValueError(f"{name} has two lower bounds: {bounds[name]} and {version}")
    return bounds


def constraints(declared: Mapping[str, Any], pinned: str) -> str:
    """Return constraints with each declared package at its lower bound, all others as pinned."""
    pins = {_normal(found["name"]): found["version"] for found in _PIN.finditer(pinned)}
    free = set(_added_by_extras(declared))
    pins = {
        name: version
        for name, version in pins.items()
        if name not in free and not name.startswith(NEWER_THAN_THE_LOWEST)
    }
    return "".join(
        f"{name}=={version}\n" for name, version in sorted((pins | lower_bounds(declared)).items())
    )


def _added_by_extras(declared: Mapping[str, Any]) -> Iterator[str]:
    """Yield the packages that are named for an extra: `psycopg-binary` for `psycopg[binary]`."""
    for found in _bounded(declared):
        for extra in (found["extras"] or "").split(","):
            yield _normal(f"{found['name']}-{extra}")


def _bounded(declared: Mapping[str, Any]) -> Iterator[re.Match[str]]:
    """Match each dependency of users.

    Raises:
        ValueError: one has no lower bound.
    """
    for line in _requirements(declared):
        found = _BOUND.fullmatch(line)
        if found is None:
            raise ValueError(f"expected a dependency with a lower bound, as in `click>=8.3`, got: {line}")
        yield found


def _requirements(declared: Mapping[str, Any]) -> Iterator[str]:
    own = f"{declared['name']}["
    yield from declared["dependencies"]
    for extra, lines in declared["optional-dependencies"].items():
        if extra not in OF_DEVELOPERS:
            yield from (line for line in lines if not line.startswith(own))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
