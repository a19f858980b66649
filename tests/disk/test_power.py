"""Power losses under the real engine and store: no answered write is lost, nothing is done twice.

`make power LOSSES=n` does the same at every operation and for longer.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from opord.stores.base import StoreDamaged
from tests.disk.lossy import WAYS
from tests.disk.machine import At, lose_power, short_plan
from tests.disk.run import operations, with_seed
from tests.sim.machine import Told

SEEDS = 16


def report(option: str, which: int, told: Told) -> str:
    return f"{told.problems[:5]}; again: .venv/bin/python tests/disk/run.py {option} {which}"


def test_nothing_is_lost_or_done_twice_however_often_the_power_fails(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for seed in range(SEEDS):
        told = with_seed(seed, tmp_path)
        assert not told.problems, report("--seed", seed, told)
        counts += told.counts
    # So that nothing holds only because nothing happened.
    assert counts["the power goes"] >= 100, counts
    assert counts["lost again while opening"] >= 8, counts
    assert counts["end: start acked"] >= 40, counts
    assert counts["end: event acked"] >= 40, counts
    assert all(counts[f"survives: {way}"] >= 3 for way in WAYS), counts
    assert all(counts[f"disk: {kind}"] for kind in ("create", "delete", "truncate")), counts


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_power_may_fail_at_every_sync(tmp_path: Path, when: str) -> None:
    losses = 0
    for nth in range(1 + (when == "after"), 34, 2):
        told = lose_power(short_plan(0), tmp_path, lose_at=At(nth, when, ("sync",)), salt=f"{when} {nth}")
        assert not told.problems, (nth, told.problems)
        losses += told.counts["the power goes"]
    assert losses > 10


@pytest.mark.parametrize("plain_syncs", [True, False])
def test_the_power_may_fail_at_every_operation_while_a_store_is_created(
    tmp_path: Path, plain_syncs: bool
) -> None:
    assert operations(tmp_path) > 200
    for nth in range(1 + plain_syncs, 80, 3):
        told = lose_power(
            short_plan(0), tmp_path, lose_at=At(nth, "before"), plain_syncs=plain_syncs, salt=f"{nth}"
        )
        assert not told.problems, (nth, told.problems)


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ({"settings": {"synchronous": 1}}, "5: record"),
        ({"settings": {"synchronous": 0}}, "5: record"),
        ({"settings": {"fullfsync": 0}, "plain_syncs": False}, "5: record"),
    ],
    ids=["the log is synced at checkpoints only", "nothing is synced", "syncs stop at the drive's cache"],
)
def test_a_store_that_syncs_too_little_is_detected(tmp_path: Path, how: dict[str, Any], seen: str) -> None:
    for seed in range(40):
        try:
            problems = with_seed(seed, tmp_path, **how).problems
        except StoreDamaged:
            continue  # so much was lost that SQLite itself noticed it; look for the loss of a write
        if any(problem.startswith(seen) for problem in problems):
            return
    pytest.fail("a loss that must have happened was not seen")


def test_the_same_seed_gives_the_same_losses(tmp_path: Path) -> None:
    first, second = with_seed(3, tmp_path), with_seed(3, tmp_path)
    assert first.counts["the power goes"] > 3
    assert first.trace == second.trace
