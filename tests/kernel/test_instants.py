"""Texts of instants: the same whether they are remembered or not."""

from __future__ import annotations

import random

from opord.kernel.instants import LAST_INSTANT, parse, text, to_datetime


def test_a_text_says_the_instant_and_reads_back_however_often_and_in_whatever_order_it_is_asked() -> None:
    rng = random.Random(7)
    near = [1_700_000_000_000_000 + rng.randrange(3_000_000) for _ in range(400)]
    far = [rng.randrange(LAST_INSTANT) for _ in range(400)]
    asked = [0, LAST_INSTANT, -1, -86_400_000_000, *near, *far]
    asked += rng.choices(asked, k=2_000)
    for instant in asked:
        assert text(instant) == to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert parse(text(instant)) == instant


def test_no_more_texts_are_remembered_than_a_few_hundred() -> None:
    for instant in range(10_000):
        text(instant)
    assert text.cache_info().currsize <= 256
