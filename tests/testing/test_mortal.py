"""An engine's life: once it is dead, no verb of its store does anything."""

from __future__ import annotations

import pytest

from opord.stores.memory import MemoryStore
from opord.testing.mortal import Fate, Killed, Life
from opord.testing.store_rows import ORDERS, SteppedClock, a_start


def test_a_dead_engine_neither_reads_nor_writes() -> None:
    store = MemoryStore(SteppedClock())
    fate = Fate(kill_at=2)
    life = Life(store, fate)
    life.put_contract(ORDERS)
    life.hook("before start", "Orders/o1")
    with pytest.raises(Killed):
        life.apply([a_start("Orders/o1")])
    assert fate.at == "`before a write` of Orders/o1"
    assert store.load("Orders/o1") is None
    for verb in (
        lambda: life.now(),
        lambda: life.heartbeat("w", [], ttl_us=1),
        lambda: life.release("w", []),
        lambda: life.apply([a_start("Orders/o1")]),
        lambda: life.hook("claimed", "Orders/o1"),
    ):
        with pytest.raises(Killed):
            verb()


def test_one_dies_after_the_write_too() -> None:
    store = MemoryStore(SteppedClock())
    life = Life(store, Fate(kill_at=2))
    life.put_contract(ORDERS)
    with pytest.raises(Killed):
        life.apply([a_start("Orders/o1")])
    assert store.load("Orders/o1") is not None
