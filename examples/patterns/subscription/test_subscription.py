"""A period is paid once, reminded of three times, or the subscription ends."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from examples.patterns.service import Answer, NotSent, Recorded
from examples.patterns.subscription.handlers import Handlers
from examples.patterns.subscription.subscription import CardError, Subscription
from opord.testing import Fakes, Run, World, crash_everywhere

ACCOUNT = {"id": "a1", "email": "ada@example.org", "card": "tok_1"}
PLAN = {"name": "Basic", "cents": 900}


def faked(world: World) -> Fakes:
    fakes = world.fakes(Subscription)
    fakes.charge.does(lambda account, plan, period, notice: f"r{period}")
    fakes.remind.returns()
    fakes.close_access.returns()
    return fakes


def started(world: World) -> Run:
    return world.start(Subscription, account=ACCOUNT, plan=PLAN)


def periods(fakes: Fakes) -> list[int]:
    return [made.args["period"] for made in fakes.charge.effects]


@crash_everywhere
def test_each_month_is_charged_once(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world).advance("61d").assert_state("Active", period=3, receipt="r3")
    assert periods(fakes) == [1, 2, 3]
    run.send.unsubscribe(why="moving", as_="ada", role="customer")
    run.assert_ended().assert_state("Ended", reason="moving")
    assert fakes.close_access.happened == 1
    assert "tok_1" not in run.story


def test_nothing_is_charged_after_the_end(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.send.unsubscribe(why="moving", as_="ada", role="customer")
    run.advance("365d")
    assert periods(fakes) == [1]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (CardError.Declined(reason="no funds"), "no funds"),
        (CardError.Unavailable, "the card service is unavailable"),
    ],
)
def test_three_notices_a_week_apart_then_the_end(opord_world: World, failure: Any, said: str) -> None:
    fakes = faked(opord_world)
    fakes.charge.fails(failure)
    run = started(opord_world).advance("20d").assert_state("Owing", notice=3)
    assert [args["text"] for args in fakes.remind.args] == [
        f"Basic: {said} (notice {number} of 3)" for number in (1, 2, 3)
    ]
    run.advance("2d").assert_state("Ended", reason="not paid after three notices")
    assert sorted(set(fakes.charge.keys)) == ["a1/1/0", "a1/1/1", "a1/1/2", "a1/1/3"]


@crash_everywhere
def test_it_is_paid_at_the_second_notice(opord_world: World) -> None:
    fakes = faked(opord_world)

    def charge(account: Any, plan: Any, period: int, notice: int) -> str:
        if notice < 2:
            raise CardError.Declined(reason="no funds")
        return "r1"

    fakes.charge.does(charge)
    started(opord_world).advance("16d").assert_state("Active", period=1, receipt="r1")
    assert periods(fakes) == [1]


def test_a_new_card_is_tried_at_once(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.charge.fails(CardError.Declined(reason="expired")).then.returns("r1")
    run = started(opord_world).assert_state("Owing", notice=1)
    assert run.send.change_card(card_id="c2", as_="ada", role="customer").sent.status == "taken"
    run.assert_state("Active", receipt="r1")
    assert run.send.change_card(card_id="c2", as_="ada", role="customer").sent.status == "repeated"
    assert run.send.change_card(card_id="c3", as_="ada", role="customer").sent.status == "ignored"
    with pytest.raises(opord.Refused, match="only customer"):
        run.send.unsubscribe(why="x", as_="eve")


@pytest.mark.parametrize("first", [True, False])
def test_a_stolen_card_ends_it(opord_world: World, first: bool) -> None:
    fakes = faked(opord_world)
    if first:
        fakes.charge.fails(CardError.Stolen)
    else:
        fakes.charge.fails(CardError.Declined(reason="no")).then.fails(CardError.Stolen)
    started(opord_world).advance("8d").assert_state("Ended", reason="the card is reported stolen")
    assert fakes.close_access.happened == 1


def test_it_is_left_while_it_owes(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.charge.fails(CardError.Declined(reason="no"))
    run = started(opord_world)
    run.send.unsubscribe(why="too dear", as_="ada", role="customer")
    run.assert_state("Ended", reason="too dear")


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_charges_no_period_twice(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.charge.times_out(*(["r1"] if happened else []), happened=happened).then.returns("r1")
    started(opord_world).assert_state("Active", receipt="r1")
    assert (periods(fakes), set(fakes.charge.keys)) == ([1], {"a1/1/0"})


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(201, {"receipt": "r1"}), "ok"),
        (Answer(402, {"reason": "no funds"}), "CardError.Declined"),
        (Answer(410), "CardError.Stolen"),
        (Answer(429), "CardError.Unavailable"),
        (NotSent(), "CardError.Unavailable"),
        (Answer(500), "Strange"),
    ],
)
def test_what_the_card_service_says_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    cards, mail = Recorded({"/charges": answer}), Recorded({"/mails": Answer(202)})
    accounts = Recorded({"/accounts/a1/close": Answer(200)})
    fakes = opord_world.fakes(Subscription, real=Handlers(cards, mail, accounts))
    run = started(opord_world)
    assert fakes.charge.calls[0].outcome == outcome
    assert cards.posts[0] == ("/charges", {"card": "tok_1", "cents": 900, "text": "Basic 1"}, "a1/1/0")
    if outcome == "CardError.Declined":
        assert mail.posts[0][1] == {"to": "ada@example.org", "text": "Basic: no funds (notice 1 of 3)"}
        run.send.unsubscribe(why="x", as_="ada", role="customer")
        assert accounts.posts == [("/accounts/a1/close", {}, "a1")]
