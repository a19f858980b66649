"""A batch of seeds: every invariant holds, the same seed gives the same trace, all is met."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import get_args

import pytest

from opord.drive.hooks import Point
from tests.sim.machine import Told
from tests.sim.plan import FAULTS, OPS, STOPPED, plan_of
from tests.sim.provider import BEHAVIOURS
from tests.sim.run import report, run

SEEDS, BATCH = 108, 27


@cache
def told_of(seed: int) -> Told:
    return run(plan_of(seed), twice=seed % 6 == 0)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_every_invariant_holds(first: int) -> None:
    for seed in range(first, first + BATCH):
        told = told_of(seed)
        assert not told.problems, report(seed, told)


def test_every_situation_occurs() -> None:
    """So that nothing holds only because nothing happened."""
    counts: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for seed in range(SEEDS):
        told = told_of(seed)
        counts += told.counts
        counts["never began"] += sum(
            '"not_called"' in body
            for row in told.rows
            for _, kind, body, _ in row["records"]
            if kind == "evidence"
        )
        ended += Counter(row["head"]["outcome"] for row in told.rows if row["head"]["outcome"])
        kinds += Counter(kind for row in told.rows for _, kind, _, _ in row["records"])
    assert all(kinds[what] >= n for what, n in {"alarm": 15, "acknowledged": 5}.items()), kinds
    wanted = [
        *sorted(get_args(Point)),
        *(f"op: {one}" for one in OPS),
        *(f"fault: {one}" for one in (*FAULTS, STOPPED)),
    ]
    wanted += [f"provider: {one}" for one in (*BEHAVIOURS, "same key", "refused first")]
    assert not [one for one in wanted if not counts[one]], counts
    least = {"success": 50, "failure": 50, "cancelled": 20}
    assert all(ended[how] >= n for how, n in least.items()), ended
    least = {
        "end: start acked": 300,
        "end: event acked": 200,
        "end: resolve acked": 10,
        "judgements": 250,
        "never began": 3,
        "carried by label": 100,
    }
    assert all(counts[what] >= n for what, n in least.items()), counts
