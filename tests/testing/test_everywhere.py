"""A test that is repeated for each point at which a process can die."""

from __future__ import annotations

from typing import Any

import pytest

from opord.testing import ScriptError, World, crash_everywhere
from tests.testing.conftest import PAYOUT, RECEIPT, scripted

BankError = PAYOUT.BankError


@crash_everywhere
def test_a_payout_is_made_once_whatever_dies(opord_world: World) -> None:
    fakes = scripted(opord_world)
    fakes.transfer.fails(BankError.Busy).then.returns(**RECEIPT)
    run = opord_world.start(PAYOUT.Payout, id="p1", cents=500)
    run.send.approve(note="ok", as_="ann", role="clerk")
    assert fakes.transfer.happened == 1
    assert fakes.notify.happened <= 1
    if run.status == "in_doubt":
        run.assert_in_doubt("notify").resolve(happened=fakes.notify.happened == 1)
    run.assert_state("Paid")
    assert fakes.notify.happened == 1


@crash_everywhere
def test_a_timer_fires_once_whatever_dies(opord_world: World) -> None:
    scripted(opord_world)
    run = opord_world.start(PAYOUT.Payout, id="p1", cents=500)
    run.advance("50h")
    run.assert_state("Refused").assert_states("New", "Waiting", "Refused")


def test_each_point_is_tried_and_the_error_names_it() -> None:
    seen: list[tuple[int, str | None]] = []

    @crash_everywhere
    def told(world: World) -> None:
        fakes = scripted(world)
        run = world.start(PAYOUT.Payout, id="p1", cents=500)
        run.send.approve(note="ok", as_="ann", role="clerk")
        seen.append((world.crashes, world.crash_plan.at))
        assert not fakes.find_transfer.calls, "nothing was in doubt"

    with pytest.raises(AssertionError) as failed:
        told(World())
    assert seen[0] == (0, None)
    assert {crashes for crashes, _ in seen[1:]} == {1}
    assert f"with a crash at point {len(seen) - 1} of" in failed.value.__notes__[-1]
    assert failed.value.__notes__[-1].endswith("`after a write` of Payout/p1.")  # of the intent


def test_every_kind_of_point_is_passed() -> None:
    died: set[str] = set()

    @crash_everywhere
    def told(*, world: World) -> None:
        scripted(world)
        run = world.start(PAYOUT.Payout, id="p1", cents=500)
        run.send.approve(note="ok", as_="ann", role="clerk")
        if world.crash_plan.at:
            died.add(world.crash_plan.at.split("`")[1])

    told(world=World())
    assert died >= {
        "before start",
        "start written",
        "step begins",
        "before event",
        "event written",
        "claimed",
        "before intent",
        "intent written",
        "call answered",
        "before outcome",
        "outcome written",
        "before a write",
        "after a write",
    }


@pytest.mark.parametrize("given", [(), (3,)])
def test_a_test_without_world_or_run_is_refused(given: tuple[Any, ...]) -> None:
    @crash_everywhere
    def told(*given: Any) -> None: ...

    with pytest.raises(ScriptError, match="takes a world"):
        told(*given)
    with pytest.raises(ScriptError, match="the test starts no run"):
        told(World())
