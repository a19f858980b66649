"""The patterns: each is checked strictly, its module is what its contract gives, and its page tells all its promises."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opord.codegen import is_stale, write_module
from opord.language import check_file

PATTERNS = Path(__file__).parents[2] / "examples" / "patterns"
CONTRACTS = sorted(PATTERNS.glob("*/*.opord"))

each = pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.parent.name)


@each
def test_nothing_is_found_in_it(path: Path) -> None:
    assert [found.message for found in check_file(path).diagnostics] == []


@each
def test_its_golden_module_is_what_the_contract_gives(path: Path) -> None:
    result = check_file(path)
    assert result.contract is not None
    if os.environ.get("OPORD_GOLDEN") == "rewrite":
        write_module(result.contract, result.sources, path.parent)
    assert not is_stale(result.contract, result.sources, path.parent), f"opord gen {path} -o {path.parent}"


@each
def test_it_has_handlers_tests_and_a_page_with_all_its_promises(path: Path) -> None:
    folder = path.parent
    assert (folder / "handlers.py").is_file()
    assert (folder / f"test_{folder.name}.py").is_file()
    page = (folder / "README.md").read_text(encoding="utf-8")
    promises = re.findall(r"^ensure .*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert re.findall(r"^ensure .*$", page, re.MULTILINE) == promises
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## The core", "## What it promises", "## Variations", "## What it does not do"]


@each
def test_the_index_counts_its_states_and_promises(path: Path) -> None:
    contract = check_file(path).contract
    assert contract is not None
    index = (PATTERNS / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in index.splitlines() if f"({path.parent.name}/README.md)" in line]
    assert row.endswith(f"| {len(contract.states)} | {len(contract.promises)} |")


def test_together_they_make_all_six_promises() -> None:
    contracts = [check_file(path).contract for path in CONTRACTS]
    kinds = {promise.kind for contract in contracts if contract for promise in contract.promises}
    assert kinds == {
        "at most once",
        "only after",
        "never after",
        "eventually",
        "no wait is endless",
        "every run ends",
    }
