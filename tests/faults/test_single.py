"""Each operation of a story with each fault that can occur at it: nothing is lost or done twice.

Every run comes to its end. All operations are tried for the reference stories on one store, except
the regular ones that the engine repeats every few seconds. Some are tried for the other stories and
on a second store. `make faults` leaves none out.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import get_args

import pytest

from opord.drive.hooks import Point
from tests.faults.bench import tell
from tests.faults.kinds import (
    ACTION,
    EFFECT,
    MESSAGE,
    OUTSIDE,
    PURE,
    STORE,
    TRANSACTION,
    Fault,
    kinds_at,
)
from tests.faults.run import Count, points_of, sampled, singles, sweep
from tests.faults.stories import REFERENCE, STORIES
from tests.support.stores import EACH_STORE, FIRST_STORE

SOME = 12
REGULAR = ("store next_wake", "store heartbeat", "store workers", "store renew")


@cache
def swept(story: str, store: str) -> Count:
    cases = singles(story, store)
    if store in ("memory", FIRST_STORE) and story in REFERENCE:
        points = points_of(story, store)
        return sweep(story, store, [case for case in cases if _telling(points, case[0].at)])
    return sweep(story, store, sampled(cases, SOME, f"{story} {store}"))


def _telling(points: tuple[str, ...], at: int) -> bool:
    """Say whether an operation is not just another one of those made every few seconds.

    The first two of each count.
    """
    point = points[at - 1]
    return point not in REGULAR or points[:at].count(point) <= 2


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("store", EACH_STORE)
def test_every_invariant_holds_after_one_fault(story: str, store: str) -> None:
    count = swept(story, store)
    assert not count.failed, "\n".join(count.failed[:5])
    assert count.told >= SOME


@pytest.mark.parametrize("story", ["seats booked", "seats given back"])
def test_every_fault_of_a_transaction_leaves_its_rows_and_the_run_in_step(story: str) -> None:
    points = points_of(story, FIRST_STORE)
    within = {at for at, point in enumerate(points, start=1) if "transaction" in point or "within" in point}
    count = sweep(story, FIRST_STORE, [case for case in singles(story, FIRST_STORE) if case[0].at in within])
    assert not count.failed, "\n".join(count.failed[:5])
    assert set(count.kinds) >= {*TRANSACTION, *OUTSIDE, *STORE}
    assert count.doubtful == count.asked == 0


@pytest.mark.parametrize("story", STORIES)
def test_without_a_fault_all_stores_get_the_same_calls(story: str) -> None:
    """The regular calls are left out, because the stores read the clock differently often."""
    asked = [
        [one for one in points_of(story, store) if one not in REGULAR] for store in {"memory", *EACH_STORE}
    ]
    assert asked[0] == asked[-1]
    assert len(asked[0]) >= 8


def test_every_kind_of_fault_occurs_and_leads_to_doubts_and_to_persons() -> None:
    """So that nothing holds only because nothing happened."""
    counts = [swept(story, "memory") for story in REFERENCE]
    kinds = sum((one.kinds for one in counts), Counter[str]())
    assert set(kinds) >= {*STORE, *OUTSIDE, *ACTION, *EFFECT, *PURE, *MESSAGE}
    assert all(times >= 2 for times in kinds.values()), kinds
    assert sum(one.doubtful for one in counts) >= 100
    assert sum(one.asked for one in counts) >= 5
    ends = sum((one.ends for one in counts), Counter[str]())
    assert {"Delivered", "NotBooked", "Paid", "Cancelled", "Withdrawn", "Rejected"} <= set(ends)


def test_the_engines_of_all_stories_pass_the_points_of_the_protocol() -> None:
    """A point that no story passes would never be tested."""
    traces = [tell(STORIES[name], FIRST_STORE, faults).trace for name, faults in PASSING]
    missing = {point for point in get_args(Point) if not any(f'"what": "{point}"' in one for one in traces)}
    assert not missing


def test_the_same_faults_give_the_same_trace() -> None:
    """Invariant 18: every finding can be reproduced."""
    for store in EACH_STORE:
        for story in REFERENCE:
            for faults in sampled(singles(story, store), 6, f"twice {story}"):
                first, second = (tell(STORIES[story], store, faults).trace for _ in range(2))
                assert first == second, faults


def test_every_verb_of_the_store_that_an_engine_needs_to_carry_runs_is_a_point() -> None:
    seen = {point for story in STORIES for point in points_of(story, FIRST_STORE)}
    asked = {"apply", "claim", "next_wake", "heartbeat", "load", "inbox", "put_contract", "event_key"}
    assert {f"store {verb}" for verb in asked} <= seen


def _first(story: str, point: str, kind: str) -> tuple[str, tuple[Fault, ...]]:
    assert kind in kinds_at(point)
    return story, (Fault(points_of(story, FIRST_STORE).index(point) + 1, kind),)


PASSING = [
    ("expense escalated", ()),
    ("seats booked", ()),
    _first("order delivered", "effect find_customer", "drop before"),
    _first("order delivered", "action charge_card", "drop after"),
    _first("order delivered", "action charge_card", "zombie"),
    _first("order delivered", "action charge_card", "crash after"),
]
