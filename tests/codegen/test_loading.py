"""Programs are made from texts, files and generated modules."""

from __future__ import annotations

import importlib
import inspect
import linecache
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.codegen import write_module
from opord.kernel.program import Program
from opord.language import check_file
from opord.loading import ContractRefused, StaleModule, load_program, load_sources, program_of
from tests.codegen.conftest import GOLDEN

SMALL = """contract Small(n: int) key "k"
initial state Start -> Done | Gone {
  if true { goto Done }
  goto Gone
}
final state Done success
final state Gone failure
"""

PAGES = """contract Pages(cursor: str?, size: int) key size
failure Gone { NoPage(of: str?, number: int) settles }
pure title(of: str?, number: int, mark: str?) -> str
effect read(cursor: str?, size: int, limit: int = 5) -> str fails Gone
action load(page: int = 1, size: int, note: str?) fails Gone { key page }
initial state Reading(cursor: str?, n: int = 0) -> Loading | Failed {
  let text = perform read(cursor, size) else { NoPage(of, number) -> goto Failed(of, number) }
  goto Loading(none, title(text, 1))
}
state Loading(cursor: str?, text: str) -> Done | Failed {
  commit load(1, size) else { NoPage(of, number) -> goto Failed(of, number) }
  goto Done(cursor, text)
}
final state Done(cursor: str?, text: str) success
final state Failed(of: str?, number: int) failure
"""


def test_the_same_text_gives_the_same_module(orders: Any) -> None:
    assert opord.load(GOLDEN / "order.opord") is orders


def test_a_module_on_disk_gives_the_same_program(program: Program) -> None:
    from tests.codegen.golden.order_fulfilment import OrderFulfilment

    made = program_of(OrderFulfilment)
    assert (made.digest, made.sources, made.contract) == (
        program.digest,
        program.sources,
        program.contract,
    )
    assert made.workflow is OrderFulfilment
    assert program_of(OrderFulfilment) is made


def test_a_program_is_made_of_stored_texts_alone(program: Program) -> None:
    assert load_sources(program.sources) is program


def test_used_files_are_named_from_the_contracts_folder(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "types.opord").write_text("record Money { cents: int = 1 }\n")
    contract = 'use "shared/types.opord" { Money }\n' + SMALL.replace("n: int", "n: Money")
    (tmp_path / "small.opord").write_text(contract)
    program = load_program(tmp_path / "small.opord")
    assert [name for name, _ in program.sources] == ["small.opord", "shared/types.opord"]
    assert load_sources(program.sources).digest == program.digest
    assert program.input.dump(program.input.accept({"n": {}})) == {"n": {"cents": 1}}


def test_what_may_be_left_out_can_stand_before_what_may_not(tmp_path: Path) -> None:
    """Python refuses a parameter without a default behind one that has it."""
    (tmp_path / "pages.opord").write_text(PAGES)
    program = load_program(tmp_path / "pages.opord")
    heads = {name: str(inspect.signature(getattr(program.workflow.Handlers, name))) for name in program.calls}
    assert heads == {
        "title": "(self, of: 'str | None', number: 'int', mark: 'str | None' = None) -> 'str'",
        "read": "(self, cursor: 'str | None', size: 'int', limit: 'int' = 5) -> 'Reply[str]'",
        "load": "(self, page: 'int', size: 'int', note: 'str | None' = None, *, call: 'Call') -> 'Reply[None]'",
    }
    start = str(inspect.signature(program.workflow.prepare))
    assert start == "(*, cursor: 'str | None' = None, size: 'int') -> 'Start[Pages.Run]'"


def test_a_contract_with_errors_is_refused_with_its_findings(tmp_path: Path) -> None:
    (tmp_path / "bad.opord").write_text(SMALL.replace("goto Done", "goto Dne"))
    with pytest.raises(ContractRefused, match=r"bad\.opord has errors.*\n.*bad\.opord:3: .*Dne"):
        opord.load(tmp_path / "bad.opord")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("return Goto(", "return  Goto(", "changed after it was generated"),
        ('_SOURCES = {\n    "small.opord": """\\\n', '_SOURCES = {\n    "small.opord": """\\\n\n#\n', ""),
        ('key "k"', 'key "j"', "does not fit the contract"),
    ],
)
def test_an_edited_module_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, reason: str
) -> None:
    (tmp_path / "small.opord").write_text(SMALL)
    result = check_file(tmp_path / "small.opord")
    assert result.contract is not None
    path = write_module(result.contract, result.sources, tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "small", raising=False)
    linecache.clearcache()
    module = importlib.import_module("small")
    if not reason:  # a comment in the contract changes nothing
        assert program_of(module.Small).digest
        return
    with pytest.raises(StaleModule, match=f"{reason}.*opord gen"):
        program_of(module.Small)


def test_a_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        opord.load(tmp_path)
