"""The page on the public API names every public name, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import opord
from opord import errors, testing

PAGE = (Path(__file__).parent.parent / "docs" / "api.md").read_text(encoding="utf-8")


def names_in(heading: str) -> list[str]:
    """List the names in the first column of the table below a heading."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, flags=re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_public_name_is_on_the_page_once() -> None:
    named = [*names_in("Running and asking"), *names_in("In handlers"), *names_in("Errors")]
    assert sorted(named) == sorted(opord.__all__)


def test_every_error_is_among_the_errors() -> None:
    assert sorted(names_in("Errors")) == sorted(errors.__all__)


def test_the_tools_for_tests_are_on_the_page() -> None:
    assert sorted(names_in("In tests")) == sorted(testing._HOMES)
