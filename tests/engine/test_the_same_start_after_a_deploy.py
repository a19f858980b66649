"""A start that is sent again after a deploy is the same start, if only defaults were added.

What was sent is read by the version of the run that is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opord.drive.errors import StartConflict
from opord.loading import program_of
from opord.stores.sqlite import SqliteStore
from tests.pruning.kit import DAY_US, prune
from tests.support.contracts import compiled, workflow_of
from tests.support.kit import Kit
from tests.support.stores import EACH_STORE

FIRST = """
contract Locker(box: str, parcel: Parcel, pin: secret str) key box version 1
record Parcel { weight: int }
event open(who: str) key who
initial state Shut -> Opened { on open(who) -> goto Opened }
final state Opened success
"""
SECOND = (
    FIRST.replace("version 1", "version 2")
    .replace("pin: secret str", "pin: secret str, note: str?, size: int = 3")
    .replace("weight: int", "weight: int, fragile: bool = false")
)
INPUT = {"box": "b1", "parcel": {"weight": 2}, "pin": "1234"}
SAME = [
    INPUT,
    {**INPUT, "note": None, "size": 3},
    {**INPUT, "parcel": {"weight": 2, "fragile": False}},
]
OTHERS = [
    {**INPUT, "size": 4},
    {**INPUT, "note": "x"},
    {**INPUT, "parcel": {"weight": 2, "fragile": True}},
    {**INPUT, "parcel": {"weight": 3}},
]


class Handlers:
    """There is nothing to call."""

    def __init__(self, _module: Any) -> None: ...


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("store", EACH_STORE)
def test_a_start_sent_again_with_a_newer_version_finds_its_run(
    tmp_path: Path, store: str, pruned: bool
) -> None:
    kit = Kit(FIRST, Handlers)
    if store == "sqlite":
        kit.store = SqliteStore(tmp_path / "runs.db", clock=kit.clock.now)
    newer = workflow_of(compiled(SECOND))

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            await engine.start(kit.workflow, **INPUT)
            await engine.send_event("Locker/b1", "open", {"who": "ann"})
        if pruned:
            assert prune(kit.store, None, before=kit.store.now() + 1, keep_us=DAY_US).pruned == 1
        kit.workflow = newer
        async with kit.engine(serve=False, insecure_plaintext_secrets=True) as engine:
            for members in SAME:
                assert await engine.start_run(program_of(newer), members) == "Locker/b1"
            for members in OTHERS:
                with pytest.raises(StartConflict):
                    await engine.start_run(program_of(newer), members)

    kit.run(story())


def test_a_start_sent_again_by_an_older_version_finds_its_run() -> None:
    kit = Kit(SECOND, Handlers)
    older = workflow_of(compiled(FIRST))

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            await engine.start(kit.workflow, **INPUT)
            await engine.start(kit.workflow, **{**INPUT, "box": "b2", "size": 4})
        kit.workflow = older
        async with kit.engine(serve=False, insecure_plaintext_secrets=True) as engine:
            assert await engine.start_run(program_of(older), INPUT) == "Locker/b1"
            with pytest.raises(StartConflict):
                await engine.start_run(program_of(older), {**INPUT, "box": "b2"})

    kit.run(story())
