"""What to do after an attempt of an effect: every ending meets one row, and the pauses grow."""

from __future__ import annotations

from typing import get_args

import pytest

from opord.contract import Retry
from opord.kernel.effect_attempts import ROWS, EffectPlan, Ended, Sequel, Tries, plan

SECOND = 1_000_000
TWICE = Retry(2)
NONE = Tries()


def after(ended: Ended, tries: Tries = NONE, retry: Retry | None = TWICE, spread: float = 0.5) -> EffectPlan:
    return plan(ended, tries, retry, lambda: spread)


def test_every_ending_meets_exactly_one_row() -> None:
    for ended in get_args(Ended):
        for left in (True, False):
            assert len([row for row in ROWS if row.ended == ended and row.left in (None, left)]) == 1
    assert {row.sequel for row in ROWS} == set(get_args(Sequel))
    assert len({row.letter for row in ROWS}) == len(ROWS)


def test_an_answer_and_a_final_failure_go_to_the_step() -> None:
    assert after("answered", Tries(2, 3)).sequel == "answer"
    assert after("final").sequel == "fail"


@pytest.mark.parametrize(("ended", "last"), [("transient", "fail"), ("timed out", "time out")])
def test_a_transient_failure_is_retried_as_often_as_retry_says(ended: Ended, last: Sequel) -> None:
    assert after(ended) == EffectPlan("again", SECOND // 2, Tries(1, 0))
    assert after(ended, Tries(1, 0)) == EffectPlan("again", SECOND, Tries(2, 0))
    assert after(ended, Tries(2, 0)).sequel == last
    assert after(ended, retry=None).sequel == last


def test_a_surprise_is_retried_three_times_whatever_retry_says() -> None:
    pauses = [after("surprise", Tries(0, before), retry=None).pause_us for before in range(3)]
    assert pauses == [SECOND, SECOND, 2 * SECOND], "never less than a second"
    assert after("surprise", Tries(0, 3), retry=Retry(9)).sequel == "stall"


def test_transient_failures_and_surprises_are_counted_separately() -> None:
    assert after("surprise", Tries(2, 0)) == EffectPlan("again", SECOND, Tries(2, 1))
    assert after("transient", Tries(1, 3)) == EffectPlan("again", SECOND, Tries(2, 3))


def test_a_random_number_is_drawn_only_for_a_pause() -> None:
    def never() -> float:
        raise AssertionError("nothing is spread here")

    for ended in ("answered", "final"):
        plan(ended, Tries(), TWICE, never)
    plan("transient", Tries(2, 0), TWICE, never)
