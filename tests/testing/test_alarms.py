"""A late answer can be scripted, and the alarm that it raises asserted."""

from __future__ import annotations

import pytest

from opord.testing import Fakes, Run, ScriptError, World
from tests.testing.conftest import PAYOUT, RECEIPT

BankError = PAYOUT.BankError


def paid(world: World) -> Run:
    run = world.start(PAYOUT.Payout, id="p1", cents=500)
    run.send.approve(note="ok", as_="ann", role="clerk")
    return run


def test_a_late_answer_that_contradicts_raises_an_alarm(opord_world: World, fakes: Fakes) -> None:
    fakes.transfer.returns(**RECEIPT)
    run = paid(opord_world).assert_ended()
    run.answered_late("transfer", RECEIPT)
    with pytest.raises(AssertionError, match="it has no alarm, and none about transfer"):
        run.assert_alarm("transfer")
    run.answered_late("transfer", {**RECEIPT, "ref": "another"}).assert_alarm("transfer").assert_ended()
    assert [need["reason"] for need in run.view["needs"]] == ["alarm"]
    with pytest.raises(AssertionError, match="it has an alarm about transfer, and none about notify"):
        run.assert_alarm("notify")
    run.acknowledge(reason="refunded")
    assert (run.view["needs"], run.history[-1]["kind"]) == ([], "acknowledged")


def test_a_late_failure_contradicts_no_result_of_a_call(opord_world: World, fakes: Fakes) -> None:
    fakes.transfer.fails(BankError.Busy).then.returns(**RECEIPT)
    run = paid(opord_world)
    run.answered_late("transfer", failure=BankError.Busy(), attempt=1)
    assert run.history[-1]["kind"] == "evidence"
    with pytest.raises(AssertionError, match="none about transfer"):
        run.assert_alarm("transfer")


def test_only_an_attempt_that_was_made_can_answer(opord_world: World, fakes: Fakes) -> None:
    run = opord_world.start(PAYOUT.Payout, id="p1", cents=500)
    with pytest.raises(ScriptError, match="has not called transfer yet"):
        run.answered_late("transfer", RECEIPT)
    with pytest.raises(ScriptError, match="has no action pay"):
        run.answered_late("pay", RECEIPT)
