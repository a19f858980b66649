"""A batch of seeds with a restore: the own key is not relied on, whatever way was taken."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.sim.lost_time import simulate
from tests.sim.plan import plan_of

SEEDS, BATCH = 48, 16


@cache
def outcome_of(seed: int) -> tuple[list[str], Counter[str]]:
    return simulate(plan_of(seed))


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_nothing_takes_effect_after_a_restore_that_nobody_allowed(first: int) -> None:
    for seed in range(first, first + BATCH):
        problems, _ = outcome_of(seed)
        assert not problems, f"seed {seed}: {problems[:5]}"


def test_the_lost_time_took_other_ways() -> None:
    """So that nothing holds only because nothing happened."""
    counts: Counter[str] = Counter()
    for seed in range(SEEDS):
        counts += outcome_of(seed)[1]
    least = {"restored": SEEDS, "runs marked": 40, "answered for the lost time": 3}
    assert all(counts[what] >= n for what, n in least.items()), counts


def test_a_copy_of_a_run_whose_starter_had_not_looked_what_it_waits_for_is_legal() -> None:
    problems, _ = simulate(plan_of(43, operations=64))
    assert not problems
