"""A batch of seeds with collisions: what a person calls another commit is one, and nothing else."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.sim.collisions import simulate
from tests.sim.plan import plan_of

SEEDS, BATCH = 24, 8


@cache
def outcome_of(seed: int) -> tuple[list[str], Counter[str], int]:
    problems, counts, ledger = simulate(plan_of(seed))
    return problems, counts, sum(one["key"].startswith(one["run"]) for one in ledger)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_every_invariant_holds(first: int) -> None:
    for seed in range(first, first + BATCH):
        problems, *_ = outcome_of(seed)
        assert not problems, f"seed {seed}: {problems[:5]}"


def test_collisions_are_answered_both_ways() -> None:
    """So that nothing holds only because nothing happened."""
    counts: Counter[str] = Counter()
    for seed in range(SEEDS):
        _, one, others = outcome_of(seed)
        counts += one + Counter({"effects of another": others})
    least = {"collision: another": 20, "collision: happened": 20, "effects of another": 15}
    assert all(counts[what] >= n for what, n in least.items()), counts
