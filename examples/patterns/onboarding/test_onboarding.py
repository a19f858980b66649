"""A new user is led to a first project, reminded twice and no more, and let go."""

from __future__ import annotations

import pytest

import opord
from examples.patterns.onboarding.handlers import Handlers
from examples.patterns.onboarding.user_onboarding import Step, UserOnboarding
from examples.patterns.service import Answer, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

USER = {"id": "u1", "email": "uma@example.org", "name": "Uma"}


def faked(world: World) -> Fakes:
    fakes = world.fakes(UserOnboarding)
    for fake in fakes:
        fake.returns()
    return fakes


def started(world: World) -> Run:
    return world.start(UserOnboarding, user=USER)


def verify(run: Run, address: str = "uma@example.org") -> Run:
    run.send.email_verified(address=address, as_="mailer", role="system")
    return run


def create(run: Run) -> str:
    return run.send.project_created(project="demo", as_="app", role="system").sent.status


@crash_everywhere
def test_a_user_verifies_and_creates(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = verify(started(opord_world)).assert_state("WaitingForProject", reminders=0)
    create(run)
    run.assert_ended().assert_state("Active", project="demo")
    assert fakes.grant_trial.happened == 1
    assert fakes.send_welcome.happened <= 1


def test_a_project_that_comes_first_is_kept(opord_world: World) -> None:
    faked(opord_world)
    run = started(opord_world)
    assert [create(run), create(run)] == ["stored", "repeated"]
    verify(run).assert_state("Active", project="demo")


def test_another_address_verifies_nothing(opord_world: World) -> None:
    faked(opord_world)
    verify(started(opord_world), "eve@example.org").assert_state("WaitingForEmail")


@crash_everywhere
def test_who_never_verifies_is_reminded_twice_and_let_go(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world).advance("8d")
    run.assert_state("Gone", reason="never verified the address").assert_ended("cancelled")
    assert [made.args["number"] for made in fakes.send_reminder.effects] in ([1, 2], [1], [2])
    assert fakes.free_account.happened == 1


def test_reminders_come_after_one_day_and_three(opord_world: World) -> None:
    fakes = faked(opord_world)
    begun = opord_world.now
    started(opord_world).advance("8d")
    hours = [(made.at - begun).total_seconds() // 3600 for made in fakes.send_reminder.calls]
    assert hours == [24, 96]
    assert {made.args["step"] for made in fakes.send_reminder.calls} == {Step.VerifyEmail}


def test_who_creates_nothing_is_dormant_and_keeps_the_account(opord_world: World) -> None:
    fakes = faked(opord_world)
    verify(started(opord_world)).advance("9d").assert_state("Dormant", reason="no project yet")
    assert [made.args["step"] for made in fakes.send_reminder.calls] == [Step.FirstProject] * 2
    assert fakes.free_account.calls == []


@pytest.mark.parametrize(("verified", "state"), [(False, "Gone"), (True, "Dormant")])
def test_whoever_opts_out_hears_no_more(opord_world: World, verified: bool, state: str) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    if verified:
        verify(run)
    with pytest.raises(opord.Refused, match="only customer"):
        run.send.opted_out(reason="no", as_="app", role="system")
    run.send.opted_out(reason="too many mails", as_="uma", role="customer")
    run.assert_state(state, reason="too many mails").advance("30d")
    assert fakes.send_reminder.calls == []


def test_a_mail_that_may_be_lost_holds_nothing_up_and_is_not_sent_twice(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.send_welcome.unknown()
    verify(started(opord_world)).assert_state("WaitingForProject")
    assert len(fakes.send_welcome.calls) == 1


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_grants_one_trial(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.grant_trial.times_out(happened=happened).then.returns()
    verify(started(opord_world)).assert_state("WaitingForProject")
    assert fakes.grant_trial.happened == 1


def test_handlers_write_mails_and_open_trials(opord_world: World) -> None:
    mail = Recorded({"/mails": Answer(202)})
    accounts = Recorded({"/accounts/u1/trial": Answer(200), "/accounts/u1/free": Answer(200)})
    opord_world.fakes(UserOnboarding, real=Handlers(mail, accounts))
    run = started(opord_world).advance("25h")
    assert [post[1]["text"] for post in mail.posts] == [
        "Welcome, Uma",
        "Uma, please confirm your address (1)",
    ]
    verify(run)
    assert accounts.posts == [("/accounts/u1/trial", {}, "u1")]
    other = opord_world.start(UserOnboarding, user={**USER, "id": "u2"})
    accounts.answers["/accounts/u2/free"] = Answer(500)
    other.send.opted_out(reason="no", as_="uma", role="customer")
    other.assert_in_doubt("free_account")
