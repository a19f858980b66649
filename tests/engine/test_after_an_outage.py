"""A store is away for longer than the leases last: what the journal and the log say afterwards."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from opord.drive.logged import FEW
from opord.stores.base import StoreUnavailable
from tests.support.kit import Kit
from tests.support.store import FaultyStore

PAYING = """
contract Paying(n: int) key n version 1
action pay(n: int) -> str { timeout 2h, in doubt ask }
initial state Open -> Done {
  let number = commit pay(n)
  goto Done(number)
}
final state Done(number: str) success
"""
RUNS = FEW + 5


class Handlers:
    async def pay(self, n: int, *, call: Any) -> str:
        await asyncio.sleep(60)
        return f"p{n}"


def test_runs_whose_leases_ended_are_in_doubt_for_that_reason_and_the_log_is_bounded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kit = Kit(PAYING, lambda _: Handlers())
    store = FaultyStore(kit.store)
    runs = [f"Paying/{n}" for n in range(RUNS)]

    async def story() -> None:
        logging.getLogger("opord").setLevel(logging.INFO)
        async with kit.engine(store=store) as engine:
            for n in range(RUNS):
                await engine.start(kit.workflow, n=n)
            await kit.until(lambda: all("intent" in kit.kinds(run) for run in runs))
            store.fail(StoreUnavailable("unreachable", "the server is away"), 30)
            await kit.until(lambda: all("doubt" in kit.kinds(run) for run in runs))
            await kit.until(lambda: {kit.row(run).head.state for run in runs} == {"Done"})

    kit.run(story())
    kit.check()
    doubts = [one for run in runs for one in kit.records(run) if one["kind"] == "doubt"]
    assert {one["reason"] for one in doubts} == {"its worker died or lost its lease during the call"}
    said = [one.getMessage() for one in caplog.records if one.name.startswith("opord.")]
    assert f"took up {RUNS} runs again: the leases had ended before this worker renewed them" in said
    assert sum("is kept as evidence" in line for line in said) == FEW
    assert sum("more evidence may follow" in line for line in said) == 1
