"""After a restore, the run's own key says nothing: the lost time may have taken another way.

The own key counts the states that the run has entered. In these stories one way has a state more
than the other, so the same commit has another key on each way.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.engine.restoring import mark_restored
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence, adopt
from opord.kernel.run import load_run
from opord.loading import program_of
from opord.stores.memory import MemoryStore
from opord.testing import Run, World
from tests.restored.kit import copied_after_each_write
from tests.support.provider import Provider

TICKET: Any = opord.load(Path(__file__).parent / "ticket.opord")
PAYMENT: Any = opord.load(Path(__file__).parent / "payment.opord")
OWN = ("book", "seat", "meal", "bag", "gate", "print", "tell", "file")
OTHER = {"go": "look", "look": "go"}


class Outside:
    """The world outside the store: it honours every key, and keeps a ledger of effects."""

    def __init__(self) -> None:
        self.provider = Provider()
        self.looked_up: list[str] = []

    def find_seat(self, id: str) -> str | None:
        self.looked_up.append("seat")
        return "seat" if self.times["seat"] else None

    def find_meal(self, call: str) -> str | None:
        self.looked_up.append("meal")
        there = ("meal", call) in self.provider.ledger or (
            "bag",
            call.removeprefix("bag "),
        ) in self.provider.ledger
        return "meal" if there else None

    @property
    def times(self) -> Counter[str]:
        """Return how often each action took effect, under any key."""
        return Counter(action for action, _ in self.provider.ledger)


def _handler(action: str) -> Any:
    def handle(self: Outside, *args: Any, call: opord.Call) -> Any:
        answer = self.provider.answer(action, call.key, TICKET.Refusal)
        return None if action == "tell" else answer

    return handle


for _action in (*OWN, "pay"):
    setattr(Outside, _action, _handler(_action))


def a_story(world: World, way: str) -> tuple[Outside, list[MemoryStore]]:
    """Carry a run to its end on a way; return the world, and copies of the store."""
    outside = Outside()
    world.fakes(TICKET.Ticket, real=outside)
    copies = copied_after_each_write(world)
    say(world.start(TICKET.Ticket, id="t1"), way)
    world.run("Ticket/t1").assert_state("Sent")
    assert outside.times == dict.fromkeys((*OWN, "pay"), 1)
    return outside, copies


def say(run: Run, way: str) -> None:
    if run.state == "Waiting":
        getattr(run.send, way)(note="", as_="ann", role="clerk")


def go_on(world: World, outside: Outside, way: str) -> Run:
    """Take a way, and let a person answer by the ledger, whatever the keys are."""
    run = world.run("Ticket/t1")
    say(run, way)
    for _ in range(12):
        run.advance("40s")
        if run.status != "in_doubt":
            break
        action = [one["call"] for one in run.history if one["kind"] == "doubt"][-1]
        there = outside.times[action] > 0
        run.resolve(happened=there, **({"result": "known"} if there else {}))
    return run


MOMENTS = {way: range(len(a_story(World(), way)[1])) for way in OTHER}
CASES = [(way, moment) for way, moments in MOMENTS.items() for moment in moments]


@pytest.mark.parametrize(("way", "moment"), CASES)
def test_nothing_is_done_twice_on_another_way(opord_world: World, way: str, moment: int) -> None:
    outside, copies = a_story(opord_world, way)
    opord_world.restore(copies[moment])
    go_on(opord_world, outside, OTHER[way]).assert_ended("success")
    assert outside.times == dict.fromkeys((*OWN, "pay"), 1)


@pytest.mark.parametrize(("way", "moment"), CASES)
def test_only_a_person_lets_an_own_key_be_used_again(opord_world: World, way: str, moment: int) -> None:
    """No person answers: then nothing with an own key is called, or asked about by its key."""
    outside, copies = a_story(opord_world, way)
    opord_world.restore(copies[moment])
    called, asked = Counter(outside.provider.calls), outside.looked_up.count("meal")
    run = opord_world.run("Ticket/t1")
    say(run, OTHER[way])
    run.advance("30h")
    assert run.status == "in_doubt" or run.state == "Sent"
    assert {name for name, n in outside.provider.calls.items() if n > called[name]} <= {"pay"}
    assert outside.looked_up.count("meal") == asked


def restored_in_waiting(world: World) -> tuple[Outside, Run]:
    outside = Outside()
    world.fakes(TICKET.Ticket, real=outside)
    run = world.start(TICKET.Ticket, id="t1")
    world.restore(world.backup())
    return outside, world.run(run.id)


def test_repeat_asks_a_person_and_goes_on_with_the_own_key_once_it_is_denied(opord_world: World) -> None:
    outside, run = restored_in_waiting(opord_world)
    outside.provider.script["book"] = ["lost"]
    say(run, "go")
    run.assert_in_doubt("book")
    assert "after the restore its key does not tell; a person has to say" in run.story
    assert outside.provider.calls["book"] == 0
    run.resolve(happened=False).advance("3m")
    # The attempt after the denial is on record, so its doubt is repeated with the same key.
    assert outside.provider.calls["book"] == 2
    assert outside.times["book"] == 1


def test_a_check_that_is_not_given_the_key_is_asked(opord_world: World) -> None:
    outside, run = restored_in_waiting(opord_world)
    outside.provider.answer("seat", "Ticket/t1/5")  # in the lost time, on the way by `look`
    say(run, "go")
    run.resolve(happened=True, result="b1").advance("1m").assert_in_doubt("meal")
    assert outside.looked_up == ["seat"]
    assert outside.times == {"seat": 1}


def test_a_late_final_failure_does_not_settle_a_computed_key_after_a_restore(
    opord_world: World,
) -> None:
    """The evidence waited in the inbox of the copy; the key may have been used after it."""
    fakes = opord_world.fakes(PAYMENT.Payment)
    fakes.auto()
    fakes.wire.unknown()
    run = opord_world.start(PAYMENT.Payment, id="p1")
    with opord_world.time_stands_still():
        run.send.go(note="", as_="ann", role="clerk")
        assert run.status == "in_doubt"
        copy = opord_world.backup()
    list(mark_restored(copy, actor="ann"))
    program = program_of(PAYMENT.Payment)
    row = copy.load(run.id)
    assert row is not None
    carried = load_run(program, row)
    intent = carried.intent
    assert intent is not None
    draft = Draft(carried, copy.now(), "w1")
    no = {"type": "Refusal.Declined", "reason": "no funds"}
    draft.run.past[intent.seq] = None  # nothing of it is on record
    assert adopt(draft, Evidence(intent.seq, "wire", 1, "failed", no, "w0"))
    assert (intent.outcome, intent.refused, intent.doubts) == (None, True, [])


def test_the_command_lists_own_keys_as_in_doubt_first(opord_world: World) -> None:
    opord_world.fakes(TICKET.Ticket, real=Outside())
    opord_world.start(TICKET.Ticket, id="t1")
    (marked,) = mark_restored(opord_world.store, actor="ann")
    assert marked.first_in_doubt == OWN
    assert marked.with_time == ()


def test_the_record_of_a_restore_names_its_rule(opord_world: World) -> None:
    _, run = restored_in_waiting(opord_world)
    bodies = [json.loads(one.body) for one in opord_world.store.journal(run.id)]
    assert [one.get("rule") for one in bodies if one["kind"] == "restored"] == [2]
