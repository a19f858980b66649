"""An expense is paid once, by a quorum or a director, and by nobody's own hand."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from examples.patterns.approval.expense_approval import BankError, ExpenseApproval
from examples.patterns.approval.handlers import Handlers
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

EXPENSE = {"id": "e1", "employee": "eve", "cents": 4200, "iban": "DE02"}


def faked(world: World) -> Fakes:
    fakes = world.fakes(ExpenseApproval)
    fakes.invite.returns()
    fakes.pay.returns(reference="p1")
    return fakes


def started(world: World, **members: Any) -> Run:
    return world.start(ExpenseApproval, expense={**EXPENSE, **members})


def approve(run: Run, *names: str) -> None:
    for name in names:
        run.send.approve(note="fine", as_=name, role="approver")


@crash_everywhere
def test_two_colleagues_agree(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.assert_waits_for("approve", "reject", "cancel")
    approve(run, "ann", "bob")
    run.assert_ended().assert_state("Paid", approvals=["ann", "bob"], payment={"reference": "p1"})
    assert fakes.pay.happened == 1


@pytest.mark.parametrize("again", ["ann", "eve"])
def test_nobody_counts_twice_or_approves_an_own_expense(opord_world: World, again: str) -> None:
    faked(opord_world)
    run = started(opord_world)
    approve(run, "ann")
    with pytest.raises(opord.Refused, match="its condition for 'approve' is not met"):
        approve(run, again)
    run.assert_state("Collecting", approvals=["ann"])


def test_only_approvers_approve(opord_world: World) -> None:
    faked(opord_world)
    with pytest.raises(opord.Refused, match="only approver may send approve"):
        started(opord_world).send.approve(note="me", as_="ann", role="director")


def test_after_three_days_a_director_decides(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world, quorum=3)
    approve(run, "ann")
    run.advance("36h")
    approve(run, "bob")  # another approval does not start the three days again
    run.advance("36h").assert_state("Deciding", approvals=["ann", "bob"])
    assert [made["group"] for made in fakes.invite.args] == ["colleagues", "directors"]
    run.send.sign_off(note="yes", as_="dora", role="director")
    run.assert_state("Paid", approvals=["ann", "bob", "dora"])


def test_what_nobody_decides_expires(opord_world: World) -> None:
    fakes = faked(opord_world)
    started(opord_world).advance("10d").assert_state("Expired").assert_ended("failure")
    assert fakes.pay.calls == []


@pytest.mark.parametrize("days", ["1d", "4d"])
def test_it_is_rejected_or_withdrawn_before_it_is_paid(opord_world: World, days: str) -> None:
    faked(opord_world)
    run = started(opord_world).advance(days)
    run.send.reject(reason="no receipt", as_="dora", role="director")
    run.assert_state("Rejected", by_whom="dora", reason="no receipt")
    other = started(opord_world, id="e2").advance(days)
    other.send.cancel(reason="found the voucher", as_="eve")
    other.assert_state("Withdrawn").assert_ended("cancelled")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(BankError.Refused(reason="no such account"), "no such account"), (BankError.Busy, "the bank is busy")],
)
def test_a_bank_that_does_not_pay_ends_it(opord_world: World, failure: Any, reason: str) -> None:
    fakes = faked(opord_world)
    fakes.pay.fails(failure)
    run = started(opord_world, quorum=1)
    approve(run, "ann")
    run.assert_state("Unpayable", reason=reason)
    assert len(fakes.pay.calls) == (9 if failure is BankError.Busy else 1)


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_is_asked_for_under_the_same_key(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.pay.times_out(happened=happened, **({"reference": "p0"} if happened else {})).then.returns(
        reference="p1"
    )
    run = started(opord_world, quorum=1)
    approve(run, "ann")
    run.assert_state("Paid", payment={"reference": "p0" if happened else "p1"})
    assert (fakes.pay.keys, fakes.pay.happened) == (["e1", "e1"], 1)


def test_a_message_that_may_be_lost_holds_nothing_up(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.invite.unknown()
    started(opord_world).assert_state("Collecting")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(201, {"reference": "p7"}), "ok"),
        (Answer(422, {"reason": "closed"}), "BankError.Refused"),
        (Answer(429), "BankError.Busy"),
        (NotSent(), "BankError.Busy"),
        (Answer(500), "Strange"),
    ],
)
def test_what_the_bank_says_is_what_the_contract_hears(opord_world: World, answer: Any, outcome: str) -> None:
    bank = Recorded({"/transfers": answer})
    real = Handlers(Recorded({"/groups/colleagues": Answer(200)}), bank)
    fakes = opord_world.fakes(ExpenseApproval, real=real)
    run = started(opord_world, quorum=1)
    approve(run, "ann")
    assert fakes.pay.calls[0].outcome == outcome
    assert bank.posts[0] == ("/transfers", {"iban": "DE02", "cents": 4200, "purpose": "e1"}, "e1")
