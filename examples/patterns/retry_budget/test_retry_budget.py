"""A webhook is delivered once, or given up when its budget is used up, and somebody is told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from examples.patterns.retry_budget.handlers import Handlers
from examples.patterns.retry_budget.webhook_delivery import PartnerError, WebhookDelivery
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

WEBHOOK = {"id": "w1", "url": "/hooks", "body": {"n": 1}, "signing_key": "s3cret"}


def faked(world: World) -> Fakes:
    fakes = world.fakes(WebhookDelivery)
    fakes.deliver.returns()
    fakes.tell_owner.returns()
    return fakes


def started(world: World, **members: Any) -> Run:
    return world.start(WebhookDelivery, webhook=WEBHOOK, **members)


@crash_everywhere
def test_it_is_delivered_in_the_second_round(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.deliver.fails(PartnerError.Unreachable).times(3).then.returns()
    run = started(opord_world).advance("1h")
    if run.status == "in_doubt":
        # Its worker died during an attempt, and those that were left all failed: a person says what happened.
        run.assert_in_doubt("deliver").resolve(happened=False).advance("1h")
    run.assert_ended().assert_state("Delivered")
    assert fakes.deliver.happened == 1


def test_the_pauses_grow(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.deliver.fails(PartnerError.Busy)
    run = started(opord_world, budget=4)
    run.advance("2h").assert_ended("failure").assert_state("GaveUp", rounds=4, reason="no answer in 4 rounds")
    rounds = [made.at for made in fakes.deliver.calls][::3]
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(rounds)]
    assert [int(pause // 300) for pause in pauses] == [1, 4, 9]
    assert fakes.tell_owner.args == [{"text": "webhook w1: no answer in 4 rounds"}]


def test_a_partner_who_is_gone_is_not_tried_again(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.deliver.fails(PartnerError.Gone(status=410))
    started(opord_world).assert_state("GaveUp", reason="the partner answers 410")
    assert len(fakes.deliver.calls) == 1


def test_a_person_tries_at_once_or_gives_up(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.deliver.fails(PartnerError.Busy).times(6).then.returns()
    run = started(opord_world)
    run.send.try_now(as_="ops", role="operator")
    run.assert_state("Resting", rounds=2).send.try_now(as_="ops", role="operator")
    run.assert_state("Delivered", rounds=3)
    fakes.deliver.fails(PartnerError.Busy)
    other = opord_world.start(WebhookDelivery, webhook={**WEBHOOK, "id": "w2"})
    other.send.cancel(reason="the order is void")
    other.assert_ended("cancelled")


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_is_repeated_under_the_same_key(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.deliver.times_out(happened=happened).then.returns()
    started(opord_world).assert_state("Delivered", rounds=1)
    assert (fakes.deliver.keys, fakes.deliver.happened) == (["w1", "w1"], 1)


def test_a_doubt_is_no_failure_and_waits_for_a_person(opord_world: World) -> None:
    """Three attempts without an answer: nobody knows, and a further round would not be honest."""
    fakes = faked(opord_world)
    fakes.deliver.unknown()
    run = started(opord_world)
    run.assert_in_doubt("deliver").resolve(happened=False)
    assert len(fakes.deliver.calls) == 6
    run.assert_in_doubt("deliver").resolve(happened=True).assert_state("Delivered")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(204), "ok"),
        (Answer(410), "PartnerError.Gone"),
        (Answer(503), "PartnerError.Busy"),
        (NotSent(), "PartnerError.Unreachable"),
        (Answer(500), "Strange"),
    ],
)
def test_what_a_partner_says_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    partners = Recorded({"/hooks": answer})
    fakes = opord_world.fakes(WebhookDelivery, real=Handlers(partners, Recorded({"/mails": Answer(202)})))
    run = started(opord_world, budget=1)
    assert fakes.deliver.calls[0].outcome == outcome
    path, body, key = partners.posts[0]
    assert (path, body["text"], key, len(body["signature"])) == ("/hooks", '{"n": 1}', "w1", 64)
    assert "s3cret" not in run.story
