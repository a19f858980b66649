"""What is reported of a faulty handler: when it stalled, what is retried, and never a secret."""

from __future__ import annotations

from datetime import datetime

import pytest

from opord.drive import effects
from opord.drive.errors import UnknownEvent
from tests.engine.desk import Here, Sim

LOOKUP = """
contract Lookup(n: int, token: secret str) key n version 1
effect look(n: int, token: secret str) -> str
initial state Looking -> Found {
  let text = perform look(n, token)
  goto Found(text)
}
final state Found(text: str) success
"""
INPUT = {"n": 1, "token": "hunter2-hunter2"}


def test_a_stall_is_recorded_at_the_moment_after_the_last_attempt() -> None:
    sim = Sim(LOOKUP, input=INPUT, look=[ValueError("no")]).rest()
    last = sim.desk.made["look"][-1].at
    started, stalled = sim.kit.records(sim.id)
    waited = datetime.fromisoformat(stalled["at"]) - datetime.fromisoformat(started["at"])
    assert stalled["kind"] == "stalled"
    assert waited.total_seconds() >= last > 0


def test_the_log_has_the_error_and_the_instant_of_the_next_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(effects.log, "info", lambda form, *values: said.append(form % values))
    Sim(LOOKUP, input=INPUT, look=[ValueError("bad token hunter2-hunter2"), "text"]).rest(drawn=0.5)
    assert said == [
        "Lookup/1: attempt 1 of look went wrong: ValueError: bad token [secret]; trying again in 1.0 s"
    ]


def test_a_cancel_that_no_state_handles_is_refused_with_the_reason() -> None:
    sim = Sim(LOOKUP, input=INPUT, look=["text"])

    async def story(here: Here) -> None:
        with pytest.raises(UnknownEvent, match="no state of Lookup handles `cancel`"):
            await here.send("cancel", reason="no more")

    sim.tell(story)
