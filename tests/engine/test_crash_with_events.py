"""A crash at any point of a story with events and timers: each of them is applied once.

The story has events, stored events, timers and a calling handler. The sender acts like real
senders: it sends what was not acknowledged again, under the same key.
"""

from __future__ import annotations

from typing import Any

import pytest

from opord.drive.errors import EventRefused, RunEnded
from tests.engine.desk import Here, Sim
from tests.support.kit import crash_at
from tests.support.provider import Provider

TEXT = """
contract Parcel(n: int) key n version 1
failure Problem { No, Busy transient }
event paid(ref: str, cents: int) key ref
event packed(box: str) key box keep
event note(text: str) key text keep
effect price(cents: int) -> int
pure double(cents: int) -> int
action charge(cents: int) -> str fails Problem { key, timeout 10s }
action post(id: str) fails Problem { key, timeout 10s }
phase Open {
  on cancel(reason) -> goto Cancelled(reason)
  after 30d -> goto Cancelled("late")
  initial state Waiting -> Charged | Cancelled {
    on paid(ref, cents) {
      let sum = perform price(double(cents))
      let id = commit charge(sum) else problem -> goto Cancelled("no")
      goto Charged(id)
    }
  }
  state Charged(id: str) -> Posting | Cancelled {
    on packed(box) -> goto Posting(id, box)
  }
  state Posting(id: str, box: str) -> Cooling | Cancelled {
    commit post(box) else problem -> goto Cancelled("no")
    goto Cooling(..)
  }
  state Cooling(id: str, box: str) -> Done | Cancelled {
    after 1h -> goto Done(..)
  }
}
final state Done(id: str, box: str) success
final state Cancelled(reason: str) cancelled
"""


class Story:
    """A parcel that is packed before it is paid."""

    def __init__(self) -> None:
        self.provider = Provider()
        self.sim = Sim(TEXT, double=[6], price=[7], charge=[self.charge], post=[self.post])

    def charge(self, cents: int) -> str:
        self.provider.answer("charge", str(cents))
        return "c1"

    def post(self, box: str) -> None:
        self.provider.answer("post", box)

    async def tell(self, engine: Any) -> None:
        here = Here(self.sim, engine)
        await here.start()
        await self.send(here, "packed", box="b1")
        await self.send(here, "note", text="hello")
        await self.send(here, "paid", ref="r1", cents=3)
        await here.until(lambda: self.sim.state in ("Cooling", "Done"))
        await here.until(lambda: self.sim.rests)
        await here.leap("1h")
        await here.until(lambda: self.sim.status == "ended")

    async def send(self, here: Here, event: str, **members: Any) -> None:
        try:
            await here.send(event, **members)
        except (RunEnded, EventRefused) as refused:
            raise AssertionError(f"{event} came before, or is taken now: {refused}") from refused

    def assert_kept(self, where: object) -> None:
        sim = self.sim
        sim.kit.check()
        assert sim.ending == ("Done", {"id": "c1", "box": "b1"}), where
        assert sim.states == ["Waiting", "Charged", "Posting", "Cooling", "Done"], where
        assert sorted(self.provider.ledger) == [("charge", "7"), ("post", "b1")], where
        assert [one["event"] for one in sim.records("event")] == ["paid", "packed"], where
        assert [one["event"] for one in sim.records("unhandled")] == ["note"], where
        assert all(sum(1 for made in sim.made(name)) <= 3 for name in ("charge", "post")), where


def points() -> int:
    story = Story()

    async def main() -> None:
        async with story.sim.kit.engine() as engine:
            await story.tell(engine)

    story.sim.kit.run(main())
    story.assert_kept("no crash")
    return sum(story.sim.kit.hits.values())


def told(*crashes: int) -> tuple[Story, list[str | None]]:
    story = Story()
    died: list[str | None] = []

    async def main() -> None:
        for k in crashes:
            died.append(await crash_at(story.sim.kit, k, story.tell))
        async with story.sim.kit.engine() as engine:
            await story.tell(engine)

    story.sim.kit.run(main())
    return story, died


def test_one_crash_anywhere() -> None:
    for k in range(1, points() + 1):
        story, died = told(k)
        assert died != [None]
        story.assert_kept((k, died))


@pytest.mark.parametrize("second", [1, 2, 3, 5, 8])
def test_two_crashes_anywhere(second: int) -> None:
    """C20: a crash inside the recovery of a crash."""
    for first in range(1, points() + 1, 2):
        story, died = told(first, second)
        story.assert_kept((first, second, died))
