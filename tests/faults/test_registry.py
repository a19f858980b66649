"""The registry is true: each number once, each named test exists, and the page agrees with it."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from functools import cache

import pytest

from tests.faults.page import page
from tests.faults.registry import ALWAYS, FAULTS, FOUND, PAGE, ROOT, Named

EVERY = pytest.mark.parametrize("named", [*FAULTS, *FOUND, *ALWAYS], ids=lambda named: named.number)
SKIPS = ("skip", "skipif", "xfail")


@cache
def collected_of(file: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the tests of a file, by the names that pytest gives them within the file."""
    found: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else [node]
        before = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for one in inside:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_"):
                found[before + one.name] = one
    return found


def test_every_number_occurs_once_and_in_order() -> None:
    assert [one.number for one in FAULTS] == [f"C{number}" for number in range(1, 25)]
    assert [one.number for one in FOUND] == [f"F{number}" for number in range(1, 22)]
    assert [one.number for one in ALWAYS] == [str(number) for number in range(1, 24)]


@EVERY
def test_each_entry_has_tests_or_says_what_is_missing(named: Named) -> None:
    assert named.tests or named.absent
    assert bool(named.tests) == bool(named.then), "what is true after it is said of what is tested"


@EVERY
def test_each_named_test_exists_and_is_not_skipped(named: Named) -> None:
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"][
        "testpaths"
    ]
    for test in named.tests:
        file, _, name = test.partition("::")
        assert file.split("/")[0] in paths
        assert re.fullmatch(r"test_\w+\.py", file.rpartition("/")[2]), f"{file} is not collected"
        assert name in collected_of(file), f"{test} is not there"
        marks = [ast.unparse(mark) for mark in collected_of(file)[name].decorator_list]
        assert not [mark for mark in marks if any(skip in mark for skip in SKIPS)]


@pytest.mark.parametrize("named", [*FAULTS, *ALWAYS], ids=lambda named: named.number)
def test_each_test_with_a_number_is_named(named: Named) -> None:
    crash = named.number.startswith("C")
    file = f"tests/faults/test_named_{'crashes' if crash else 'invariants'}.py"
    prefix = f"test_{'c' if crash else 'i'}{int(named.number.lstrip('C')):02}_"
    bearing = {f"{file}::{name}" for name in collected_of(file) if name.startswith(prefix)}
    assert bearing == {test for test in named.tests if test.startswith(f"{file}::")}


@pytest.mark.golden
def test_the_page_is_what_the_registry_says() -> None:
    if os.environ.get("OPORD_GOLDEN") == "rewrite":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text("utf-8") == page(), "make golden"
