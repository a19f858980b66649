"""Secrets that a step has just received from its event or an answer are hidden in errors too."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import opord
from opord.testing import World
from tests.support.contracts import compiled

CONTRACT = """
contract Underway(id: str) key id
event confirm(code: secret str)
effect look(id: str) -> str
effect token(id: str) -> secret str
action pay(id: str) { in doubt ask }
initial state Waiting -> Paying | Done {
  on confirm(code) -> {
    let seen = perform look(id)
    goto Paying(seen)
  }
  after 1h -> goto Done
}
state Paying(seen: str) -> Done {
  let found = perform token(id)
  commit pay(id)
  goto Done
}
final state Done success
"""
CODE, TOKEN = "code-7741-heard", "token-9920-heard"


class Handlers:
    """Handlers that remember what they received, as a client does that logs its requests.

    They repeat it in their errors.
    """

    def __init__(self, fails: str) -> None:
        self.fails = fails

    def look(self, id: str) -> str:
        if self.fails == "look":
            raise RuntimeError(f"refused {CODE}")
        return "seen"

    def token(self, id: str) -> Any:
        return opord.Secret(TOKEN)

    def pay(self, id: str, *, call: opord.Call) -> None:
        raise RuntimeError(f"refused {TOKEN}")


@pytest.mark.parametrize(("fails", "secret", "kind"), [("look", CODE, "stalled"), ("pay", TOKEN, "doubt")])
def test_secrets_that_a_step_has_just_received_are_hidden(
    opord_world: World, caplog: pytest.LogCaptureFixture, fails: str, secret: str, kind: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="opord")
    run = opord_world.start(compiled(CONTRACT).Underway, handlers=Handlers(fails), id="u1")
    run.send.confirm(code=CODE, as_="ann")
    (row,) = [row for row in opord_world.journal(run.id) if row.kind == kind]
    told = f"{row.body}\n{run.story}\n{run.view}\n{caplog.text}"
    assert secret not in told
    assert "refused [secret]" in told
