"""A person's data are deleted once that person, time and the law allow it, and then for certain."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from examples.patterns.deletion.deletion_request import DeletionRequest, StoreError
from examples.patterns.deletion.handlers import Handlers
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

REQUEST = {"id": "d1", "person": "p1", "email": "pat@example.org", "code": "4711"}


def faked(world: World) -> Fakes:
    fakes = world.fakes(DeletionRequest)
    fakes.auto()
    fakes.open_case.returns(None)
    fakes.erase_account.returns(system="account", records=3)
    fakes.erase_archive.returns(system="archive", records=40)
    fakes.certify.returns("cert-1")
    return fakes


def confirmed(world: World) -> Run:
    run = world.start(DeletionRequest, request=REQUEST)
    run.send.confirm_identity(as_="pat", role="person")
    return run.assert_state("Considering")


@crash_everywhere
def test_all_is_deleted_after_a_week(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = confirmed(opord_world).advance("8d")
    run.assert_ended().assert_state("Deleted", certificate="cert-1")
    assert fakes.erase_account.happened == fakes.erase_archive.happened == fakes.certify.happened == 1
    assert [proof.records for proof in fakes.certify.calls[-1].args["proofs"]] == [3, 40]
    assert "4711" not in run.story


def test_who_is_not_confirmed_is_not_deleted(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = opord_world.start(DeletionRequest, request=REQUEST)
    with pytest.raises(opord.Refused, match="only person"):
        run.send.confirm_identity(as_="eve")
    run.advance("7d").assert_state("NotConfirmed").assert_ended("cancelled")
    assert fakes.erase_account.calls == []


def test_a_person_thinks_again(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = confirmed(opord_world).advance("6d")
    run.send.keep_my_data(why="my pictures", as_="pat", role="person")
    run.assert_state("Withdrawn", why="my pictures")
    assert fakes.erase_account.calls == []


def test_a_hold_may_come_early_and_is_released(opord_world: World) -> None:
    faked(opord_world)
    run = opord_world.start(DeletionRequest, request=REQUEST)
    assert run.send.hold(case_id="c7", as_="lea", role="counsel").sent.status == "stored"
    run.send.confirm_identity(as_="pat", role="person")
    run.assert_state("Held", case_id="c7")
    assert run.send.hold(case_id="c8", as_="lea", role="counsel").sent.status == "ignored"
    assert run.send.release(case_id="c9", as_="lea", role="counsel").sent.status == "stored"
    run.assert_state("Held").send.release(case_id="c7", as_="lea", role="counsel")
    run.assert_state("Deleted")


@pytest.mark.parametrize("known", [True, False])
def test_an_open_case_holds_it_and_so_does_not_knowing(opord_world: World, known: bool) -> None:
    fakes = faked(opord_world)
    if known:
        fakes.open_case.returns("c1")
    else:
        fakes.open_case.times_out()
    run = confirmed(opord_world).advance("8d").assert_state("Held", case_id="c1" if known else "unknown")
    run.advance("90d").assert_state("Refused").assert_ended("failure")
    assert fakes.erase_account.calls == []


@pytest.mark.parametrize("store", ["account", "archive"])
def test_a_locked_store_is_tried_again_each_day_and_the_other_is_not_asked_twice(
    opord_world: World, store: str
) -> None:
    fakes = faked(opord_world)
    fakes[f"erase_{store}"].fails(StoreError.Locked).times(21).then.returns(system=store, records=5)
    run = confirmed(opord_world).advance("7d1h").assert_state("Waiting")
    assert fakes.alert_officer.args == [{"text": f"deletion d1: {store}: Locked"}]
    run.advance("3d").assert_state("Deleted")
    assert len(fakes.erase_account.calls) == (22 if store == "account" else 1)


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_is_asked_for_again(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.erase_account.times_out(happened=happened).then.returns(system="account", records=3)
    confirmed(opord_world).advance("8d").assert_state("Deleted")
    assert (fakes.erase_account.happened, set(fakes.erase_account.keys)) == (1, {"p1"})


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, {"records": 2}), "ok"),
        (Answer(423), "StoreError.Locked"),
        (NotSent(), "StoreError.Locked"),
        (Answer(500), "Strange"),
    ],
)
def test_what_a_store_says_is_what_the_contract_hears(opord_world: World, answer: Any, outcome: str) -> None:
    mail = Recorded({"/mails": Answer(202)})
    legal = Recorded({"/cases?person=p1": Answer(404), "/certificates": Answer(201, {"certificate": "x"})})
    stores = Recorded({"/account/erase": answer, "/archive/erase": answer})
    fakes = opord_world.fakes(DeletionRequest, real=Handlers(mail, legal, stores))
    run = confirmed(opord_world).advance("7d")
    assert mail.posts[0][1] == {"to": "pat@example.org", "text": "4711"}
    assert fakes.erase_account.calls[0].outcome == outcome
    if outcome == "ok":
        run.assert_state("Deleted")
        assert legal.posts == [("/certificates", {"request": "d1", "records": 4}, "d1")]
    if outcome == "StoreError.Locked":
        assert mail.posts[-1][1]["to"] == "officer"
    legal.answers["/cases?person=p1"] = Answer(200, {"case": "c1"})
    other = opord_world.start(DeletionRequest, request={**REQUEST, "id": "d2"})
    other.send.confirm_identity(as_="pat", role="person")
    other.advance("7d").assert_state("Held", case_id="c1")
