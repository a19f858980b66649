"""The store with faults: each fault occurs where it was set, and nowhere else."""

from __future__ import annotations

import pytest

from opord.stores.base import StoreUnavailable
from opord.stores.memory import MemoryStore
from opord.testing.crashing import CrashPlan, Killed
from opord.testing.store_rows import ORDERS, SteppedClock, a_start
from tests.support.store import FOR_EVER, Fault, FaultyStore, When, has_record

KIND = a_start().records[0].kind
FULL = StoreUnavailable("full", "no room")


class Scene:
    """A store, and the view of a process on it."""

    def __init__(self, *faults: Fault, crash_plan: CrashPlan | None = None) -> None:
        self.clock = SteppedClock()
        self.store = MemoryStore(self.clock)
        self.store.put_contract(ORDERS)
        self.seen = FaultyStore(self.store, *faults, crash_plan=crash_plan)

    def start(self, number: int) -> str:
        """Start a run; return what was answered, and whether the run exists."""
        run = f"Orders/{number}"
        try:
            self.seen.apply([a_start(run)])
            answer = "done"
        except StoreUnavailable:
            answer = "error"
        except Killed:
            answer = "dead"
        return f"{answer}, {'there' if self.store.load(run) is not None else 'not there'}"


@pytest.mark.parametrize(
    ("when", "felt"), [("before", "error, not there"), ("after", "error, there")], ids=["before", "after"]
)
def test_a_fault_occurs_only_at_the_nth_call_of_its_verb(when: When, felt: str) -> None:
    scene = Scene(Fault(FULL, "apply", nth=2, when=when))
    scene.seen.load("Orders/none")
    assert [scene.start(number) for number in range(3)] == ["done, there", felt, "done, there"]
    assert (scene.seen.failed, scene.seen.asked) == (1, {"load": 1, "apply": 3})


@pytest.mark.parametrize(("times", "errors"), [(1, 1), (2, 2), (FOR_EVER, 3)])
def test_a_fault_occurs_as_often_as_it_is_set(times: float, errors: int) -> None:
    scene = Scene(Fault(FULL, "apply", nth=2, times=times))
    assert [scene.start(number) for number in range(4)].count("error, not there") == errors


def test_a_fault_occurs_only_at_matching_calls() -> None:
    scene = Scene(Fault(FULL, when="after", fits=has_record(KIND)))
    scene.seen.heartbeat("w", [], ttl_us=1)
    assert [scene.start(number) for number in range(2)] == ["error, there", "done, there"]


def test_a_lasting_fault_occurs_at_every_verb_but_the_clock_until_its_time_is_over() -> None:
    scene = Scene(Fault(FULL, "apply", lasts_s=10.0))
    assert scene.start(1) == "error, not there"
    with pytest.raises(StoreUnavailable):
        scene.seen.load("Orders/1")
    assert scene.seen.now() == scene.store.now()
    scene.clock.forward(10.0)
    assert scene.start(1) == "done, there"
    assert scene.seen.failed == 2


@pytest.mark.parametrize(
    ("when", "felt"), [("before", "dead, not there"), ("after", "dead, there")], ids=["before", "after"]
)
def test_a_dead_process_gets_no_answers(when: When, felt: str) -> None:
    scene = Scene(Fault(Killed, "apply", when=when))
    assert not scene.seen.died.is_set()
    assert scene.start(1) == felt
    assert scene.seen.died.is_set()
    assert scene.start(2) == "dead, not there"
    with pytest.raises(Killed):
        scene.seen.hook("claimed", "Orders/1")


def test_a_crash_plan_kills_at_named_points_and_not_at_writes() -> None:
    plan = CrashPlan(kill_at=2)
    scene = Scene(crash_plan=plan)
    scene.seen.hook("before start", "Orders/1")
    assert scene.start(1) == "done, there"
    with pytest.raises(Killed):
        scene.seen.hook("start written", "Orders/1")
    assert (plan.point, scene.seen.dead) == ("start written", True)
