"""Crash points: once an engine is dead, no verb of its store does anything."""

from __future__ import annotations

import pytest

from opord.stores.memory import MemoryStore
from opord.testing.crashing import CrashPlan, Killed, MortalStore
from opord.testing.store_rows import ORDERS, SteppedClock, a_start


def test_a_dead_engine_neither_reads_nor_writes() -> None:
    store = MemoryStore(SteppedClock())
    crash_plan = CrashPlan(kill_at=2)
    mortal = MortalStore(store, crash_plan)
    mortal.put_contract(ORDERS)
    mortal.hook("before start", "Orders/o1")
    with pytest.raises(Killed):
        mortal.apply([a_start("Orders/o1")])
    assert crash_plan.at == "`before a write` of Orders/o1"
    assert store.load("Orders/o1") is None
    for verb in (
        lambda: mortal.now(),
        lambda: mortal.heartbeat("w", [], ttl_us=1),
        lambda: mortal.release("w", []),
        lambda: mortal.apply([a_start("Orders/o1")]),
        lambda: mortal.hook("claimed", "Orders/o1"),
    ):
        with pytest.raises(Killed):
            verb()


def test_an_engine_can_die_after_the_write_too() -> None:
    store = MemoryStore(SteppedClock())
    mortal = MortalStore(store, CrashPlan(kill_at=2))
    mortal.put_contract(ORDERS)
    with pytest.raises(Killed):
        mortal.apply([a_start("Orders/o1")])
    assert store.load("Orders/o1") is not None
