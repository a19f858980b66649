"""`require`: a start whose input does not fit is refused, and asked only where no run is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import opord
from opord.drive.errors import StartConflict, StartRefused
from opord.engine.protection import Protection
from opord.kernel.legality import verify_kept
from opord.loading import program_of
from opord.stores.base import RunFilter
from opord.stores.sqlite import SqliteStore
from opord.values.types import RunId
from tests.pruning.kit import DAY_US, prune
from tests.support.contracts import compiled, workflow_of
from tests.support.kit import Kit
from tests.support.store import FaultyStore
from tests.support.stores import EACH_STORE

ANY = """
contract Booking(id: str, seats: int, cents: int, parts: int = 1, card: secret str?) key id version 1
event close
initial state Open(each: int = cents // parts) -> Closed { on close -> goto Closed(each) }
final state Closed(each: int) success
"""
REQUIRED = ANY.replace("version 1", "version 2").replace(
    "event close",
    """
require seats > 0 else "{id} books no seat"
require cents // parts >= 100
  else "each of {parts} parts of {cents} cents is too small"
event close
""".lstrip(),
)
FITS = {"id": "b1", "seats": 2, "cents": 500}


class NoHandlers:
    """There is nothing to call."""

    def __init__(self, _module: Any) -> None: ...


def kit_of(text: str, store: str, folder: Path) -> Kit:
    kit = Kit(text, NoHandlers)
    if store == "sqlite":
        kit.store = SqliteStore(folder / "runs.db", clock=kit.clock.now)
    return kit


def runs(kit: Kit) -> list[str]:
    return [row.run for row in kit.store.runs(RunFilter(), limit=100)]


@pytest.mark.parametrize("store", EACH_STORE)
def test_a_start_that_does_not_fit_is_refused_with_the_text_and_leaves_nothing(
    tmp_path: Path, store: str
) -> None:
    kit = kit_of(REQUIRED, store, tmp_path)
    counted = FaultyStore(kit.store)

    async def story() -> None:
        async with kit.engine(store=counted, insecure_plaintext_secrets=True) as engine:
            with pytest.raises(opord.StartRefused) as refused:
                await engine.start(kit.workflow, **{**FITS, "seats": 0})
            assert refused.value.code == "start_refused"
            assert str(refused.value) == "Booking does not start with this input: b1 books no seat"
            assert refused.value.requirement == program_of(kit.workflow).contract.requirements[0]
            assert isinstance(refused.value, opord.Refused)
            assert counted.asked["apply"] == 0, "a refusal writes nothing"
            assert runs(kit) == []
            assert (await engine.start(kit.workflow, **FITS)).id == "Booking/b1"

    kit.run(story())
    assert runs(kit) == ["Booking/b1"]


def test_conditions_are_asked_from_top_to_bottom_and_before_the_initial_state_is_made() -> None:
    kit = Kit(REQUIRED, NoHandlers)

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            for members, why in (
                ({"seats": 0, "cents": 1}, "b1 books no seat"),
                ({"cents": 300, "parts": 4}, "each of 4 parts of 300 cents is too small"),
            ):
                with pytest.raises(StartRefused) as refused:
                    await engine.start(kit.workflow, **{**FITS, **members})
                assert refused.value.why == why
            with pytest.raises(StartRefused, match="cannot be computed: division by zero") as refused:
                await engine.start(kit.workflow, **{**FITS, "parts": 0})
            assert refused.value.requirement is None
            name = Path(program_of(kit.workflow).sources[0][0]).name
            assert f"its `require` at {name}:4 cannot" in str(refused.value)

    kit.run(story())
    assert runs(kit) == []


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("store", EACH_STORE)
def test_where_a_run_is_there_nothing_is_asked(tmp_path: Path, store: str, pruned: bool) -> None:
    kit = kit_of(ANY, store, tmp_path)
    unfit = {**FITS, "seats": 0}

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            await engine.start(kit.workflow, **unfit)
            await engine.send_event("Booking/b1", "close", {})
        if pruned:
            assert prune(kit.store, None, before=kit.store.now() + 1, keep_us=DAY_US).pruned == 1
        kit.workflow = workflow_of(compiled(REQUIRED))
        async with kit.engine(serve=False, insecure_plaintext_secrets=True) as engine:
            program = program_of(kit.workflow)
            assert await engine.start_run(program, unfit) == "Booking/b1"
            with pytest.raises(StartConflict):
                await engine.start_run(program, {**unfit, "cents": 7})
            with pytest.raises(StartConflict):
                await engine.start_run(program, FITS)
            with pytest.raises(StartRefused):
                await engine.start_run(program, {**unfit, "id": "b2"})

    kit.run(story())


def test_a_contract_without_a_key_asks_each_start() -> None:
    kit = Kit(REQUIRED.replace(" key id", ""), NoHandlers)

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            for _ in range(2):
                with pytest.raises(StartRefused, match="books no seat"):
                    await engine.start(kit.workflow, **{**FITS, "seats": -1})
            await engine.start(kit.workflow, **FITS)

    kit.run(story())
    assert len(runs(kit)) == 1


def test_a_journal_of_a_run_that_could_not_start_is_not_legal() -> None:
    kit = Kit(ANY, NoHandlers)

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            await engine.start(kit.workflow, **FITS)
            await engine.start(kit.workflow, **{**FITS, "id": "b2", "seats": 0})

    kit.run(story())
    asking = Protection(insecure=True).of(program_of(workflow_of(compiled(REQUIRED))))

    def problems(run: str) -> list[str]:
        found = verify_kept(asking, kit.store.kept(RunId(run)), now=kit.clock.now_us)
        return [each.why for each in found if each.what == "input"]

    assert problems("Booking/b1") == []
    assert problems("Booking/b2") == ["a `require` of the contract refuses it: b2 books no seat"]
