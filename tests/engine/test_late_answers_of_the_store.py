"""A write may have been durable long before its answer came.

It gives no right to call: others may hold the run by then.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opord.stores.base import StoreUnavailable
from tests.support.kit import Kit
from tests.support.provider import Provider
from tests.support.store import Fault, FaultyStore, has_record

TEXT = """
contract Pay(id: str) key id
action charge(id: str) -> str { key for 1m, in doubt check find_charge(id) }
effect find_charge(id: str) -> str?
initial state Charging -> Charged {
  let receipt = commit charge(id)
  goto Charged(receipt)
}
final state Charged(receipt: str) success
"""


def cut_off(kit: Kit, seconds: float, *, after: str = "intent") -> FaultyStore:
    """Return a store that writes an intent or another record, and then is silent for a while."""
    lost = StoreUnavailable("gone", "written, and the answer lost")
    return FaultyStore(kit.store, Fault(lost, when="after", fits=has_record(after), lasts_s=seconds))


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("seconds", [1.0, 25.0, 60.0])
def test_a_worker_that_lost_the_run_makes_no_attempt(seconds: float, others: bool) -> None:
    provider = Provider()

    def handlers(_: Any) -> Any:
        class Handlers:
            async def charge(self, id: str, *, call: Any) -> str:
                return await provider.act("charge", call.key)

            async def find_charge(self, id: str) -> str | None:
                return "charge" if provider.ledger else None

        return Handlers()

    kit = Kit(TEXT, handlers)
    # The other side forgets keys soon: only the holder of the run may call.
    provider.honours_keys = False

    async def main() -> None:
        async with kit.engine(store=cut_off(kit, seconds)) as first:
            starting = asyncio.ensure_future(first.start_run(first._program(kit.workflow), {"id": "1"}))
            if others:
                await asyncio.sleep(0.5)
                async with kit.engine():
                    await kit.until(
                        lambda: bool(kit.store.load("Pay/1")) and kit.row("Pay/1").head.status == "ended"
                    )
                    await asyncio.sleep(2 * seconds)
            await starting
            await kit.until(lambda: kit.row("Pay/1").head.status == "ended")

    kit.run(main())
    assert provider.took_effect("charge") == 1
    kit.check()


REPEATED = """
contract Repeat(id: str) key id
action charge(id: str) -> str { key id for 1m, in doubt repeat }
initial state Charging -> Charged {
  let receipt = commit charge(id)
  goto Charged(receipt)
}
final state Charged(receipt: str) success
"""


@pytest.mark.parametrize(("seconds", "effects"), [(50.0, 2), (70.0, 1)])
def test_no_repeat_is_made_once_its_key_may_be_forgotten(seconds: float, effects: int) -> None:
    """The attempt is on record in time, but its call would come too late.

    The other side would take the key for a new one.
    """
    provider = Provider()
    provider.honours_keys = False  # so that each call that reaches it is counted

    def handlers(_: Any) -> Any:
        class Handlers:
            async def charge(self, id: str, *, call: Any) -> str:
                done = await provider.act("charge", call.key)
                if call.attempt == 1:
                    raise ConnectionError("the answer was lost")
                return done

        return Handlers()

    kit = Kit(REPEATED, handlers)

    async def main() -> None:
        async with kit.engine(store=cut_off(kit, seconds, after="attempt")) as engine:
            await engine.start_run(engine._program(kit.workflow), {"id": "1"})
            await kit.until(lambda: kit.row("Repeat/1").head.worker is None)

    kit.run(main())
    assert provider.took_effect("charge") == effects
    head = kit.row("Repeat/1").head
    assert head.status == ("ended" if effects == 2 else "in_doubt")
    if effects == 1:
        assert "the other side no longer remembers its key" in (head.reason or "")
    kit.check()
