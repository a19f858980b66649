"""A changed contract with a stored version replaces the stored one, if nothing needs that.

Otherwise it is refused, and the message names the difference.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.backends.front import Engine
from opord.cli.program import run as opord_command
from opord.drive.errors import ContractReplaced
from opord.stores.base import ContractConflict
from opord.stores.sqlite import SqliteStore
from tests.identity.kit import MADE, changed_text, old_store, opened
from tests.support.contracts import workflow_of

TEXT = (MADE / "spare.opord").read_text()
CHANGED = TEXT.replace("after 1h", "after 2h")


@pytest.fixture
def flows(tmp_path: Path) -> list[Any]:
    """Return the original contract and the changed one."""
    found = []
    for number, text in enumerate((TEXT, CHANGED)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "spare.opord").write_text(text)
        found.append(workflow_of(opord.load(folder / "spare.opord")))
    return found


def stored(place: Path) -> str:
    store = SqliteStore(place)
    try:
        (text,) = [contract.sources for contract in store.contracts() if contract.name == "Spare"]
        return text
    finally:
        store.close()


def test_a_contract_without_runs_is_replaced_and_one_with_runs_is_not(
    tmp_path: Path, flows: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "opord.store")
    place, (before, after) = tmp_path / "runs.db", flows

    async def work() -> None:
        async with Engine(f"sqlite:///{place}", [before]):
            pass
        async with Engine(f"sqlite:///{place}", [after]) as engine:
            await engine.start(after, id="one")
        with pytest.raises(ContractConflict) as caught:
            async with Engine(f"sqlite:///{place}", [before]):
                pass
        assert (
            "contract Spare version 1 is stored with other content, and runs were started with it: "
            in str(caught.value)
        )
        assert "state Open, timer 1, when, value: 2h is stored, 1h was given" in str(caught.value)
        assert "give the changed contract a new version, `contract Spare(…) version 2`" in str(caught.value)

    asyncio.run(work())
    assert "2h" in stored(place)
    (warned,) = [record.message for record in caplog.records]
    assert warned.startswith("contract Spare version 1: the stored content (")


def test_a_live_worker_keeps_its_contract(tmp_path: Path, flows: list[Any]) -> None:
    place, (before, after) = tmp_path / "runs.db", flows

    async def work() -> None:
        async with Engine(f"sqlite:///{place}", [before(object())]) as worker:
            assert worker.worker is not None
            with pytest.raises(ContractConflict, match=r"the worker .* serves it"):
                async with Engine(f"sqlite:///{place}", [after]):
                    pass
            await worker.start(before, id="one")

    asyncio.run(work())


def test_a_process_with_the_replaced_contract_cannot_start_runs(tmp_path: Path, flows: list[Any]) -> None:
    place, (before, after) = tmp_path / "runs.db", flows

    async def work() -> None:
        async with (
            Engine(f"sqlite:///{place}", [before]) as old,
            Engine(f"sqlite:///{place}", [after]) as new,
        ):
            with pytest.raises(ContractReplaced, match="Restart this process with the right contract"):
                await old.start(before, id="one")
            await new.start(after, id="one")
            with pytest.raises(ContractReplaced):
                await old.start(before, id="two")

    asyncio.run(work())


RACER = """
import asyncio, sys
import opord
from opord.stores.base import ContractConflict, StoreUnavailable
from opord.drive.errors import ContractReplaced

place, file, name = sys.argv[1:]
flow = opord.load(file).Spare

async def main():
    said = []
    for number in range(15):
        try:
            async with opord.Engine(f"sqlite:///{place}", [flow]) as engine:
                await engine.start(flow, id=f"{name}{number}")
            said.append("started")
        except (ContractConflict, ContractReplaced) as refused:
            said.append(type(refused).__name__)
    print(" ".join(sorted(set(said))))

asyncio.run(main())
"""


def test_two_processes_with_different_content_never_both_start_runs(tmp_path: Path, flows: list[Any]) -> None:
    place = tmp_path / "runs.db"
    SqliteStore(place).close()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(place), str(tmp_path / str(number) / "spare.opord"), "ab"[number]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    said = [racer.communicate(timeout=120) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], said
    outcomes = [out.split() for out, _ in said]
    assert sorted("started" in each for each in outcomes) == [False, True], outcomes
    assert opord_command(["runs", "verify", "--store", f"sqlite:///{place}"]) == 0


def test_the_command_names_the_contract_conflict(
    tmp_path: Path, flows: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "runs.db"
    start = ["runs", "start", "--store", f"sqlite:///{place}"]
    assert opord_command([*start, str(tmp_path / "0/spare.opord"), "--input", '{"id": "one"}']) == 0, (
        capsys.readouterr()
    )
    capsys.readouterr()
    assert opord_command([*start, str(tmp_path / "1/spare.opord"), "--input", '{"id": "two"}']) == 1
    assert "error[contract_conflict]: contract Spare version 1 is stored" in capsys.readouterr().err


def test_an_unreadable_stored_text_is_replaced_or_reported(tmp_path: Path, flows: list[Any]) -> None:
    old = old_store(tmp_path)
    changed_text(old, "Spare", "contract Spare", "kontrakt Spare")
    changed_text(old, "Shop", "contract Shop", "kontrakt Shop")
    (tmp_path / "money.opord").write_text((MADE / "money.opord").read_text())
    (tmp_path / "shop.opord").write_text((MADE / "shop.opord").read_text().replace("20d", "21d"))
    shop = workflow_of(opord.load(tmp_path / "shop.opord"))

    async def work() -> None:
        async with Engine(opened(old), [flows[1]]) as engine:
            await engine.start(flows[1], id="one")
        with pytest.raises(ContractConflict, match="the stored text cannot be read by this version of Opord"):
            async with Engine(opened(old), [shop]):
                pass

    asyncio.run(work())
    assert "2h" in stored(old)
