"""Somebody is woken up: the first on call, the next, then everybody, until one answers."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from examples.patterns.paging.handlers import Handlers
from examples.patterns.paging.incident_paging import IncidentPaging
from examples.patterns.service import Answer, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

INCIDENT = {"id": "i1", "service": "shop", "severity": "Major", "summary": "orders fail"}


def faked(world: World) -> Fakes:
    fakes = world.fakes(IncidentPaging)
    fakes.on_call.does(lambda service, level: f"{service}-{level}")
    fakes.page.returns()
    fakes.page_everybody.returns()
    fakes.open_review.returns("T-1")
    return fakes


def started(world: World, **members: Any) -> Run:
    return world.start(IncidentPaging, incident={**INCIDENT, **members})


def acknowledge(run: Run) -> Run:
    run.send.acknowledge(as_="rosa", role="responder")
    return run.assert_state("Working", responder="rosa")


@crash_everywhere
def test_the_first_on_call_answers_and_resolves(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = acknowledge(started(opord_world))
    run.send.resolve(cause="full disk", as_="rosa", role="responder")
    run.assert_ended().assert_state("Resolved", responder="rosa", cause="full disk")
    assert fakes.open_review.happened <= 1
    assert fakes.page.happened == 1
    if run.fields.review is None:
        assert "in doubt" in run.story


def test_level_by_level_then_everybody_then_nobody(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world).advance("29m")
    assert fakes.page.keys == ["i1/1/1/shop-1", "i1/1/2/shop-2", "i1/1/3/shop-3"]
    assert fakes.page_everybody.calls == []
    run.advance("2m").assert_state("Shouting")
    assert fakes.page_everybody.happened == 1
    run.advance("2h").assert_state("Unanswered").assert_ended("failure")


def test_what_is_critical_goes_up_faster(opord_world: World) -> None:
    faked(opord_world)
    started(opord_world, severity="Critical").advance("10m").assert_state("Shouting")


def test_nobody_on_call_means_everybody(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.on_call.returns(None)
    started(opord_world).assert_state("Shouting")
    fakes.on_call.times_out()
    started(opord_world, id="i2").assert_state("Shouting")
    assert fakes.page.calls == []


def test_even_late_an_answer_counts(opord_world: World) -> None:
    faked(opord_world)
    acknowledge(started(opord_world).advance("40m").assert_state("Shouting"))


def test_an_acknowledgement_in_the_midst_of_a_page_is_taken_after_it(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.page.returns(after="10s")
    with opord_world.time_stands_still():
        run = started(opord_world)
        run.assert_state("Paging")
        assert run.send.acknowledge(as_="rosa", role="responder").sent.status == "stored"
    run.assert_state("Working", responder="rosa")
    assert fakes.page.happened == 1


def test_it_is_handed_over_and_called_again_if_nobody_resolves_it(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = acknowledge(started(opord_world)).advance("11h")
    run.send.hand_over(to_whom="sam", as_="rosa", role="responder")
    run.advance("11h").assert_state("Working", responder="sam")
    run.advance("1h").assert_state("Ringing", person="shop-1")
    assert fakes.page.keys == ["i1/1/1/shop-1", "i1/2/1/shop-1"]


def test_the_next_turn_rings_all_telephones_again(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.on_call.returns(None)
    run = acknowledge(started(opord_world))
    run.advance("12h").assert_state("Shouting")
    assert fakes.page_everybody.happened == 2


@pytest.mark.parametrize("working", [True, False])
def test_only_the_lead_calls_it_a_false_alarm(opord_world: World, working: bool) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    if working:
        acknowledge(run)
    with pytest.raises(opord.Refused, match="only lead"):
        run.send.false_alarm(reason="a test", as_="rosa", role="responder")
    run.send.false_alarm(reason="a test", as_="lea", role="lead")
    run.assert_state("Dismissed", by_whom="lea").assert_ended()
    assert fakes.open_review.calls == []


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_page_is_repeated_under_its_key(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.page.times_out(happened=happened).then.returns()
    started(opord_world).assert_state("Ringing")
    assert (len(fakes.page.calls), fakes.page.happened) == (2, 1)


def test_a_review_that_may_be_there_is_not_opened_twice(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.open_review.unknown(happened=True)
    run = acknowledge(started(opord_world))
    run.send.resolve(cause="full disk", as_="rosa", role="responder")
    run.assert_state("Resolved", review=None)
    assert len(fakes.open_review.calls) == 1


def test_handlers_read_the_plan_ring_and_write_tickets(opord_world: World) -> None:
    plan = Recorded({"/shop/1": Answer(200, {"person": "rosa"}), "/shop/2": Answer(404)})
    pager = Recorded({"/pages": Answer(200), "/broadcasts": Answer(200)})
    tickets = Recorded({"/tickets": Answer(201, {"ticket": "T-9"})})
    opord_world.fakes(IncidentPaging, real=Handlers(plan, pager, tickets))
    run = started(opord_world).advance("11m").assert_state("Shouting")
    assert pager.posts == [
        ("/pages", {"to": "rosa", "text": "Major: orders fail (level 1)"}, "i1/1/1/rosa"),
        ("/broadcasts", {"text": "orders fail"}, "i1/1"),
    ]
    run.send.resolve(cause="a bug", as_="rosa", role="responder")
    run.assert_state("Resolved", review="T-9")
    assert tickets.posts == [("/tickets", {"title": "i1: a bug", "owner": "rosa"}, None)]
