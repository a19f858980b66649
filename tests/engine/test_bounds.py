"""Data that are too large are refused before they are accepted, and the error names the limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opord.drive.errors import InputInvalid
from opord.kernel.bounds import LONGEST_KEY
from opord.stores.base import RunFilter
from opord.values.guard import LIMIT_BYTES
from tests.engine.desk import Sim
from tests.support.kit import Kit

NOTES = """
contract Notes(id: str, text: str) key id
event add(more: str)
effect look(text: str) -> str
initial state Open -> Looked | Done {
  on add(more) -> goto Looked(more)
  after 1h -> goto Done
}
state Looked(more: str) -> Done {
  perform look(more)
  goto Done
}
final state Done success
"""

TOO_MUCH = "x" * (LIMIT_BYTES + 1)


def a_kit() -> Kit:
    class Handlers:
        async def look(self, text: str) -> str:
            return text

    return Kit(NOTES, lambda module: Handlers())


def refused(kit: Kit, **members: Any) -> str:
    async def main() -> str:
        async with kit.engine() as engine:
            with pytest.raises(InputInvalid) as caught:
                await engine.start(kit.workflow, **members)
            return str(caught.value)

    said = kit.run(main())
    assert kit.store.runs(RunFilter(), limit=1) == []
    return said


def test_an_input_over_the_limit_is_refused_and_starts_nothing() -> None:
    assert f"{LIMIT_BYTES:,} bytes" in refused(a_kit(), id="a", text=TOO_MUCH)


@pytest.mark.parametrize("key", ["", "k" * (LONGEST_KEY + 1)])
def test_an_empty_or_too_long_key_is_refused(key: str) -> None:
    assert f"1 to {LONGEST_KEY} characters" in refused(a_kit(), id=key, text="")


def test_an_event_over_the_limit_is_refused_and_changes_nothing() -> None:
    kit = a_kit()

    async def main() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a", text="")
            await kit.until(lambda: kit.row(run.id).head.status == "waiting")
            before = kit.row(run.id)
            with pytest.raises(InputInvalid, match="bytes"):
                await run.send.add(more=TOO_MUCH)
            assert kit.row(run.id) == before

    kit.run(main())


def test_a_result_over_the_limit_is_unexpected() -> None:
    sim = Sim(NOTES, input={"id": "a", "text": ""}, look=[TOO_MUCH])

    async def story(here: Any) -> None:
        await here.send("add", more="m")
        await here.rests()

    sim.tell(story)
    assert (sim.calls("look"), sim.status) == (4, "stalled")


def test_two_equal_events_are_two_events() -> None:
    kit = Kit(
        """
contract Bell(id: str) key id
event ring() keep
initial state Quiet -> Rung | Over {
  on ring() -> goto Rung
  after 1h -> goto Over
}
state Rung -> Twice | Over {
  on ring() -> goto Twice
  after 1h -> goto Over
}
final state Twice success
final state Over failure
""",
        lambda module: object(),
    )

    async def main() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            await asyncio.gather(run.send.ring(), run.send.ring())
            assert type(await run.result()).__name__ == "Twice"

    kit.run(main())
    assert kit.kinds("Bell/a").count("event") == 2
