"""A store, an archive and modules from before the forms still work, also together with new ones."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import apsw
import pytest

import opord
from opord.backends.front import Engine
from opord.cli.program import run as opord_command
from opord.content import contract_digest
from opord.drive.errors import StartConflict
from opord.engine.programs import Programs
from opord.engine.protection import protection_with
from opord.kernel.legality import verify
from opord.loading import StaleModule, load_program, program_of
from opord.stores.base import RunFilter
from opord.stores.sqlite import SqliteStore
from tests.identity.kit import (
    KEY,
    LIVE,
    MADE,
    OLD,
    ShopHandlers,
    VaultHandlers,
    imported,
    old_archive,
    old_store,
    opened,
    problems,
    prune,
    terminate,
)

CONTRACTS = ("shop", "vault", "spare")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return old_store(tmp_path)


def digests() -> dict[str, str]:
    """Return the present digests of the old contracts, by name."""
    found = [load_program(MADE / f"{name}.opord") for name in CONTRACTS]
    return {program.name: program.digest for program in found}


def named_by(store: SqliteStore, run: str) -> list[str]:
    """Return the digests that the records of a run name, without duplicates, in order."""
    return list(dict.fromkeys(json.loads(record.body)["contract"] for record in store.journal(run)))


def test_each_contract_is_found_by_both_digests(old: Path) -> None:
    now = digests()
    assert now.keys() == OLD.keys()
    store = opened(old)
    for contract in store.contracts():
        assert (contract.digest, contract.form, contract.also) == (
            now[contract.name],
            1,
            (OLD[contract.name],),
        )
        assert store.contract(OLD[contract.name]) == store.contract(now[contract.name]) == contract
    store.close()
    kept = list(apsw.Connection(str(old)).execute("SELECT name, digest, form, current FROM contracts"))
    assert kept == [(name, OLD[name], 0, now[name]) for name in OLD]


def test_old_runs_verify_and_their_records_stay_unchanged(old: Path) -> None:
    store, now = opened(old), digests()
    rows = store.runs(RunFilter(), limit=100)
    assert {row.run: (row.head.state, row.head.status) for row in rows} == LIVE
    assert {row.contract for row in rows} == {now["Shop"], now["Vault"]}
    assert problems(store) == {run: [] for run in LIVE}
    assert {tuple(named_by(store, run)) for run in LIVE} == {(OLD["Shop"],), (OLD["Vault"],)}
    store.close()


def test_a_record_of_another_contract_is_still_found(old: Path) -> None:
    store = opened(old)
    (row,) = [row for row in store.runs(RunFilter(), limit=100) if row.run == "Shop/waiting"]
    program = Programs(protection_with(KEY)).load(store, row.contract)
    records = store.journal(row.run)
    other = records[0].replace(body=records[0].body.replace(OLD["Shop"], OLD["Vault"]))
    assert "contract" in {problem.what for problem in verify(program, row, [other, *records[1:]])}
    store.close()


@pytest.mark.parametrize("how", ["modules made then", "the text loaded now"])
def test_old_runs_continue_and_new_records_have_the_new_digest(old: Path, how: str) -> None:
    def get(name: str) -> Any:
        return imported(name) if how == "modules made then" else opord.load(MADE / f"{name}.opord")

    shop, vault, now = get("shop"), get("vault"), digests()
    handlers = ShopHandlers(shop), VaultHandlers(vault)

    async def go_on() -> None:
        flows = [shop.Shop(handlers[0]), vault.Vault(handlers[1])]
        async with Engine(opened(old), flows, secret_keys=KEY) as engine:
            client = engine.client
            again = await engine.start(shop.Shop, id="waiting", buyer="ann", way=shop.Way.Invoice(days=14))
            assert again.id == "Shop/waiting"
            with pytest.raises(StartConflict):
                await engine.start(shop.Shop, id="waiting", buyer="bob", way=shop.Way.Card())
            program = program_of(shop.Shop)
            pruned = await client.start(program, program.input.accept(old1(shop)))
            assert (pruned.created, pruned.pruned) == (False, True)
            repeated = await client.send("Shop/doubtful", "parcel", {"code": "early"}, actor="carrier")
            assert repeated.status == "repeated"
            await client.resume("Shop/stalls", actor="root")
            await client.resolve("Shop/doubtful", happened=True, result="r-9", actor="root")
            await client.resolve("Vault/doubtful", happened=False, actor="root")
            await client.send("Vault/locked", "confirm", {"code": "0000"}, actor="ann")
            await client.send("Shop/waiting", "give_up", {"why": "bored"}, actor="eve", role="clerk")
            assert engine.worker is not None
            await engine.worker.until_idle()

    asyncio.run(go_on())
    store = opened(old)
    states = {row.run: row.head.state for row in store.runs(RunFilter(), limit=100)}
    assert states == {
        "Shop/old2": "Done", "Shop/ended": "Done", "Shop/waiting": "Lost", "Shop/stalls": "Underway",
        "Shop/doubtful": "Done", "Shop/fresh": "Underway", "Vault/locked": "Open", "Vault/open": "Open",
        "Vault/doubtful": "Open",
    }  # fmt: skip
    assert sorted(handlers[0].calls) == [
        "pay bob fresh", "pay stalls stalls", "price bob", "price stalls", "refund r-ann", "send r-9", "send r-bob",
        "send r-stalls",
    ]  # fmt: skip
    assert sorted(handlers[1].calls) == ["charge pin-doubtful doubtful", "charge pin-locked 0000"]
    assert problems(store) == {run: [] for run in LIVE}
    for run in (
        "Shop/waiting",
        "Shop/stalls",
        "Shop/doubtful",
        "Shop/fresh",
        "Vault/locked",
        "Vault/doubtful",
    ):
        name = run.split("/")[0]
        assert named_by(store, run) == [OLD[name], now[name]]
    store.close()


def old1(shop: Any) -> Any:
    """Return the input of `Shop/old1`."""
    return {"id": "old1", "buyer": "ann", "way": shop.Way.Card()}


def test_a_worker_of_the_older_version_counts_as_a_worker(old: Path) -> None:
    store = opened(old)
    store.heartbeat("older", [OLD["Shop"], "f" * 64], ttl_us=60_000_000)
    (worker,) = store.workers()
    assert set(worker.contracts) == {digests()["Shop"], "f" * 64}
    store.close()


def test_the_commands_show_an_old_store(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    url = f"sqlite:///{old}"

    def said(*arguments: str, status: int = 0) -> str:
        assert opord_command([*arguments, "--store", url]) == status
        return capsys.readouterr().out

    assert said("runs", "verify", status=1).endswith("0 with problems, 3 need a person\n")
    assert "10 records, unbroken and legal" in said("runs", "verify", "Shop/ended")
    assert all(run in said("runs", "list") for run in LIVE)
    assert "Underway" in said("runs", "show", "Shop/waiting")
    assert "give_up" in said("runs", "show", "Shop/waiting")
    assert "pay" in said("runs", "history", "Shop/doubtful")
    terminate(opened(old), "Shop/doubtful")
    assert "terminated" in said("runs", "show", "Shop/doubtful")


# --- archives -------------------------------------------------------------------------------------


def test_an_old_archive_is_read_and_continued(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    archive = old_archive(tmp_path)
    assert opord_command(["runs", "verify", "--archive", str(archive)]) == 0
    assert "2 runs, 15 records: 0 with problems" in capsys.readouterr().out
    terminate(opened(old), "Shop/doubtful")
    assert prune(opened(old, seconds=1), archive) == 4
    assert opord_command(["runs", "verify", "--archive", str(archive)]) == 0
    assert "6 runs," in capsys.readouterr().out
    assert opord_command(["runs", "history", "Shop/doubtful", "--archive", str(archive)]) == 0
    assert "terminated" in capsys.readouterr().out
    store = opened(old)
    assert set(problems(store)) == {run for run, (_, status) in LIVE.items() if status != "ended"} - {
        "Shop/doubtful"
    }
    assert not any(problems(store).values())
    stays = store.tombstone("Shop/doubtful")
    assert stays is not None
    assert stays.contract == digests()["Shop"]
    store.close()


# --- modules --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shop", "vault"])
def test_an_old_module_still_is_the_same_contract(name: str) -> None:
    module = imported(name)
    program = program_of(getattr(module, name.title()))
    assert program.digest == contract_digest(program.contract) == digests()[name.title()]
    assert OLD[name.title()] in program.also


def test_an_old_module_that_was_edited_is_still_stale(tmp_path: Path) -> None:
    made = (MADE / "vault.py").read_text()
    (tmp_path / "vault.py").write_text(made.replace("on peek ignore", "on peek -> goto Shut"))
    with pytest.raises(StaleModule, match="does not fit the contract"):
        program_of(imported("vault", tmp_path).Vault)
