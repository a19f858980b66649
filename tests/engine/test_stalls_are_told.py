"""What is reported of a faulty handler: when it stalled, what is retried, and never a secret."""

from __future__ import annotations

import logging
import re
from datetime import datetime

import pytest

from opord.drive.errors import UnknownEvent
from opord.kernel.instants import in_words, parse
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
    started, *_, stalled = sim.kit.records(sim.id)
    waited = datetime.fromisoformat(stalled["at"]) - datetime.fromisoformat(started["at"])
    assert stalled["kind"] == "stalled"
    assert waited.total_seconds() >= last > 0


def test_the_log_has_the_error_and_the_instant_of_each_attempt_to_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = "bad token hunter2-hunter2"
    with (
        caplog.at_level(logging.INFO, logger="opord.worker"),
        caplog.at_level(logging.INFO, logger="opord.needs"),
    ):
        sim = Sim(LOOKUP, input=INPUT, look=[ValueError(secret)]).rest(drawn=0.5)
    attempts = [one for one in sim.kit.records(sim.id) if one["kind"] == "attempt"]
    told = [record for record in caplog.records if record.name in ("opord.worker", "opord.needs")]
    warned = ", and if that goes wrong too, the run stalls"
    error = attempts[0]["error"]
    assert re.fullmatch(r"ValueError: bad token \[secret\] \(tests/engine/desk.py:\d+\)", error)
    assert [(one.levelname, one.getMessage()) for one in told] == [
        *(
            (
                "WARNING" if number == 3 else "INFO",
                f"Lookup/1: attempt {number} of look failed: {error}; "
                f"it is tried again at {in_words(parse(attempt['next']))}{warned if number == 3 else ''}",
            )
            for number, attempt in enumerate(attempts, 1)
        ),
        (
            "WARNING",
            f"Lookup/1 stalled in Looking, calling look: {error}; mend it, then `opord runs resume Lookup/1`",
        ),
    ]
    assert len(attempts) == 3


def test_a_cancel_that_no_state_handles_is_refused_with_the_reason() -> None:
    sim = Sim(LOOKUP, input=INPUT, look=["text"])

    async def story(here: Here) -> None:
        with pytest.raises(UnknownEvent, match="no state of Lookup handles `cancel`"):
            await here.send("cancel", reason="no more")

    sim.tell(story)
