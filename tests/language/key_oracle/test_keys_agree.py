"""The checker and a judge that tries every path agree on `samekey` in random contracts."""

from __future__ import annotations

from random import Random

import pytest

from opord.language import check_text
from tests.language.key_oracle import judge
from tests.language.key_oracle.comparing import differences
from tests.language.key_oracle.judge import Judge
from tests.random_contracts import random_contract

SEEDS = (*range(64), 128)
"""The judge needs the longest for the last one, of those that it decides."""


@pytest.mark.parametrize("seed", SEEDS)
def test_both_find_the_same_keys_again(seed: int) -> None:
    assert differences(random_contract(Random(seed), promises=0)) == []


def test_a_difference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = next(text for seed in SEEDS if _finds(text := random_contract(Random(seed), promises=0)))
    monkeypatch.setattr(Judge, "again", lambda _: set())
    assert differences(text)


def test_a_contract_with_too_many_paths_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    model = check_text(random_contract(Random(85), promises=0)).model
    monkeypatch.setattr(judge, "STEPS_MAX", 10_000)
    with pytest.raises(judge.Undecided):
        Judge(model).again()


def test_both_ends_of_a_first_commit_turn_up() -> None:
    contracts = (check_text(random_contract(Random(seed), promises=0)).model for seed in SEEDS)
    ends = [again.how for contract in contracts for again in Judge(contract).again()]
    assert min(ends.count("done"), ends.count("refused")) > 5


def _finds(text: str) -> bool:
    return any(finding.rule == "samekey" for finding in check_text(text).diagnostics)
