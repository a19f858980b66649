"""A cause names how its commit failed: in the journal, and in the story that people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import opord
from opord.testing import World

TEXT = """
contract Claim(id: str) key id
failure BankError { Refused(reason: str) settles, Closed settles }
failure Other { Refused settles }
event again
action pay(id: str) fails BankError | Other { key "{id}/pay", in doubt report }
action refund(id: str) fails BankError undoes pay { key "{id}/refund", repeatable }
initial state Paying -> Asked | Failed {
  match commit pay(id) {
    ok -> goto Asked
    InDoubt -> goto Asked
    else -> goto Failed
  }
}
state Asked -> Done | Failed {
  on again {
    commit refund(id) else -> goto Failed
    goto Done
  }
  after 1d -> goto Done
}
final state Done success
# opord: allow unanswered pay because this is a test
final state Failed failure
"""


@pytest.fixture
def claim(tmp_path: Path) -> Any:
    """Return the module of the contract."""
    file = tmp_path / "claim.opord"
    file.write_text(TEXT)
    return opord.load(file)


def test_a_commit_of_a_state_that_failed(opord_world: World, claim: Any) -> None:
    fakes = opord_world.fakes(claim.Claim)
    fakes.pay.fails(claim.Other.Refused)
    run = opord_world.start(claim.Claim, id="c1")
    assert run.history[-1]["cause"] == "commit pay failed (Refused)"
    assert "■ Failed  failure  after pay failed (Refused)" in run.story


def test_a_commit_of_a_handler_that_failed(opord_world: World, claim: Any) -> None:
    fakes = opord_world.fakes(claim.Claim)
    fakes.pay.returns()
    fakes.refund.fails(claim.BankError.Refused(reason="no such claim"))
    run = opord_world.start(claim.Claim, id="c1")
    assert run.history[-1]["cause"] == "commit pay"
    run.send.again()
    assert run.history[-1]["cause"] == "event again, commit refund failed (Refused)"
    assert "on again, after refund failed (Refused)" in run.story
    with pytest.raises(opord.Refused, match=r"by event again, commit refund failed \(Refused\)"):
        run.send.again()


def test_a_commit_that_stayed_in_doubt(opord_world: World, claim: Any) -> None:
    fakes = opord_world.fakes(claim.Claim)
    fakes.pay.raises(ConnectionError("reset"))
    run = opord_world.start(claim.Claim, id="c1")
    assert run.history[-1]["cause"] == "commit pay stayed in doubt"
    assert "● Asked  after pay stayed in doubt" in run.story
