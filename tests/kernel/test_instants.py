"""Texts of instants: cached or not, they are the same."""

from __future__ import annotations

import random

from opord.kernel.instants import LAST_INSTANT, parse, text, to_datetime


def test_a_text_holds_its_instant_whether_cached_or_not() -> None:
    rng = random.Random(7)
    near = [1_700_000_000_000_000 + rng.randrange(3_000_000) for _ in range(400)]
    far = [rng.randrange(LAST_INSTANT) for _ in range(400)]
    asked = [0, LAST_INSTANT, -1, -86_400_000_000, *near, *far]
    asked += rng.choices(asked, k=2_000)
    for instant in asked:
        assert text(instant) == to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert parse(text(instant)) == instant
