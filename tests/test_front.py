"""What `import opord` hands out: the names it lists, from where it says, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import opord

SOURCE = ast.parse(Path(opord.__file__).read_text(encoding="utf-8"))


def names_for_type_checkers() -> dict[str, str]:
    """Read the imports that only type checkers see: name to module."""
    return {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(SOURCE)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("opord.")
        for alias in node.names
    }


def test_type_checkers_and_the_running_program_see_the_same_names() -> None:
    assert names_for_type_checkers() == opord._HOMES
    assert set(opord.__all__) == {*opord._HOMES, "__version__"}


@pytest.mark.parametrize("name", sorted(opord.__all__))
def test_every_listed_name_is_there(name: str) -> None:
    value = getattr(opord, name)
    if name in opord._HOMES:
        assert value is getattr(importlib.import_module(opord._HOMES[name]), name)


def test_an_unknown_name_is_told_with_those_that_exist() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Motor'; it has: .*Secret"):
        _ = opord.Motor  # type: ignore[attr-defined]
