"""A wall clock that is set while runs are under way.

Nothing happens twice or early, and nothing is stuck for long. The store's clock is set. The
monotonic clock of the process, which never jumps, is not.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from opord.engine.reaper import LONGEST_LEASE_S, REAP_EVERY_S, SILENCE_S
from opord.stores.memory import MemoryStore
from opord.stores.sqlite.store import SqliteStore
from opord.testing.engines import kill
from tests.support.kit import Kit
from tests.support.provider import Provider
from tests.support.store import FaultyStore

LEASE_S = 10.0
HOUR, YEAR = 3600.0, 365 * 86_400.0

PAY = """
contract Pay(id: str) key id version 1
failure PayError {{ Declined(reason: str), Busy transient }}
effect find(key: str) -> str?
action pay(id: str) -> str fails PayError {{ {policy} }}
initial state Paying -> Paid | Failed {{
  match commit pay(id) {{
    ok receipt -> goto Paid(receipt)
    Declined(reason) -> goto Failed(reason)
    Busy -> goto Failed("busy")
    {doubt}
  }}
}}
final state Paid(receipt: str) success
final state Failed(reason: str) failure
"""

POLICIES = {
    "repeat": "key for 24h, retry 3 times",
    "check": "in doubt check find(call.key) after 3m",
    "ask": "in doubt ask",
    "report": "in doubt report",
}

WAIT = """
contract Wait(id: str) key id version 1
initial state Waiting -> Over { after 2m -> goto Over }
final state Over success
"""


class Handlers:
    """Pays slowly: the effect is immediate, and the answer comes `slow_s` later."""

    def __init__(self, module: Any, *, slow_s: float, honours_keys: bool = True) -> None:
        self.module, self.slow_s = module, slow_s
        self.provider = Provider(honours_keys=honours_keys)

    async def pay(self, id: str, *, call: Any) -> str:
        receipt = await self.provider.act("pay", call.key, self.module.PayError)
        await asyncio.sleep(self.slow_s)
        return receipt

    async def find(self, key: str) -> str | None:
        return f"pay:{key}" if ("pay", key) in self.provider.ledger else None


class Set(Kit):
    """A kit whose store has an adjustable clock."""

    def __init__(self, text: str, handlers: Any, *, sqlite: bool = False, lease_s: float = LEASE_S) -> None:
        super().__init__(text, handlers, lease_s=lease_s)
        self.moved_us = 0
        self.frozen_at: int | None = None
        self.store = SqliteStore(None, clock=self.wall) if sqlite else MemoryStore(self.wall)

    def wall(self) -> int:
        return self.frozen_at or self.clock.now_us + self.moved_us

    def jump(self, seconds: float) -> None:
        self.moved_us += int(seconds * 1e6)

    @property
    def status(self) -> str:
        said: str = self.row("Pay/1").head.status
        return said


def paying(policy: str, *, slow_s: float, sqlite: bool = False, lease_s: float = LEASE_S) -> Set:
    doubt = 'InDoubt -> goto Failed("in doubt")' if "report" in policy else ""
    text = PAY.format(policy=policy, doubt=doubt)
    return Set(text, lambda module: Handlers(module, slow_s=slow_s), sqlite=sqlite, lease_s=lease_s)


async def dies_in_the_call(kit: Set) -> None:
    """Let a worker die during its call."""
    mortal = FaultyStore(kit.store)
    engine = kit.engine(store=mortal)
    await engine.__aenter__()
    await engine.start(kit.workflow, id="1")
    await kit.until(lambda: kit.handlers.provider.ledger != [])
    mortal.die()
    await kill(engine)


@pytest.mark.parametrize("sqlite", [False, True], ids=["memory", "sqlite"])
def test_runs_of_a_dead_worker_are_taken_over_soon_after_the_clock_went_back(
    sqlite: bool,
) -> None:
    kit = paying("in doubt ask", slow_s=HOUR, sqlite=sqlite)

    async def story() -> float:
        await dies_in_the_call(kit)
        kit.jump(-HOUR)
        async with kit.engine():
            began = kit.clock.monotonic()
            await kit.until(lambda: kit.status == "in_doubt", seconds=1000)
            return kit.clock.monotonic() - began

    assert kit.run(story()) < SILENCE_S + 2 * REAP_EVERY_S + 2 * LEASE_S
    assert len(kit.handlers.provider.ledger) == 1
    kit.check()


@pytest.mark.parametrize("later", [0.0, HOUR / 2], ids=["back", "back and half of it forward"])
@pytest.mark.parametrize("lease_s", [LEASE_S, LONGEST_LEASE_S])
def test_a_run_is_not_taken_over_while_its_worker_may_still_be_alive(lease_s: float, later: float) -> None:
    kit = paying("in doubt ask", slow_s=HOUR, lease_s=lease_s)

    async def story() -> float:
        await dies_in_the_call(kit)
        kit.jump(-HOUR)
        kit.lease_s = LEASE_S
        async with kit.engine():
            began = kit.clock.monotonic()
            await asyncio.sleep(2 * REAP_EVERY_S)
            kit.jump(later)
            await kit.until(lambda: kit.status == "in_doubt", seconds=1000)
            return kit.clock.monotonic() - began

    assert kit.run(story()) >= SILENCE_S
    kit.check()


@pytest.mark.parametrize("jump", [0.0, -10.0, 60.0])
def test_a_lease_of_normal_length_ends_by_the_clock_of_the_store(jump: float) -> None:
    kit = paying("in doubt ask", slow_s=HOUR, lease_s=LONGEST_LEASE_S)

    async def story() -> int:
        await dies_in_the_call(kit)
        ends_at: int = kit.row("Pay/1").head.wake_at
        await asyncio.sleep(20)
        kit.jump(jump)
        async with kit.engine():
            await kit.until(lambda: kit.status == "in_doubt", seconds=1000)
        return kit.wall() - ends_at

    assert kit.run(story()) >= 0
    kit.check()


def test_a_worker_with_the_longest_lease_keeps_its_runs_with_rare_heartbeats() -> None:
    kit = paying("in doubt ask", slow_s=250.0, lease_s=LONGEST_LEASE_S)

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="1")
            await kit.until(lambda: kit.handlers.provider.ledger != [])
            kit.jump(-HOUR)
            kit.lease_s = LEASE_S
            async with kit.engine():
                await kit.until(lambda: kit.status == "ended", seconds=600)

    kit.run(story())
    assert kit.kinds("Pay/1") == ["started", "intent", "outcome", "transition"]
    assert kit.row("Pay/1").epoch == 1
    kit.check()


@pytest.mark.parametrize("jump", [-HOUR, -HOUR / 10, -0.5, -YEAR])
def test_a_living_worker_keeps_its_runs_when_the_clock_is_set_back(jump: float) -> None:
    kit = paying("in doubt ask", slow_s=250.0)

    async def story() -> None:
        async with kit.engine() as engine, kit.engine():
            await engine.start(kit.workflow, id="1")
            await kit.until(lambda: kit.handlers.provider.ledger != [])
            kit.jump(jump)
            await kit.until(lambda: kit.status == "ended", seconds=300)

    kit.run(story())
    assert kit.kinds("Pay/1") == ["started", "intent", "outcome", "transition"]
    assert kit.row("Pay/1").epoch == 1
    kit.check()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("jump", [HOUR, 25 * HOUR, YEAR, 0.5, LEASE_S])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_clock_set_forward_during_a_call_charges_nobody_twice(
    policy: str, jump: float, workers: int
) -> None:
    kit = paying(POLICIES[policy], slow_s=30.0)

    async def story() -> None:
        engines = [kit.engine() for _ in range(workers)]
        for engine in engines:
            await engine.__aenter__()
        await engines[0].start(kit.workflow, id="1")
        await kit.until(lambda: kit.handlers.provider.ledger != [])
        kit.jump(jump)
        await kit.until(lambda: kit.status == "ended", seconds=4 * HOUR)
        await asyncio.sleep(60)
        for engine in engines:
            await engine.__aexit__(None)

    kit.run(story())
    assert len(kit.handlers.provider.ledger) == 1
    assert kit.row("Pay/1").head.state == (
        "Failed" if "doubt" in kit.kinds("Pay/1") and policy == "report" else "Paid"
    )
    kit.check()


def test_a_key_that_the_other_side_has_forgotten_is_not_used() -> None:
    """C22: no worker ran for 25 hours."""
    kit = paying(POLICIES["repeat"], slow_s=30.0)

    async def story() -> None:
        await dies_in_the_call(kit)
        kit.handlers.provider.honours_keys = False
        kit.jump(25 * HOUR)
        async with kit.engine():
            await kit.until(lambda: kit.status == "in_doubt", seconds=60)
            await asyncio.sleep(60)

    kit.run(story())
    assert len(kit.handlers.provider.ledger) == 1
    assert kit.row("Pay/1").head.reason == (
        "nobody knows whether pay happened: its worker died or lost its lease during the call, "
        "and the other side no longer remembers its key; a person has to say"
    )
    kit.check()


def test_a_worker_stopped_after_the_clock_went_back_makes_no_call_of_a_lost_run() -> None:
    kit = paying("in doubt ask", slow_s=0.0)

    def stopped(point: str, run: str) -> None:
        if point == "intent written" and kit.moved_us == 0:
            # The clock goes back, the lease is renewed by the new time, and the process is stopped
            # for four leases.
            kit.jump(-HOUR)
            kit.store.renew("w1", [(run, 1)], ttl_us=int(LEASE_S * 1e6))
            kit.clock.advance(4 * LEASE_S)
            assert len(kit.store.claim("w9", [kit.row(run).contract], limit=9, ttl_us=10**12)) == 1

    async def story() -> None:
        async with kit.engine(hook=stopped) as engine:
            await engine.start(kit.workflow, id="1")
            await asyncio.sleep(2 * HOUR)

    kit.run(story())
    # It says that the lost attempt never began, so the next one may be made.
    assert [one["kind"] for one in kit.records("Pay/1")][1:4] == ["intent", "evidence", "attempt"]
    assert kit.records("Pay/1")[2]["outcome"] == {"not_called": None}
    assert len(kit.handlers.provider.ledger) == 1


def waited(kit: Set) -> timedelta:
    """Return after how long, by the store's clock, the timer fired."""
    started, fired = (datetime.fromisoformat(one["at"]) for one in kit.records("Wait/1"))
    return fired - started


