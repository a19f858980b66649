"""What is shown of runs is of one instant, however long it takes to read them all."""

from __future__ import annotations

import asyncio
from typing import Any

from opord.backends.shown import Shown
from tests.support.kit import Kit

TEXT = """
contract Slow(id: str) key id version 1
effect look(id: str) -> str
initial state New -> Done {
  let seen = perform look(id)
  goto Done(seen)
}
final state Done(seen: str) success
"""


class Handlers:
    async def look(self, id: str) -> str:
        await asyncio.sleep(100)
        return id


def test_a_live_worker_is_not_called_dead_in_a_listing_that_takes_longer_than_its_lease() -> None:
    kit = Kit(TEXT, lambda _: Handlers())
    reasons: list[Any] = []

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await asyncio.sleep(1)
            shown = Shown(engine.backend)
            for _ in range(3):
                reasons.append((await shown.view(kit.row("Slow/a")))["reason"])
                await asyncio.sleep(30)

    kit.run(story())
    assert reasons == [None, None, None]
