"""Say where a declaration of a contract stands, and what is written above it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A range in a file: lines and columns count from 1, columns in code points.

    The end is exclusive.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


NOWHERE = Place("", 0, 0, 0, 0)


def unplaced() -> Any:
    """Give a member of a dataclass for its place, which comparisons ignore."""
    return field(default=NOWHERE, compare=False, repr=False)


def undocumented() -> Any:
    """Give a member of a dataclass for its `##` text, which comparisons ignore."""
    return field(default="", compare=False, repr=False)