@pytest.mark.parametrize(
    ("jumps", "passes_s"),
    [
        ([], 120),
        ([60], 60),
        ([119.5], 0.5),
        ([25 * HOUR], 0),
        ([YEAR], 0),
        ([-60], 180),
        ([60, -60], 120),
        ([-0.5, 0.25], 120),
    ],
)
def test_a_timer_fires_once_and_not_early_by_the_clock_of_the_store(
    jumps: list[float], passes_s: float
) -> None:
    kit = Set(WAIT, lambda _: object())

    async def story() -> float:
        async with kit.engine(), kit.engine() as engine:
            await engine.start(kit.workflow, id="1")
            began = kit.clock.monotonic()
            for jump in jumps:
                kit.jump(jump)
            await kit.until(lambda: kit.row("Wait/1").head.status == "ended", seconds=HOUR)
            return kit.clock.monotonic() - began

    # The worker checks twenty times a second; the test checks twice.
    assert abs(kit.run(story()) - passes_s) < 2
    assert waited(kit) >= timedelta(minutes=2)
    assert kit.kinds("Wait/1") == ["started", "transition"]
    kit.check()


def test_a_clock_that_stands_still_fires_nothing_and_keeps_leases() -> None:
    kit = paying("in doubt ask", slow_s=250.0)

    async def story() -> None:
        async with kit.engine() as engine, kit.engine():
            await engine.start(kit.workflow, id="1")
            await kit.until(lambda: kit.handlers.provider.ledger != [])
            kit.frozen_at = kit.wall()
            await kit.until(lambda: kit.status == "ended", seconds=400)

    kit.run(story())
    assert kit.kinds("Pay/1") == ["started", "intent", "outcome", "transition"]
    assert len(kit.handlers.provider.ledger) == 1


