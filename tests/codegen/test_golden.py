"""Whole generated modules beside their contracts; `make golden` rewrites them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opord.codegen import generate, is_stale, module_name, write_module
from opord.language import check_file

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
CONTRACTS = sorted(GOLDEN.glob("*.opord"))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_a_golden_module_is_what_its_contract_gives(path: Path) -> None:
    result = check_file(path)
    assert result.contract is not None, result.diagnostics
    golden = GOLDEN / f"{module_name(result.contract)}.py"
    text = generate(result.contract, result.sources)
    if os.environ.get("OPORD_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_no_machine_is_named_in_a_module(path: Path) -> None:
    result = check_file(path)
    assert result.contract is not None
    assert str(ROOT) not in generate(result.contract, result.sources)


def test_a_formatter_leaves_golden_modules_alone() -> None:
    checked = _tool("ruff", "format", "--check", "--isolated", "--line-length=110", *_modules())
    assert checked.returncode == 0, checked.stdout


def test_type_checkers_pass_golden_modules_and_typed_usage() -> None:
    # This is mypy. For pyright, `tests/typing` includes the golden module.
    checked = _tool("mypy", "--strict", "--explicit-package-bases", *_modules(), "tests/typing/api.py")
    assert checked.returncode == 0, checked.stdout
    checked = _tool("pyright", "--pythonpath", sys.executable, *_modules(), "tests/typing/api.py")
    assert checked.returncode == 0, checked.stdout


def test_type_checkers_find_what_is_wrong_and_nothing_else() -> None:
    usage = Path(__file__).parent / "wrong_usage.py"
    lines = usage.read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if "# wrong" in line}
    name = str(usage.relative_to(ROOT))
    found = _tool(
        "mypy", "--strict", "--explicit-package-bases", "--no-error-summary", name
    ).stdout.splitlines()
    assert {int(line.split(":")[1]) for line in found if ": error:" in line} == wrong, "\n".join(found)
    found = _tool("pyright", "--pythonpath", sys.executable, name).stdout.splitlines()
    assert {int(line.split(":")[1]) for line in found if " - error:" in line} == wrong, "\n".join(found)


def test_a_module_is_written_once_and_stale_when_it_differs(tmp_path: Path) -> None:
    result = check_file(GOLDEN / "order.opord")
    assert result.contract is not None
    assert is_stale(result.contract, result.sources, tmp_path)
    path = write_module(result.contract, result.sources, tmp_path / "made")
    assert path.name == "order_fulfilment.py"
    assert not is_stale(result.contract, result.sources, tmp_path / "made")
    path.write_text(path.read_text() + "\n# a note\n")
    assert is_stale(result.contract, result.sources, tmp_path / "made")


def _modules() -> list[str]:
    return [str(path.relative_to(ROOT)) for path in sorted(GOLDEN.glob("*.py"))]


def _tool(name: str, *args: str) -> subprocess.CompletedProcess[str]:
    # The tools are beside the interpreter. Each gets all its settings, so the present folder does
    # not matter.
    command = [str(Path(sys.executable).parent / name), *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
