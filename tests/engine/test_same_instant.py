"""C19: a cancel, an approval and a timer at the same instant, in several processes.

One wins, and the losers learn which.
"""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from opord.drive.errors import EventRefused, RunEnded
from opord.generated import Sent
from tests.support.kit import Kit

TEXT = """
contract Race(id: str) key id version 1
event approve(note: str)
event cancel(reason: str)
initial state Open -> Approved | Cancelled | Late {
  on approve(note) -> goto Approved(note)
  on cancel(reason) -> goto Cancelled(reason)
  after 10s -> goto Late
}
final state Approved(note: str) success
final state Cancelled(reason: str) cancelled
final state Late failure
"""

EVENTS = {"approve": {"note": "fine"}, "cancel": {"reason": "no more"}}
WINS = {"approve": "Approved", "cancel": "Cancelled", "timer": "Late"}


def race(order: tuple[str, ...], offset_s: float) -> tuple[Kit, list[tuple[str, Any]]]:
    """Send the events of `order` so long after the timer is due.

    Two workers run, and each sender has its own process.
    """
    kit = Kit(TEXT, lambda _: object())
    answers: list[tuple[str, Any]] = []

    async def send(name: str) -> None:
        async with kit.engine(serve=False) as engine:
            await asyncio.sleep(kit.row("Race/1").head.wake_at / 1e6 + offset_s - kit.clock.now() / 1e6)
            try:
                answers.append((name, await engine.send_event("Race/1", name, EVENTS[name], actor=name)))
            except (EventRefused, RunEnded) as refusal:
                answers.append((name, refusal))

    async def story() -> None:
        async with kit.engine() as engine, kit.engine():
            await engine.start(kit.workflow, id="1")
            await asyncio.gather(*(send(name) for name in order))
            await kit.until(lambda: kit.row("Race/1").head.status == "ended", seconds=60)

    kit.run(story())
    kit.check()
    return kit, answers


@pytest.mark.parametrize("offset_s", [-1.0, -0.000_5, 0.0, 0.000_5, 0.02])
@pytest.mark.parametrize(
    "order",
    [*permutations(EVENTS), ("approve",), ("cancel",), ("approve", "cancel", "approve")],
    ids="-".join,
)
def test_exactly_one_wins_and_the_losers_learn_which(order: tuple[str, ...], offset_s: float) -> None:
    kit, answers = race(order, offset_s)
    transitions = [one for one in kit.records("Race/1") if one["kind"] == "transition"]
    assert len(transitions) == 1
    state = kit.row("Race/1").head.state
    won = [name for name, answer in answers if isinstance(answer, Sent)]
    assert [WINS[name] for name in won] == ([] if state == "Late" else [state])
    assert (state == "Late") == (offset_s >= 0), "a timer that is due wins over what comes later"
    losers = [answer for _, answer in answers if not isinstance(answer, Sent)]
    assert len(won) + len(losers) == len(order)
    for answer in losers:
        assert isinstance(answer, RunEnded)
        assert f"has ended in {state}" in str(answer)
