"""The look at effects as they are called: the first call after a claim is the one on record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from opord.kernel.requests import Call
from tests.sim.machine import Life, Machine
from tests.sim.plan import plan_of

RUN = "Order/1"


class Waiting(Life):
    """A life whose run waits on record for the second attempt of `find_stock`."""

    def _tries(self, run: str) -> dict[str, Any] | None:
        return {"call": "find_stock", "failures": 1, "next_at": 0}


def seen_wrong(*steps: tuple[str, int]) -> list[str]:
    """Return what the look says of a claim whose steps each begin with a call (effect, attempt)."""
    machine = Machine(plan_of(0)._replace(faults=()))
    life = Waiting(machine, "w1")
    life.hook("claimed", RUN)
    for effect, attempt in steps:
        life.hook("step begins", RUN)
        life.performs(effect, Call(f"{RUN}/1", attempt, datetime(2026, 1, 1, tzinfo=UTC), RUN))
    machine.store.close()
    return machine.broken


def test_the_step_goes_on_with_the_attempt_that_its_record_waits_for() -> None:
    assert not seen_wrong(("find_stock", 2))
    (problem,) = seen_wrong(("find_price", 1))
    assert problem.endswith("asks ('find_price', 1), its record waits for ('find_stock', 2)")


def test_the_next_step_of_the_same_claim_asks_what_it_likes() -> None:
    """The record of the step before is still there: the transition is written before the call."""
    assert not seen_wrong(("find_stock", 2), ("find_price", 1))
