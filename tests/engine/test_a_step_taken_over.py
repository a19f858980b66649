"""A step that is taken over must reach the commit on record.

If it does not, the run stalls and no action is called.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive.hooks import Point
from opord.engine.protection import protection_with
from opord.kernel import inbox
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence
from opord.kernel.run import Intent, Outcome, Pending, load_run
from opord.loading import program_of
from tests.support.kit import Kit, crash_at
from tests.support.provider import Provider
from tests.support.stores import overwrite_body

TEXT = """
contract Pay(id: str) key id
effect rate(id: str) -> int
action charge(id: str, amount: int) -> str { key }
action invoice(id: str, amount: int) -> str { key }
initial state Charging -> Charged {
  let amount = perform rate(id)
  let receipt = commit charge(id, amount)
  goto Charged(receipt)
}
final state Charged(receipt: str) success
"""


class Handlers:
    def __init__(self) -> None:
        self.provider = Provider()
        self.rated = 0

    async def rate(self, id: str) -> int:
        self.rated += 1
        return 100 * self.rated

    async def charge(self, id: str, amount: int, *, call: Any) -> str:
        return await self.provider.act("charge", call.key)

    async def invoice(self, id: str, amount: int, *, call: Any) -> str:
        return await self.provider.act("invoice", call.key)


def after_a_crash(change: Callable[[dict[str, Any]], None], *, point: Point = "intent written") -> Kit:
    """Kill an engine at a point, change the stored step, and let another engine go on."""
    kit = Kit(TEXT, lambda _: Handlers())

    async def story(engine: Engine) -> None:
        await engine.start_run(program_of(kit.workflow), {"id": "1"})
        await asyncio.sleep(10**6)

    async def main() -> None:
        assert await crash_at(kit, point, story) == point
        row = kit.row("Pay/1")
        body = json.loads(row.head.body)
        change(body["pending"])
        overwrite_body(kit.store, "Pay/1", json.dumps(body))
        async with kit.engine():
            await kit.until(lambda: kit.row("Pay/1").head.status in ("ended", "stalled"))

    kit.run(main())
    return kit


def test_a_step_gets_its_recorded_answers_again() -> None:
    kit = after_a_crash(lambda pending: None)
    handlers: Handlers = kit.handlers
    assert kit.row("Pay/1").head.state == "Charged"
    assert (handlers.rated, handlers.provider.took_effect("charge")) == (1, 1)


def with_other_arguments(pending: dict[str, Any]) -> None:
    pending["intent"]["args"]["amount"] += 1


def with_another_action(pending: dict[str, Any]) -> None:
    pending["intent"]["call"] = "invoice"


def with_an_answer_of_another_call(pending: dict[str, Any]) -> None:
    pending["answers"][0]["call"] = "charge"


def without_its_answers(pending: dict[str, Any]) -> None:
    pending["answers"] = []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_other_arguments, "the step now asks for another commit than the charge on record"),
        (with_another_action, "the step now asks for another commit than the invoice on record"),
        (with_an_answer_of_another_call, "Diverged: the step asks for rate, but charge is on record"),
        (without_its_answers, "Diverged: the step asks for rate, but a commit of charge is on record"),
    ],
)
def test_a_step_that_does_not_reach_its_commit_stalls_without_a_call(
    change: Callable[[dict[str, Any]], None], said: str
) -> None:
    kit = after_a_crash(change)
    head = kit.row("Pay/1").head
    assert (head.status, head.reason[: len(said)]) == ("stalled", said)
    assert not kit.handlers.provider.calls


def test_an_outcome_on_record_is_not_replaced_by_evidence_that_comes_later() -> None:
    def known(pending: dict[str, Any]) -> None:
        pending["intent"] |= {"in_flight": False, "outcome": {"kind": "ok", "value": "the first"}}

    kit = Kit(TEXT, lambda _: Handlers())
    row = after_a_crash(known).row("Pay/1")
    assert json.loads(row.head.body)["data"] == {"receipt": "the first"}

    program = protection_with(None).of(program_of(kit.workflow))
    run = load_run(program, row)
    run.state, run.status = "Charging", "running"
    intent = Intent(3, "charge", "k", {}, 0, in_flight=False, outcome=Outcome("ok", "the first"))
    run.body.pending = Pending(intent=intent)
    run.past[3] = None  # nothing of it is on record
    assert not inbox.adopt(Draft(run, row.head.since, "w9"), Evidence(3, "charge", 1, "ok", "another", "w1"))
    assert intent.outcome == Outcome("ok", "the first")


def test_an_intent_renews_the_lease_under_which_its_action_is_called() -> None:
    """So the call has the whole lease, however long the calls before it took."""
    leases: list[int] = []
    kit = Kit(TEXT, lambda _: Handlers())

    def note(at: str, run: str) -> None:
        if at == "intent written":
            leases.append(kit.row(run).head.wake_at - kit.clock.now_us)

    async def slow(id: str) -> int:
        await asyncio.sleep(9.0)
        return 1

    async def main() -> None:
        async with kit.engine(hook=note) as engine:
            await engine.start_run(engine._program(kit.workflow), {"id": "1"})
            await kit.until(lambda: kit.row("Pay/1").head.status == "ended")

    kit.handlers.rate = slow
    kit.run(main())
    assert leases == [10_000_000]
