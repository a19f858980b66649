"""A store that is found to be damaged: waiting callers learn of it, and it is not used again."""

from __future__ import annotations

import pytest

from opord.stores.base import StoreDamaged
from tests.engine.contracts import POLICIES, OrderHandlers, order
from tests.support.kit import Kit
from tests.support.provider import Provider
from tests.support.store import FOR_EVER, Fault, FaultyStore

INPUT = {"order": {"id": "o1", "cents": 100}}


def spoilt(kit: Kit, verb: str, nth: int) -> FaultyStore:
    """Return a store that is damaged from the nth call of one verb on."""
    damaged = StoreDamaged("a page is not what was written")
    return FaultyStore(kit.store, Fault(damaged, verb, nth=nth, lasts_s=FOR_EVER))


def a_kit() -> Kit:
    return Kit(order(POLICIES["ask"]), lambda module: OrderHandlers(module, Provider()))


def test_a_caller_that_waits_for_the_end_of_a_run_learns_of_the_damage() -> None:
    kit = a_kit()
    store = spoilt(kit, "changes", 3)

    async def main() -> None:
        async with kit.engine(serve=False, store=store) as engine:
            program = engine._program(kit.workflow)
            name = await engine.start_run(program, INPUT)
            with pytest.raises(StoreDamaged, match="a page"):
                await engine.wait_result(name)
            with pytest.raises(StoreDamaged, match="a page"):
                await engine.send_event(name, "approve", {"note": "x"}, role="manager")

    kit.run(main())
    assert store.failed == 1, "nothing was asked of it any more"


@pytest.mark.parametrize("verb", ["apply", "next_wake", "heartbeat"])
def test_a_worker_stops_using_the_store_and_ends_in_order(verb: str) -> None:
    kit = a_kit()
    store = spoilt(kit, verb, 2)

    async def main() -> None:
        async with kit.engine(store=store) as engine:
            writer = engine.writer
            for number in range(3):
                members = {"order": {"id": f"o{number}", "cents": 100}}
                try:
                    await engine.start_run(engine._program(kit.workflow), members)
                except StoreDamaged:
                    break
            await writer.damaged.wait()
            with pytest.raises(StoreDamaged):
                await engine.until_idle()

    kit.run(main())
    assert store.failed == 1, "nothing was asked of it any more"
