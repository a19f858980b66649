"""Limits in an engine: runs wait in a queue without holding a place, and go on in their turn."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from opord.drive.permits import LOOK_US
from opord.kernel.limits import Limit, Permit
from opord.kernel.views import history_view
from opord.loading import program_of
from opord.story.lines import tell
from opord.values.types import Duration
from tests.support.kit import Kit, crash_at

SECOND = 1_000_000

ORDER = """
contract Order(id: str, customer: str) key id version 1
failure Bank { Declined(why: str), Busy transient }
role clerk
effect look(id: str) -> str
action charge(id: str, from: str) -> str fails Bank { key id, timeout 20s, retry 3 times backoff 1s to 1s }

phase Open {
  on cancel(reason) -> goto Stopped(reason)
  after 1h -> goto Stopped("it took an hour")
  initial state Paying -> Paid | Stopped {
    let seen = perform look(id)
    match commit charge(id, customer) {
      ok receipt -> goto Paid("{seen} {receipt}")
      Declined(why) -> goto Stopped(why)
      Busy -> goto Stopped("busy")
    }
  }
}
final state Paid(how: str) success
final state Stopped(why: str) failure
"""


class Desk:
    """Handlers that take a second, and note how many calls there were at once and when."""

    def __init__(self, module: Any, kit: Any = None) -> None:
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.at: list[tuple[str, float]] = []
        self.seconds = 1.0
        self.module = module
        self.script: list[BaseException] = []

    async def _call(self, name: str, who: str) -> str:
        self.calls[name] += 1
        self.under_way[name] += 1
        self.at.append((name, asyncio.get_running_loop().time()))
        self.most[name] = max(self.most[name], self.under_way[name])
        try:
            await asyncio.sleep(self.seconds)
            if self.script:
                raise self.script.pop()
        finally:
            self.under_way[name] -= 1
        return who

    async def look(self, id: str) -> str:
        return await self._call("look", id)

    async def charge(self, id: str, from_: str, *, call: Any) -> str:
        return await self._call("charge", from_)


def limit(call: str = "charge", **members: Any) -> Limit:
    given = {"at_once": None, "rate": None, "window_us": Duration(SECOND), "by": ""} | members
    return Limit("Order", call, **given)


def kit_with(*limits: Limit) -> Kit:
    kit = Kit(ORDER, Desk)
    kit.store.permits.put_limits(limits)
    return kit


async def start_all(kit: Kit, engine: Any, number: int, *, customers: int = 1) -> list[Any]:
    return [await engine.start(kit.workflow, id=f"{n}", customer=f"c{n % customers}") for n in range(number)]


async def pay_all(kit: Kit, number: int, *, customers: int = 1, **options: Any) -> None:
    async with kit.engine(**options) as engine:
        runs = await start_all(kit, engine, number, customers=customers)
        for run in runs:
            assert type(await run.result()).__name__ == "Paid"


def test_no_more_calls_are_made_at_once_than_the_limit_says() -> None:
    kit = kit_with(limit(at_once=2))
    kit.run(pay_all(kit, 10))
    assert kit.handlers.most == {"look": 10, "charge": 2}
    assert kit.handlers.calls == {"look": 10, "charge": 10}
    kit.check()


def test_what_a_step_learned_before_the_wait_is_on_record() -> None:
    kit = kit_with(limit(at_once=1))
    kit.run(pay_all(kit, 3))
    kinds = sorted((kit.kinds(f"Order/{n}") for n in range(3)), key=len)
    assert kinds[0] == ["started", "intent", "outcome", "transition"]
    assert kinds[1] == kinds[2] == ["started", "limited", "intent", "outcome", "transition"]
    waited = next(f"Order/{n}" for n in range(3) if "limited" in kit.kinds(f"Order/{n}"))
    program = program_of(kit.workflow)
    history = history_view(program, kit.store.journal(waited))
    lines = ["".join(part.text for part in line.parts) for line in tell(program, history)]
    assert [line.split("  ")[0] for line in lines if "look" in line or "waits" in line] == [
        "look → ok \"" + waited.partition("/")[2] + "\"", "charge",
    ]  # fmt: skip
    assert "charge  waits for its limit" in [line.strip() for line in lines]


def test_an_effect_is_limited_too() -> None:
    kit = kit_with(limit("look", at_once=3))
    kit.run(pay_all(kit, 10))
    assert kit.handlers.most["look"] == 3
    kit.check()


def test_each_key_has_its_own_limit() -> None:
    kit = kit_with(limit(at_once=1, by="from"))
    kit.run(pay_all(kit, 12, customers=4))
    assert kit.handlers.most["charge"] == 4
    kit.check()


def test_a_limit_of_the_contract_bounds_the_runs_that_are_carried() -> None:
    kit = kit_with(limit("", at_once=2))
    kit.run(pay_all(kit, 9))
    assert kit.handlers.most == {"look": 2, "charge": 2}
    kit.check()


def test_limits_of_contract_and_call_hold_together() -> None:
    kit = kit_with(limit("", at_once=3, by="customer"), limit(at_once=2), limit("look", at_once=4))
    kit.run(pay_all(kit, 20, customers=3))
    assert kit.handlers.most["charge"] == 2
    assert kit.handlers.most["look"] <= 4
    kit.check()


def in_any_span(instants: list[float], span: float) -> int:
    """Return the largest number of instants in a half-open span."""
    return max(sum(first <= one < first + span for one in instants) for first in instants)


def test_a_rate_is_never_exceeded_in_any_span() -> None:
    kit = kit_with(limit(rate=3, window_us=Duration(10 * SECOND)))
    kit.run(pay_all(kit, 14))
    at = [instant for name, instant in kit.handlers.at if name == "charge"]
    assert len(at) == 14
    assert in_any_span(at, 10.0) == 3
    kit.check()


def test_a_run_that_waits_holds_no_place() -> None:
    async def main() -> None:
        async with kit.engine(concurrency=3) as engine:
            kit.handlers.seconds = 15.0
            runs = await start_all(kit, engine, 8)
            await asyncio.sleep(62)
            waiting = [
                run for run in runs if (await run.status())["waiting_for"][:1] == [{"limit": "Order.charge"}]
            ]
            assert len(waiting) == 4  # three have paid, one is paying
            assert (await waiting[0].status())["reason"] == "it waits for the limit Order.charge"
            assert kit.handlers.calls["look"] == 8
            for run in runs:
                await run.result()

    kit = kit_with(limit(at_once=1))
    kit.run(main())
    kit.check()


def test_an_event_of_the_phase_takes_a_run_that_waits() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            kit.handlers.seconds = 10.0
            first, second = await start_all(kit, engine, 2)
            await asyncio.sleep(12)
            await second.send.cancel(reason="changed my mind")
            assert (await second.result()).why == "changed my mind"
            assert type(await first.result()).__name__ == "Paid"

    kit = kit_with(limit(at_once=1))
    kit.run(main())
    assert kit.handlers.calls["charge"] == 1
    kit.check()


def test_a_timer_of_the_phase_takes_a_run_that_waits() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            runs = await start_all(kit, engine, 4)
            ends = Counter([type(await run.result()).__name__ for run in runs])
            assert ends == {"Paid": 2, "Stopped": 2}

    kit = kit_with(limit(rate=1, window_us=Duration(3000 * SECOND)))
    kit.run(main())
    assert kit.handlers.calls["charge"] == 2
    kit.check()


def test_a_failed_attempt_waits_for_a_permit_again() -> None:
    kit = kit_with(limit(at_once=1))
    kit.handlers.script = [kit.module.Bank.Busy() for _ in range(3)]
    kit.run(pay_all(kit, 5))
    assert kit.handlers.most["charge"] == 1
    kit.check()


def test_a_run_waits_after_an_attempt_that_was_tried_again() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            runs = await start_all(kit, engine, 3)
            await kit.until(lambda: sum("limited" in kit.kinds(run.id) for run in runs) == 2)
            kit.check()
            for run in runs:
                await run.result()

    kit = kit_with(limit(at_once=1))
    kit.handlers.script = [RuntimeError("no answer") for _ in range(3)]
    kit.run(main())
    assert [kit.kinds(f"Order/{n}").count("attempt") for n in range(3)] == [1, 1, 1]
    kit.check()


def test_a_run_that_looks_by_itself_keeps_its_place() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            runs = await start_all(kit, engine, 2)
            await asyncio.sleep(0.5)
            kit.handlers.seconds = 5000.0  # from the second call on
            await asyncio.sleep(5)
            waiting = next(run for run in runs if "limited" in kit.kinds(run.id))
            before = json.loads(kit.row(waiting.id).head.body)["limit"]
            epoch = kit.row(waiting.id).epoch
            await asyncio.sleep(LOOK_US / 1e6 + 60)
            assert kit.row(waiting.id).epoch > epoch
            assert json.loads(kit.row(waiting.id).head.body)["limit"] == before

    kit = Kit(ORDER.replace("after 1h", "after 30d").replace("timeout 20s", "timeout 3h"), Desk)
    kit.store.permits.put_limits([limit(at_once=1)])
    kit.run(main())


def test_a_worker_until_idle_does_not_wait_for_runs_of_others() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            kit.store.permits.exchange("another", [], [(Permit("p", at_once, ""),)])
            row = kit.row((await start_all(kit, engine, 1))[0].id)
            await asyncio.sleep(30)
            assert await engine.worker.permits.any_waits([row.contract], [""])
            assert not await engine.worker.permits.any_waits(["0" * 64], [""])

    kit = kit_with(limit(at_once=1))
    at_once = kit.store.permits.limits()[0].id
    kit.store.heartbeat("another", [], ttl_us=Duration(600 * SECOND))
    kit.run(main())


def test_two_engines_keep_to_one_limit() -> None:
    async def main() -> None:
        async with kit.engine() as one, kit.engine() as other:
            runs = await start_all(kit, one, 6)
            for n in range(6, 12):
                runs.append(await other.start(kit.workflow, id=f"{n}", customer="c"))
            await kit.until(lambda: all(kit.row(run.id).head.status == "ended" for run in runs), seconds=100)

    kit = kit_with(limit(at_once=2), limit("look", rate=5, window_us=Duration(4 * SECOND)))
    kit.run(main())
    assert kit.handlers.most["charge"] == 2
    assert in_any_span([at for name, at in kit.handlers.at if name == "look"], 4.0) <= 5
    kit.check()


@pytest.mark.parametrize("point", range(1, 60, 3))
def test_killed_at_any_point_the_limit_holds_and_all_go_on(point: int) -> None:
    kit = kit_with(limit(at_once=2), limit("", at_once=3))

    async def story(engine: Any) -> None:
        runs = await start_all(kit, engine, 6)
        for run in runs:
            await run.result()

    async def main() -> None:
        await crash_at(kit, point, story)
        kit.handlers.under_way.clear()
        async with kit.engine() as engine:
            for n in range(6):
                run = await engine.start(kit.workflow, id=f"{n}", customer="c0")
                await run.result()

    kit.run(main())
    assert kit.handlers.most["charge"] <= 2
    assert kit.handlers.most["look"] <= 3
    kit.check()


def test_a_call_that_was_given_up_counts_until_it_has_ended() -> None:
    async def stubborn(id: str, from_: str, *, call: Any) -> str:
        desk = kit.handlers
        desk.under_way["charge"] += 1
        desk.most["charge"] = max(desk.most["charge"], desk.under_way["charge"])
        end = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < end:
            try:
                await asyncio.sleep(end - asyncio.get_running_loop().time())
            except asyncio.CancelledError:
                continue
        desk.under_way["charge"] -= 1
        return from_

    async def main() -> None:
        async with kit.engine(drain_s=0.1) as engine:
            runs = await start_all(kit, engine, 3)
            await asyncio.sleep(50)
            assert [(await run.status())["status"] for run in runs].count("in_doubt") == 1
            await asyncio.sleep(200)
            assert [(await run.status())["status"] for run in runs].count("running") == 0

    kit = kit_with(limit(at_once=1))
    kit.handlers.charge = stubborn
    kit.run(main())
    assert kit.handlers.most["charge"] == 1


def test_a_limit_that_is_changed_while_runs_wait_is_kept_to_soon() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            kit.handlers.seconds = 2.0
            runs = await start_all(kit, engine, 30)
            await asyncio.sleep(5)
            kit.store.permits.put_limits([limit(at_once=10)])
            for run in runs:
                await run.result()

    kit = kit_with(limit(at_once=1))
    kit.run(main())
    assert kit.handlers.most["charge"] == 10


def test_a_dropped_limit_is_forgotten() -> None:
    async def main() -> None:
        async with kit.engine() as engine:
            runs = await start_all(kit, engine, 5)
            await asyncio.sleep(1.5)
            kit.store.permits.drop_limit("Order", "charge")
            for run in runs:
                await run.result()

    kit = kit_with(limit(at_once=1, rate=1, window_us=Duration(10_000 * SECOND)))
    kit.run(main())
    kit.check()
