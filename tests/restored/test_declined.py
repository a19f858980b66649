"""After a restore, an action that a check or a person denies may have been tried and have failed.

What followed that failure must not be done again.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.stores.memory import MemoryStore
from opord.testing import Run, World
from tests.restored.kit import copied_after_each_write
from tests.support.provider import Provider

PAYMENT: Any = opord.load(Path(__file__).parent / "payment.opord")


class Outside:
    """The world outside the store. It declines the first card and the call.

    It keeps a ledger of effects.
    """

    def __init__(self) -> None:
        self.provider = Provider(honours_keys=False)
        self.bank_is_busy = False

    def find_charge(self, key: str) -> str | None:
        return "charged" if self.ledger["charge", key] else None

    def charge(self, id: str, card: str, *, call: opord.Call) -> str:
        if card == "first card":
            raise PAYMENT.Refusal.Declined("no money")
        return self.provider.answer("charge", call.key)

    def phone(self, id: str, *, call: opord.Call) -> str:
        raise PAYMENT.Refusal.Declined("nobody there")

    def greet(self, id: str, *, call: opord.Call) -> str:
        return self.provider.answer("greet", call.key)

    def note(self, id: str, *, call: opord.Call) -> str:
        return self.provider.answer("note", call.key)

    def wire(self, id: str, *, call: opord.Call) -> str:
        if self.bank_is_busy:
            raise PAYMENT.Refusal.Busy
        if not self.ledger["wire", call.key]:
            self.provider.answer("wire", call.key)
        return "wired"

    @property
    def ledger(self) -> Counter[tuple[str, str]]:
        """Return how often each action took effect under each key."""
        return Counter(self.provider.ledger)


def go_on(world: World, outside: Outside) -> Run:
    """Let the clerk say go again, and a person answer from the ledger each time they are asked."""
    run = world.run("Payment/p1")
    if run.state == "Waiting":
        run.send.go(note="", as_="ann", role="clerk")
    for _ in range(6):
        if run.status != "in_doubt":
            break
        (call,) = [one for one in run.history if one["kind"] == "doubt"][-1:]
        there = outside.ledger[call["call"], call["key"]] > 0
        run.resolve(happened=there, **({"result": call["call"]} if there else {}))
    return run


def a_story(world: World) -> tuple[Outside, list[MemoryStore]]:
    """Carry a run to its end; return the world, and a copy of the store after each write."""
    outside = Outside()
    world.fakes(PAYMENT.Payment, real=outside)
    copies = copied_after_each_write(world)
    world.start(PAYMENT.Payment, id="p1").send.go(note="", as_="ann", role="clerk")
    world.run("Payment/p1").assert_state("Paid")
    return outside, copies


MOMENTS = range(len(a_story(World())[1]))


@pytest.mark.parametrize("moment", MOMENTS)
def test_actions_after_a_refusal_are_not_done_twice(opord_world: World, moment: int) -> None:
    outside, copies = a_story(opord_world)
    assert sum(outside.ledger.values()) == 4
    opord_world.restore(copies[moment])
    go_on(opord_world, outside).assert_ended("success")
    assert set(outside.ledger.values()) == {1}, outside.ledger


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_transient_failure_does_not_prove_that_no_earlier_attempt_was_made(
    opord_world: World, moment: int
) -> None:
    outside, copies = a_story(opord_world)
    opord_world.restore(copies[moment])
    outside.bank_is_busy = True
    run = go_on(opord_world, outside)
    if run.state != "Paid":
        run.assert_in_doubt("wire")
    assert "Lost" not in {one.get("to") for one in run.history}
    outside.bank_is_busy = False
    go_on(opord_world, outside).assert_ended("success")
    assert set(outside.ledger.values()) == {1}, outside.ledger


def test_a_denial_ends_the_wariness_if_only_success_leads_on(opord_world: World) -> None:
    outside = Outside()
    opord_world.fakes(PAYMENT.Payment, real=outside)
    opord_world.start(PAYMENT.Payment, id="p1")
    opord_world.restore(opord_world.backup())
    run = opord_world.run("Payment/p1")
    run.send.go(note="", as_="ann", role="clerk")
    run.assert_in_doubt("charge")
    run.resolve(happened=False).assert_in_doubt("charge")
    run.resolve(happened=False).assert_in_doubt("phone")
    run.resolve(happened=False).assert_in_doubt("greet")
    run.resolve(happened=False).assert_ended("success")
    assert [one["call"] for one in run.history if one["kind"] == "doubt"] == [
        "charge", "charge", "phone", "greet",
    ]  # fmt: skip
    assert set(outside.ledger.values()) == {1}


def test_a_denial_of_an_action_that_can_fail_ends_the_wariness_after_thirty_days(opord_world: World) -> None:
    outside = Outside()
    opord_world.fakes(PAYMENT.Payment, real=outside)
    opord_world.start(PAYMENT.Payment, id="p1")
    opord_world.restore(opord_world.backup())
    run = opord_world.run("Payment/p1").advance("31d")
    run.send.go(note="", as_="ann", role="clerk")
    run.assert_in_doubt("charge")
    run.resolve(happened=False).assert_ended("success")
    assert [one["call"] for one in run.history if one["kind"] == "doubt"] == ["charge"]
