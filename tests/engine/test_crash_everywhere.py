"""A crash at any point of the step protocol loses nothing and charges nobody twice.

This holds under every policy. Each story is told once to count the points that its engine passes.
Then it is told once for each point, with a crash there, and a second engine goes on. Then the same
with pairs: the second engine crashes too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from opord.backends.front import Engine
from opord.drive import flight
from opord.drive.hooks import Point
from tests.engine.contracts import POLICIES, OrderHandlers, order
from tests.support.kit import Kit, crash_at
from tests.support.provider import Provider

RUN = "Orders/o1"


class Story:
    """One order, told to engines that die.

    The provider deduplicates only if the contract says so.
    """

    def __init__(self, policy: str, *, lost: bool = False) -> None:
        self.policy = policy
        script = {"charge": ["lost"]} if lost else {}
        self.provider = Provider(script, honours_keys=policy == "repeat")
        self.kit = Kit(order(POLICIES[policy]), lambda module: OrderHandlers(module, self.provider))
        self.acknowledged = False

    async def tell(self, engine: Engine) -> None:
        await engine.start(self.kit.workflow, order={"id": "o1", "cents": 500})
        self.acknowledged = True
        await self.kit.until(self.rests)
        await engine.until_idle()

    async def tell_again(self, engine: Engine) -> None:
        """Tell it to a second engine, after the first one's leases are over."""
        await asyncio.sleep(25)
        await self.tell(engine)

    async def finish(self) -> None:
        """Go on with a new engine until nothing moves, and repeat the start as a client would."""
        async with self.kit.engine() as engine:
            await engine.start(self.kit.workflow, order={"id": "o1", "cents": 500})
            await self.kit.until(lambda: self.rests(), seconds=3600)
            await engine.until_idle()

    def rests(self) -> bool:
        row = self.kit.row(RUN)
        return row.head.status == "ended" or (row.head.status == "in_doubt" and row.head.wake_at is None)

    def assert_kept(self, where: Any) -> None:
        """The promises that no crash may break."""
        row = self.kit.row(RUN)
        took = self.provider.took_effect("charge")
        assert took <= 1, (where, self.kit.records(RUN))
        assert self.provider.took_effect("tell") <= 1, where
        if row.head.state == "Done":
            assert took == 1, ("an invented success", where)
        if row.head.status == "ended" and row.head.state == "Rejected":
            assert took == 0, ("a charge was forgotten", where)
        if row.head.status == "in_doubt":
            assert self.policy in ("ask", "skip"), where
        self.kit.check()


def count_points(policy: str, *, lost: bool) -> tuple[int, Counter[str]]:
    story = Story(policy, lost=lost)
    kit = story.kit

    async def main() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, order={"id": "o1", "cents": 500})
            await kit.until(story.rests)
            await engine.until_idle()

    kit.run(main())
    story.assert_kept("no crash")
    return sum(kit.hits.values()), kit.hits


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
@pytest.mark.parametrize("policy", POLICIES)
def test_one_crash_anywhere(policy: str, lost: bool) -> None:
    points, hits = count_points(policy, lost=lost)
    assert hits["intent written"]
    assert hits["call answered"]
    died_at = Counter[str]()
    for k in range(1, points + 1):
        story = Story(policy, lost=lost)

        async def main(story: Story = story, k: int = k) -> str | None:
            at = await crash_at(story.kit, k, story.tell)
            await story.finish()
            return at

        at = story.kit.run(main())
        assert at is not None
        died_at[at] += 1
        story.assert_kept((k, at))
    assert died_at.total() == points


@pytest.mark.parametrize("policy", POLICIES)
def test_two_crashes_anywhere(policy: str) -> None:
    points, _ = count_points(policy, lost=False)
    for first in range(1, points + 1):
        for second in range(1, 8):
            story = Story(policy)

            async def main(story: Story = story, first: int = first, second: int = second) -> None:
                await crash_at(story.kit, first, story.tell)
                await crash_at(story.kit, second, story.tell_again)
                await story.finish()

            story.kit.run(main())
            story.assert_kept((first, second))


def test_an_engine_passes_every_crash_point() -> None:
    named = set(get_args(Point))
    package = Path(flight.__file__).parents[1]
    source = "".join(
        path.read_text("utf-8") for room in ("drive", "engine") for path in (package / room).glob("*.py")
    )
    assert {point for point in named if f'hook("{point}"' not in source} == set()
