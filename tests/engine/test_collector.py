"""The garbage collector of a program with an engine: relaxed while one is open.

Thresholds that the program set itself stay.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

import opord
from opord.engine.collector import RELAXED, Relaxation, relax_for_good
from opord.stores.base import StoreError
from tests.support.contracts import compiled, workflow_of

TEXT = """
contract Nap(id: str) key id
initial state Napping -> Done { after 1h -> goto Done }
final state Done success
"""

ORDERS = """
contract Order(id: str) key id
effect look(id: str) -> int
action charge(id: str) { key id }
initial state Charging -> Done {
  let cents = perform look(id)
  commit charge(id)
  goto Done(cents)
}
final state Done(cents: int) success
"""


class Answers:
    async def look(self, id: str) -> int:
        return 1

    async def charge(self, id: str, *, call: opord.Call) -> None:
        return None


PYTHONS = (700, 10, 10)


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*PYTHONS)
    yield
    gc.enable()
    gc.set_threshold(*before)


def seen(folder: Path, *relax: bool) -> list[tuple[int, int, int]]:
    """Return the thresholds while nested engines open, and after each closes."""
    flow = workflow_of(compiled(TEXT))
    found = []

    async def nest(left: tuple[bool, ...]) -> None:
        if not left:
            return
        url = f"sqlite:///{folder / f'{len(left)}.db'}"
        async with opord.Engine(url, [flow], relax_collector=left[0]):
            found.append(gc.get_threshold())
            await nest(left[1:])
        found.append(gc.get_threshold())

    asyncio.run(nest(relax))
    return found


def test_the_collector_is_relaxed_until_the_last_engine_closes(tmp_path: Path) -> None:
    assert seen(tmp_path, True, True) == [RELAXED, RELAXED, RELAXED, PYTHONS]


def test_an_engine_with_relax_collector_false_changes_nothing(tmp_path: Path) -> None:
    assert seen(tmp_path, False) == [PYTHONS, PYTHONS]
    assert seen(tmp_path, False, True) == [PYTHONS, RELAXED, PYTHONS, PYTHONS]


@pytest.mark.parametrize("own", [(100, 5, 5), (0, 10, 10), (100_000, 20, 20)])
def test_foreign_thresholds_stay(tmp_path: Path, own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    assert seen(tmp_path, True) == [own, own]


def test_a_disabled_collector_stays_disabled(tmp_path: Path) -> None:
    gc.disable()
    assert seen(tmp_path, True) == [PYTHONS, PYTHONS]
    assert not gc.isenabled()


def test_thresholds_that_were_set_meanwhile_stay() -> None:
    relaxation = Relaxation()
    relaxation.hold()
    gc.set_threshold(900, 10, 10)
    relaxation.let_go()
    assert gc.get_threshold() == (900, 10, 10)


def test_it_is_relaxed_further_for_more_runs_at_once() -> None:
    relaxation = Relaxation()
    relaxation.hold(1000)
    assert gc.get_threshold() == RELAXED
    relaxation.hold(3000)
    assert gc.get_threshold() == (300_000, *RELAXED[1:])
    relaxation.hold(2000)
    assert gc.get_threshold() == (300_000, *RELAXED[1:])
    for _ in range(3):
        relaxation.let_go()
    assert gc.get_threshold() == PYTHONS


def test_an_engine_that_cannot_open_restores_the_thresholds(tmp_path: Path) -> None:
    flow = workflow_of(compiled(TEXT))

    async def story() -> None:
        async with opord.Engine(f"sqlite:///{tmp_path / 'no' / 'folder.db'}", [flow]):
            raise AssertionError("it is not there")

    with pytest.raises(StoreError):
        asyncio.run(story())
    assert gc.get_threshold() == PYTHONS


def test_a_worker_freezes_the_objects_at_its_start() -> None:
    try:
        relax_for_good()
        assert gc.get_threshold() == RELAXED
        assert gc.get_freeze_count() > 1000
        relax_for_good(5000)
        assert gc.get_threshold() == (500_000, *RELAXED[1:])
    finally:
        gc.unfreeze()


def garbage_of(folder: Path, runs: int) -> int:
    """Return how many objects only the collector gets rid of, after so many runs have ended."""
    flow = workflow_of(compiled(ORDERS))

    async def story() -> int:
        async with opord.Engine(f"sqlite:///{folder / f'{runs}.db'}", [flow(Answers())]) as engine:
            gc.collect()
            gc.disable()
            for number in range(runs):
                await (await engine.start(flow, id=str(number))).result()
            return gc.collect()

    return asyncio.run(story())


def test_runs_that_have_ended_leave_nothing_to_collect(tmp_path: Path) -> None:
    assert garbage_of(tmp_path, 60) - garbage_of(tmp_path, 10) < 50
