"""Random contracts are accepted, differ, and among them have everything that a contract can have."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from opord.language import check_text, words
from tests.random_contracts import FEATURES, features, random_contract
from tests.random_contracts.write import accepted, draft

SEEDS = range(250)


def test_nothing_but_a_promise_is_refused() -> None:
    for seed in SEEDS[:50]:
        text = random_contract(Random(seed))
        found = check_text(text)
        wrong = [error.message for error in found.errors if error.rule != "ensure"]
        assert not wrong, f"seed {seed}: {wrong}\n{text}"
        assert 2 <= len(found.model.states) <= 7
        assert len(found.model.promises) == 7


def test_the_same_seed_gives_the_same_contract() -> None:
    assert random_contract(Random(5)) == random_contract(Random(5))
    assert len({random_contract(Random(seed), promises=0) for seed in SEEDS[:20]}) == 20


def test_without_promises_a_contract_can_be_loaded() -> None:
    assert check_text(random_contract(Random(1), promises=0)).contract is not None


def test_most_drafts_are_accepted() -> None:
    """Else what is left would be what the checker happens to let through, and no fair choice."""
    drafts = [draft(Random(seed), promises=0) for seed in SEEDS]
    assert sum(text is not None and accepted(text) for text in drafts) > len(SEEDS) * 0.6


@pytest.mark.parametrize(
    "word", sorted({*words.texts("policy"), *words.texts("doubt"), *words.texts("statement")})
)
def test_every_policy_and_statement_of_the_language_turns_up(word: str) -> None:
    texts = (random_contract(Random(seed)) for seed in SEEDS)
    assert any(re.search(rf"^(?!ensure).*\b{word}\b", text, re.MULTILINE) for text in texts)


def test_everything_turns_up() -> None:
    counted = Counter(name for seed in SEEDS for name in features(random_contract(Random(seed))))
    seldom = {name: counted[name] for name in FEATURES if counted[name] < 5}
    assert not seldom, f"in {len(SEEDS)} contracts: {seldom}"
