"""The effect of the mark of a restore on each kind of run."""

from __future__ import annotations

from typing import Any

import pytest

from opord.cli.db.restored import _row
from opord.engine.restoring import mark_restored
from opord.kernel.instants import text
from opord.testing import World
from tests.restored.kit import PARCEL, Overtaken, copies_of_a_story, go_on, scripted, start, times
from tests.support.contracts import compiled

LETTER: Any = compiled("""
contract Letter(id: str) key id version 1
failure Refusal { Busy transient }
role clerk
event go(note: str) by clerk
action write(id: str) -> str { in doubt ask within 2h }
action send(id: str) -> str { in doubt ask }
action pay(id: str) -> str fails Refusal { key id, retry 1 times backoff 1s to 2s }
initial state Waiting -> Writing { on go(note) -> goto Writing }
state Writing -> Sending {
  let text = commit write(id) else { InDoubt -> goto Sending("unknown") }
  goto Sending(text)
}
state Sending(text: str) -> Paying {
  let sent = commit send(id)
  goto Paying(sent)
}
state Paying(sent: str) -> Done | Lost {
  match commit pay(id) {
    ok number -> goto Done(number)
    Busy -> goto Lost("busy")
  }
}
final state Done(number: str) success
final state Lost(reason: str) failure
""")


def test_a_denial_ends_only_its_own_doubt_if_time_also_leads_on(opord_world: World) -> None:
    fakes = opord_world.fakes(LETTER.Letter)
    fakes.auto()
    opord_world.start(LETTER.Letter, id="l1")
    opord_world.restore(opord_world.backup())
    run = opord_world.run("Letter/l1")
    run.send.go(note="", as_="ann", role="clerk")
    run.assert_in_doubt("write")
    run.resolve(happened=False).assert_in_doubt("send")
    assert fakes.send.calls == []


def test_a_key_without_a_window_may_have_been_used_before_a_failed_attempt(
    opord_world: World,
) -> None:
    fakes = opord_world.fakes(LETTER.Letter)
    fakes.auto()
    fakes.pay.fails(LETTER.Refusal.Busy)
    opord_world.start(LETTER.Letter, id="l1")
    opord_world.restore(opord_world.backup())
    run = opord_world.run("Letter/l1")
    run.send.go(note="", as_="ann", role="clerk")
    run.resolve(happened=True, result="text")
    run.resolve(happened=True, result="sent")
    run.assert_state("Paying").assert_in_doubt("pay")


def test_an_action_denied_before_the_copy_may_have_been_done_after_it(opord_world: World) -> None:
    fakes = scripted(opord_world)
    fakes.label.unknown().then.fails(PARCEL.Refusal.Busy).then.returns("label 7")
    for copy in copies_of_a_story(opord_world):
        opord_world.restore(copy)
        go_on(opord_world)
        assert times(fakes)["label"] == 1


def test_a_run_that_a_worker_held_in_the_copy_is_due_at_once(opord_world: World) -> None:
    scripted(opord_world)
    held = 0
    for copy in copies_of_a_story(opord_world):
        row = copy.load("Parcel/p1")
        if row is None or row.head.worker is None:
            continue
        held += 1
        list(mark_restored(copy, actor="ann"))
        after = copy.load("Parcel/p1")
        assert after is not None
        assert (after.head.worker, after.head.wake_at) == (None, copy.now())
    assert held


@pytest.mark.parametrize("copied_at", [0, 1])
def test_a_run_is_wary_since_its_last_record_if_that_is_later_than_the_copy(
    opord_world: World, copied_at: int
) -> None:
    scripted(opord_world)
    run = start(opord_world)
    last = opord_world.store.journal(run.id)[-1]
    (marked,) = mark_restored(opord_world.store, actor="ann", copied_at=copied_at)
    assert marked.since == text(last.at)


def test_a_run_that_moved_during_the_marking_is_marked_in_its_new_state(opord_world: World) -> None:
    fakes = opord_world.fakes(LETTER.Letter)
    fakes.auto()
    fakes.write.unknown()
    fakes.send.unknown()
    run = opord_world.start(LETTER.Letter, id="l1")
    run.send.go(note="", as_="ann", role="clerk")
    run.assert_in_doubt("write")
    store: Any = Overtaken(
        opord_world.store, lambda: run.resolve(happened=True, result="text").assert_in_doubt("send")
    )
    (marked,) = mark_restored(store, actor="ann")
    assert (marked.how, marked.state) == ("marked", "Sending")
    assert run.history[-1]["kind"] == "restored"


PARCELS: Any = compiled("""
contract Parcels(id: str, skus: list[str]) key id version 1
action ship(id: str, sku: str, number: int) -> str { key "{id}/{sku}" }
initial state Shipping(n: int = 0) -> Shipping | Done {
  match skus[n] {
    none -> goto Done
    some sku -> {
      let sent = commit ship(id, sku, n)
      goto Shipping(n + 1)
    }
  }
}
final state Done success
""")


def test_a_collision_of_the_copy_is_named_and_another_commit_is_in_doubt_first(
    opord_world: World,
) -> None:
    fakes = opord_world.fakes(PARCELS.Parcels)
    fakes.auto()
    run = opord_world.start(PARCELS.Parcels, id="p1", skus=["a", "a"])
    copy = opord_world.backup()
    (marked,) = mark_restored(copy.copy(), actor="ann")
    assert (marked.first_in_doubt, marked.with_time, marked.colliding) == ((), (), "ship")
    assert _row(marked)[-1] == "ship (if it is another commit)"
    run.resolve(another=True).assert_ended()
    calls = len(fakes.ship.calls)
    opord_world.restore(copy)
    opord_world.run("Parcels/p1").resolve(another=True).assert_in_doubt("ship")
    assert len(fakes.ship.calls) == calls


def test_a_collision_that_a_person_took_for_the_same_commit_is_not_in_doubt(
    opord_world: World,
) -> None:
    fakes = opord_world.fakes(PARCELS.Parcels)
    fakes.auto()
    run = opord_world.start(PARCELS.Parcels, id="p1", skus=["a", "a"])
    copy = opord_world.backup()
    opord_world.restore(copy)
    opord_world.run("Parcels/p1").resolve(happened=True).assert_ended()
    assert len(fakes.ship.calls) == 1
    assert run.id == "Parcels/p1"
