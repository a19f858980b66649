"""A key took effect before, with other arguments: a person says which commit it is."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from opord.drive.errors import CollisionOpen, InputInvalid, NotInDoubt, WrongResolution
from opord.testing import Run, World
from tests.support.contracts import compiled
from tests.support.provider import Provider

COLL: Any = compiled("""
contract Coll(id: str) key id version 1
failure Trouble { Busy transient, No }
effect price(n: int) -> int
action ship(id: str, sku: str, cents: int) -> str fails Trouble { key "{id}/{sku}", retry 1 times backoff 1s to 1s }
phase Desk {
  on cancel(reason) -> goto Off(reason)
  initial state Shipping(n: int = 0, last: str = "") -> Shipping | Done | Lost | Off {
    if n >= 4 { goto Done(last) }
    let cents = perform price(n)
    let t = commit ship(id, if n == 1 then "b" else "a", cents) else problem -> goto Lost
    goto Shipping(n + 1, t)
  }
}
final state Done(last: str) success
final state Lost failure
final state Off(reason: str) cancelled
""")


class Outside:
    """Three shipments under one key, each at another price; the price differs with each call."""

    def __init__(self) -> None:
        self.provider = Provider()
        self.asked: list[int] = []

    def price(self, n: int) -> int:
        self.asked.append(n)
        return 100 * n + len(self.asked)

    def ship(self, id: str, sku: str, cents: int, *, call: opord.Call) -> str:
        return self.provider.answer("ship", call.key, COLL.Trouble)


@pytest.fixture
def story(opord_world: World) -> tuple[Outside, Run]:
    outside = Outside()
    opord_world.fakes(COLL.Coll, real=outside)
    return outside, opord_world.start(COLL.Coll, id="c1")


def keys(outside: Outside) -> list[str]:
    return [key for _, key in outside.provider.ledger]


def test_a_collision_is_a_need_of_its_own_and_says_what_to_do(story: tuple[Outside, Run]) -> None:
    outside, run = story
    run.assert_collision("ship")
    assert keys(outside) == ["c1/a", "c1/b"]
    view = run.view
    assert [need["reason"] for need in view["needs"]] == ["collision"]
    (person, *others) = view["waiting_for"]
    assert person == {"person": "operator", "verb": "resolve", "seen": len(run.history)}
    assert [one["event"] for one in others] == ["cancel"]
    stalled = run.history[-1]
    assert (stalled["kind"], stalled["call"], stalled["key"]) == ("stalled", "ship", "c1/a")
    assert stalled["args"] == {"id": "c1", "sku": "a", "cents": 203}


def test_happened_takes_the_result_on_record(story: tuple[Outside, Run]) -> None:
    outside, run = story
    run.resolve(happened=True).assert_collision("ship")
    assert (run.state, run.data["n"], run.data["last"]) == ("Shipping", 3, "ship:c1/a")
    run.resolve(happened=True).assert_ended("success")
    assert keys(outside) == ["c1/a", "c1/b"]
    assert [one["by"] for one in run.history if one["kind"] == "outcome"] == [
        "call",
        "call",
        "record",
        "record",
    ]


def test_another_is_made_under_the_runs_own_key_and_the_next_round_asks_again(
    story: tuple[Outside, Run],
) -> None:
    outside, run = story
    run.resolve(another=True, as_="ann", reason="a second parcel").assert_collision("ship")
    assert keys(outside) == ["c1/a", "c1/b", "Coll/c1/3"]
    said = next(one for one in run.history if one["kind"] == "resolved")
    assert (said["verdict"], said["actor"], said["reason"], said["key"]) == (
        "another", "ann", "a second parcel", "c1/a",
    )  # fmt: skip
    run.resolve(another=True).assert_ended("success")
    assert keys(outside) == ["c1/a", "c1/b", "Coll/c1/3", "Coll/c1/4"]
    assert "ann says: it is another commit, under the run's own key" in run.story


def test_the_answers_before_the_commit_are_not_asked_again(story: tuple[Outside, Run]) -> None:
    """The price is another one at each call: the commit is the one that collided."""
    outside, run = story
    assert outside.asked == [0, 1, 2]
    run.resolve(another=True)
    assert outside.asked == [0, 1, 2, 3]
    intents = [one["args"]["cents"] for one in run.history if one["kind"] == "intent"]
    assert intents == [1, 102, 203]


def test_resume_is_refused_and_says_what_to_do(story: tuple[Outside, Run]) -> None:
    _, run = story
    with pytest.raises(CollisionOpen, match=r"`resume` does not help.*--happened.*--another"):
        run.resume()
    run.assert_collision("ship")


def test_wrong_answers_are_refused_with_the_right_commands(story: tuple[Outside, Run]) -> None:
    _, run = story
    with pytest.raises(WrongResolution, match=r"`opord runs resolve Coll/c1 --happened` or .*--another`"):
        run.resolve(happened=False)
    with pytest.raises(WrongResolution, match="its result is on record; leave the result out"):
        run.resolve(happened=True, result="x")
    with pytest.raises(InputInvalid, match="either that it happened, or that it is another commit"):
        run.resolve(happened=True, another=True)
    with pytest.raises(InputInvalid):
        run.resolve()
    run.resolve(happened=True)
    run.resolve(happened=True).assert_ended("success")
    with pytest.raises(NotInDoubt):
        run.resolve(another=True)


def test_another_is_no_answer_to_a_doubt(opord_world: World) -> None:
    outside = Outside()
    outside.provider.script["ship"] = ["lost", "broken"]
    outside.provider.honours_keys = False
    opord_world.fakes(COLL.Coll, real=outside)
    run = opord_world.start(COLL.Coll, id="c1").advance("1m").assert_in_doubt("ship")
    with pytest.raises(WrongResolution, match=r"--happened \[RESULT\]` or .*--did-not-happen`"):
        run.resolve(another=True)


def test_a_shared_cancel_gets_the_run_out(story: tuple[Outside, Run]) -> None:
    _, run = story
    run.send.cancel(reason="enough", as_="ann")
    run.assert_ended("cancelled")


def test_terminate_works(story: tuple[Outside, Run]) -> None:
    _, run = story
    run.terminate()
    assert run.status == "ended"


def test_another_that_fails_for_a_moment_is_tried_again_under_the_same_own_key(
    story: tuple[Outside, Run],
) -> None:
    outside, run = story
    outside.provider.script["ship"] = ["busy"]
    run.resolve(another=True).advance("5s").assert_collision("ship")
    assert keys(outside)[2:] == ["Coll/c1/3"]


def test_after_a_restore_another_is_in_doubt_first(opord_world: World) -> None:
    """Its key is the run's own, which says nothing of the lost time."""
    outside = Outside()
    opord_world.fakes(COLL.Coll, real=outside)
    run = opord_world.start(COLL.Coll, id="c1")
    opord_world.restore(opord_world.backup())
    run = opord_world.run(run.id)
    run.resolve(another=True).assert_in_doubt("ship")
    assert keys(outside) == ["c1/a", "c1/b"]
    run.resolve(happened=False).assert_collision("ship")
    assert keys(outside)[2:] == ["Coll/c1/3"]


def test_a_worker_that_dies_after_the_word_changes_nothing(opord_world: World) -> None:
    outside = Outside()
    opord_world.fakes(COLL.Coll, real=outside)
    run = opord_world.start(COLL.Coll, id="c1")
    opord_world.crash_at("before intent")
    run.resolve(another=True).advance("1m").assert_collision("ship")
    assert keys(outside)[2:] == ["Coll/c1/3"]
