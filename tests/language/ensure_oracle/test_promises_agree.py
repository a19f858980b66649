"""The checker decides promises as the kernel's runs do, on random contracts.

Thousands at a time: `python -m tests.language.ensure_oracle --contracts 5000`.
"""

from __future__ import annotations

from random import Random

import pytest

from opord.language import check_text
from tests.language.ensure_oracle import compare as module
from tests.language.ensure_oracle import promises_of
from tests.language.ensure_oracle.compare import compare, compare_seed, fresh_seed
from tests.random_contracts import random_contract

SEEDS = 100


@pytest.mark.parametrize("first", [0, None], ids=["seeds that stay", "seeds of today"])
def test_the_checker_and_the_runs_agree(first: int | None) -> None:
    first = fresh_seed() if first is None else first
    told = [each for seed in range(first, first + SEEDS) for each in compare_seed(seed)]
    assert not told, f"{len(told)} disagreements, the first of them:\n{told[0]}"


def test_a_checker_that_errs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding that is not made is told, and a story of a run that cannot be."""
    text = next(text for seed in range(100) if len(_broken(text := random_contract(Random(seed)))) > 1)
    assert compare(text) == []
    broken = _broken(text)
    kept = "\n".join("" if number in broken else line for number, line in enumerate(text.splitlines(), 1))
    assert len(promises_of(kept)) < len(promises_of(text))
    real = check_text
    monkeypatch.setattr(module, "check_text", lambda _: real(kept))
    assert {each.why for each in compare(text)} == {"the verdicts differ"}
    monkeypatch.setattr(module, "states_of", lambda finding: ("Nowhere",))
    monkeypatch.setattr(module, "check_text", real)
    assert {each.why for each in compare(text)} == {"no run through Nowhere breaks it"}


def _broken(text: str) -> set[int]:
    return {error.place.line for error in check_text(text).errors}
