"""Two faults in one story, the second anywhere after the first, recovery included.

`make faults` tries every pair.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.faults.kinds import Fault
from tests.faults.run import first_halves, pairs, sweep
from tests.faults.stories import REFERENCE
from tests.support.stores import EACH_STORE

HALVES, EACH = 10, 3


def some_pairs(story: str, store: str) -> list[tuple[Fault, ...]]:
    rng = Random(f"pairs {story} {store}")
    halves = rng.sample(first_halves(story, store), HALVES)
    found: list[tuple[Fault, ...]] = []
    for first in halves:
        after = list(pairs(story, store, first))
        found += rng.sample(after, min(EACH, len(after)))
    return found


@pytest.mark.parametrize("story", REFERENCE)
@pytest.mark.parametrize("store", EACH_STORE)
def test_every_invariant_holds_after_two_faults(story: str, store: str) -> None:
    cases = some_pairs(story, store)
    count = sweep(story, store, cases)
    assert not count.failed, "\n".join(count.failed[:5])
    assert count.told >= HALVES * EACH - 6
    assert count.doubtful >= 6
