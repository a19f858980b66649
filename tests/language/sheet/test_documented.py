"""`docs/sheet.md` names every field of the sheet as data, and no other."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from opord.language.sheet import model

PAGE = Path(__file__).parents[3] / "docs" / "sheet.md"
NODES = [
    node
    for node in vars(model).values()
    if isinstance(node, type) and dataclasses.is_dataclass(node) and node.__module__ == model.__name__
]


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_the_page_names_the_fields_of(node: type) -> None:
    title = node.__name__.removesuffix("Sheet") or "Sheet"
    (_, found) = PAGE.read_text(encoding="utf-8").split(f"\n### {title}\n", 1)
    section = re.split(r"\n##+ ", found, maxsplit=1)[0]
    named = [
        name
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(named) == sorted(field.name for field in dataclasses.fields(node))


def test_the_page_says_the_number_of_the_format() -> None:
    assert f"Its `format` is {model.FORMAT}." in PAGE.read_text(encoding="utf-8")
