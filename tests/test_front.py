"""What `import opord` hands out: the names it lists, from where it says, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import opord
from opord import errors
from opord.drive.errors import EngineError
from opord.stores.base import StoreError

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


def test_an_unknown_name_is_told_with_a_near_one() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Refusd'; did you mean Refused\?"):
        _ = opord.Refusd  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"no attribute 'zzz'; `opord.__all__` has its names"):
        _ = opord.zzz  # type: ignore[attr-defined]


def refusals(base: type[Exception]) -> Iterator[type[Exception]]:
    """Yield a class and all that are made from it in the package."""
    yield base
    for cls in base.__subclasses__():
        yield from refusals(cls)


def test_every_error_that_a_program_can_meet_is_in_one_place() -> None:
    for module in sorted(Path(opord.__file__).parent.glob("[!c]*/**/*.py")):
        text = module.read_text(encoding="utf-8")
        if "(Refused)" in text or "(EngineError)" in text or "(StoreError)" in text:
            importlib.import_module(
                ".".join(module.relative_to(Path(opord.__file__).parent.parent).with_suffix("").parts)
            )
    told = {cls.__name__ for base in (EngineError, StoreError) for cls in refusals(base)}
    inner = {
        "RowDamaged",
        "StoreMisused",
        "StoreMoved",
        "StoreDenied",
        "StoreOtherServer",
        "StoreTwoNames",
        "StoreUnsupported",
        "CopyFromTheFuture",
    }
    assert told - inner <= set(errors.__all__)
    assert set(errors.__all__) <= set(opord.__all__)
    assert all(getattr(errors, name) is getattr(opord, name) for name in errors.__all__)
