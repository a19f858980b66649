"""Read the `ensure` lines of a contract by their words only."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORMS = [
    ("at most once", re.compile(r"ensure (?P<x>.+) at most once")),
    ("only after", re.compile(r"ensure (?P<x>.+) only after (?P<y>.+)")),
    ("never after", re.compile(r"ensure never (?P<x>.+) after (?P<y>.+)")),
    ("eventually", re.compile(r"ensure after (?P<y>.+) eventually (?P<x>.+)")),
    ("no wait is endless", re.compile(r"ensure no wait is endless")),
    ("every run ends", re.compile(r"ensure every run ends(?: within (?P<within>\w+))?")),
]


@dataclass(frozen=True)
class Promise:
    """An `ensure` line: its form, its X and Y, its limit, its line number (from 1), its text."""

    form: str
    x: frozenset[str]
    y: frozenset[str]
    within: str | None
    line: int
    text: str


def promises_of(text: str) -> list[Promise]:
    """List the promises of a contract. Each promise must be on a line of its own."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("ensure "):
            found.append(_read(line.strip(), number))
    return found


def _read(line: str, number: int) -> Promise:
    for form, pattern in _FORMS:
        said = pattern.fullmatch(line)
        if said is not None:
            parts = said.groupdict()
            return Promise(
                form, _names(parts.get("x")), _names(parts.get("y")), parts.get("within"), number, line
            )
    raise AssertionError(f"no promise: {line}")


def _names(said: str | None) -> frozenset[str]:
    return frozenset(said.split(" or ")) if said else frozenset()


def without_promises(text: str) -> str:
    """Blank the `ensure` lines, so that a contract with broken promises can be run."""
    return "".join("\n" if line.startswith("ensure ") else line for line in text.splitlines(keepends=True))
