"""Good contracts have no findings. One false alarm costs the trust in all other findings."""

from __future__ import annotations

from pathlib import Path

import pytest

import opord
from opord.language.compile import check_file

HERE = Path(__file__).parent / "good"
EXAMPLES = Path(opord.__file__).parent / "examples"
CONTRACTS = [*sorted(HERE.glob("*.opord")), *sorted(EXAMPLES.rglob("*.opord"))]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_a_good_contract_has_no_findings(path: Path) -> None:
    result = check_file(path)
    assert [f"{each.code.id} line {each.place.line}: {each.message}" for each in result.diagnostics] == []
    assert result.contract is not None


def test_there_are_enough_good_contracts() -> None:
    assert len(CONTRACTS) >= 15