def skewed(kit: Set, ahead_s: float) -> MemoryStore:
    """Return the store as seen by a process whose clock is ahead."""
    assert isinstance(kit.store, MemoryStore)
    return kit.store.another(lambda: kit.wall() + int(ahead_s * 1e6))


@pytest.mark.parametrize("ahead_s", [0.5, 9.0, 60.0])
def test_workers_whose_clocks_differ_charge_nobody_twice(ahead_s: float) -> None:
    kit = paying("in doubt ask", slow_s=25.0)

    async def story() -> None:
        async with kit.engine() as engine, kit.engine(store=skewed(kit, ahead_s)) as ahead:
            for number in range(6):
                await (engine if number % 2 else ahead).start(kit.workflow, id=str(number))
                await asyncio.sleep(3.0)
            await kit.until(
                lambda: all(kit.row(f"Pay/{n}").head.status == "ended" for n in range(6)), seconds=600
            )

    kit.run(story())
    assert sorted(kit.handlers.provider.ledger) == [("pay", f"Pay/{n}/1") for n in range(6)]
    if ahead_s < 2 * LEASE_S / 3:
        # A lease is renewed at least every third of it, so a smaller difference disturbs no worker.
        assert all("doubt" not in kit.kinds(f"Pay/{n}") for n in range(6))
    kit.check()
