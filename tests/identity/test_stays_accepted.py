"""An accepted contract stays accepted.

Runs with an unreadable text can still be managed by their rows.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.backends.front import Engine
from opord.cli.program import run as opord_command
from opord.drive.errors import ContractUnreadable
from opord.engine.programs import Programs
from opord.engine.protection import protection_with
from opord.kernel.legality import verify
from opord.language import compile as passes
from opord.language.diagnostics.model import Diagnostic
from opord.loading import ContractRefused, load, program_of
from opord.stores.base import RunFilter
from opord.stores.sqlite import SqliteStore
from tests.identity.kit import (
    KEY,
    LIVE,
    MADE,
    OLD,
    ShopHandlers,
    VaultHandlers,
    changed_text,
    imported,
    old_archive,
    old_store,
    opened,
    problems,
    prune,
    terminate,
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return old_store(tmp_path)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install rules of a later version that refuse everything."""

    bad = "contract Bad(id: str) key id\ninitial state A -> B { goto B }\n"
    code = passes.check_text(bad).errors[0].code

    def refuse(model: Any) -> list[Diagnostic]:
        return [Diagnostic(code, "nothing is right any more", model.states[0].place)]

    monkeypatch.setattr(passes, "find_all", refuse)


def act(store: SqliteStore, job: Callable[[Any], Coroutine[Any, Any, None]], *flows: Any) -> None:
    """Run a job with the client of an engine."""

    async def main() -> None:
        async with Engine(store, flows, secret_keys=KEY) as engine:
            await job(engine.client)
            if engine.worker is not None:
                await engine.worker.until_idle()

    asyncio.run(main())
    store.close()


# --- a rule that became stricter ------------------------------------------------------------------


@pytest.mark.usefixtures("strict")
def test_the_planted_rule_refuses_everything(tmp_path: Path) -> None:
    (tmp_path / "fresh.opord").write_text((MADE / "spare.opord").read_text() + "\n# changed\n")
    with pytest.raises(ContractRefused, match="nothing is right any more"):
        load(tmp_path / "fresh.opord")


@pytest.mark.usefixtures("strict")
def test_a_stricter_rule_leaves_no_run_behind(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop, vault = imported("shop"), imported("vault")
    handlers = ShopHandlers(shop), VaultHandlers(vault)

    async def without_handlers(client: Any) -> None:
        await client.send("Shop/waiting", "parcel", {"code": "c"}, actor="carrier")
        await client.resume("Shop/stalls", actor="root")
        await client.resolve("Shop/doubtful", happened=True, result="r", actor="root")
        await client.terminate("Vault/doubtful", actor="root", reason="no use")
        await client.send("Vault/locked", "confirm", {"code": "1"}, actor="ann")

    async def nothing(client: Any) -> None:
        pass

    act(opened(old), without_handlers)
    act(opened(old), nothing, shop.Shop(handlers[0]), vault.Vault(handlers[1]))
    store = opened(old)
    states = {row.run: row.head.state for row in store.runs(RunFilter(), limit=100)}
    assert states["Shop/waiting"] == states["Shop/doubtful"] == "Done"
    assert states["Shop/stalls"] == states["Shop/fresh"] == "Underway"
    assert states["Vault/locked"] == "Open"
    assert problems(store) == {run: [] for run in LIVE}
    store.close()
    for arguments in (
        ["runs", "show", "Shop/waiting"],
        ["runs", "history", "Shop/waiting"],
        ["runs", "list"],
    ):
        assert opord_command([*arguments, "--store", f"sqlite:///{old}"]) == 0
        assert "cannot be compiled" not in capsys.readouterr().out


# --- a text that cannot be read -------------------------------------------------------------------

DAMAGES = {
    "of a later language": ("action send", "sometime action send"),
    "not a contract": ("contract Shop", "kontrakt Shop"),
    "of another contract": (
        'after 20d -> goto Refunding(receipt, "lost',
        'after 21d -> goto Refunding(receipt, "lost',
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("when", ["before it is brought up to date", "afterwards"])
def test_an_unreadable_text_does_not_stop_work_that_only_needs_rows(
    old: Path, tmp_path: Path, damage: str, when: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    caplog.set_level(logging.WARNING, "opord.store")
    if when == "afterwards":
        opened(old).close()
    changed_text(old, "Shop", *DAMAGES[damage])
    store = opened(old)
    rows = store.runs(RunFilter(), limit=100)
    with pytest.raises(ContractUnreadable):
        Programs(protection_with(KEY)).load(store, next(row.contract for row in rows if row.name == "Shop"))
    assert {row.run: (row.head.state, row.head.status) for row in rows} == LIVE
    store.close()
    if when != "afterwards":
        assert [record.message for record in caplog.records if "contract Shop version 3" in record.message]
        assert not [record.message for record in caplog.records if "Vault" in record.message]
    url, archive = f"sqlite:///{old}", old_archive(tmp_path)

    def said(*arguments: str, status: int = 0) -> str:
        assert opord_command([*arguments, "--store", url]) == status
        told = capsys.readouterr()
        return told.out + told.err

    listed = said("runs", "list")
    assert all(run in listed for run in LIVE)
    shown = said("runs", "show", "Shop/waiting")
    assert "Underway" in shown
    assert "the stored contract Shop version 3" in shown
    told = said("runs", "history", "Shop/doubtful")
    assert "the history below comes from the records alone" in told
    assert "pay" in told
    assert json.loads(_out(said("runs", "history", "Shop/doubtful", "--json")))[0]["kind"] == "started"
    verified = said("runs", "verify", status=1)
    assert "the chain of its records was checked, but not against the contract" in verified
    assert "6 with problems" in verified
    terminate(opened(old), "Shop/doubtful")
    assert "terminated" in said("runs", "show", "Shop/doubtful")
    assert "root" in said("runs", "history", "Shop/doubtful")
    chain = said("runs", "verify", "Shop/doubtful", status=1)
    assert chain.count("wrong") == 1
    assert "(contract)" in chain
    assert prune(opened(old, seconds=1), archive) == 4
    assert opord_command(["runs", "verify", "--archive", str(archive)]) in (0, 1)
    assert "(hash)" not in capsys.readouterr().out
    assert opord_command(["runs", "history", "Shop/doubtful", "--archive", str(archive)]) == 0
    assert "terminated" in capsys.readouterr().out


def _out(text: str) -> str:
    """Return the JSON in the output; a note follows it."""
    return text[: text.rindex("]") + 1]


def test_a_changed_record_is_found_without_a_readable_text(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(old).close()
    changed_text(old, "Shop", *DAMAGES["not a contract"])
    import apsw

    connection = apsw.Connection(str(old))
    connection.execute("DROP TRIGGER journal_is_never_changed")
    connection.execute("UPDATE journal SET body = replace(body, 'ann', 'eve') WHERE run = 4 AND seq = 1")
    connection.close()
    assert opord_command(["runs", "verify", "Shop/waiting", "--store", f"sqlite:///{old}"]) == 1
    assert "record 1 (hash)" in capsys.readouterr().out


def test_a_run_terminated_by_its_row_verifies_once_its_text_is_readable(old: Path) -> None:
    opened(old).close()
    changed_text(old, "Vault", "contract Vault", "kontrakt Vault")
    changed_text(old, "Shop", "contract Shop", "kontrakt Shop")
    for run in ("Shop/doubtful", "Vault/doubtful", "Vault/locked", "Shop/fresh"):
        terminate(opened(old), run)
    changed_text(old, "Vault", "kontrakt Vault", "contract Vault")
    changed_text(old, "Shop", "kontrakt Shop", "contract Shop")
    store = opened(old)
    assert problems(store) == {run: [] for run in LIVE}
    ended = {row.run for row in store.runs(RunFilter(outcome="terminated"), limit=100)}
    assert ended == {"Shop/doubtful", "Vault/doubtful", "Vault/locked", "Shop/fresh"}
    store.close()


def test_a_worker_with_the_contract_replaces_an_unreadable_text(old: Path) -> None:
    changed_text(old, "Shop", *DAMAGES["of a later language"])
    opened(old).close()
    shop = imported("shop")

    async def go_on(client: Any) -> None:
        await client.send("Shop/waiting", "parcel", {"code": "c"}, actor="carrier")

    act(opened(old), go_on, shop.Shop(ShopHandlers(shop)))
    store = opened(old)
    contract = store.contract(OLD["Shop"])
    assert contract is not None
    assert (contract.digest, contract.also) == (program_of(shop.Shop).digest, (OLD["Shop"],))
    assert problems(store) == {run: [] for run in LIVE}
    store.close()


def test_the_newest_of_two_texts_with_one_digest_serves_and_all_records_verify(
    old: Path, tmp_path: Path
) -> None:
    text = (MADE / "shop.opord").read_text()
    (tmp_path / "money.opord").write_text((MADE / "money.opord").read_text())
    newer = (
        text.replace("ensure every run ends within 60d\n", "")
        .replace("let price", "let asked")
        .replace("reduced(price)", "reduced(asked)")
    )
    assert newer != text
    (tmp_path / "shop.opord").write_text(newer)
    shop = opord.load(tmp_path / "shop.opord")
    assert OLD["Shop"] not in program_of(shop.Shop).also

    async def go_on(client: Any) -> None:
        await client.send("Shop/waiting", "parcel", {"code": "c"}, actor="carrier")

    act(opened(old), go_on, shop.Shop(ShopHandlers(shop)))
    store = opened(old)
    contract = store.contract(OLD["Shop"])
    assert contract is not None
    assert json.loads(contract.sources)[0][1] == newer
    assert problems(store) == {run: [] for run in LIVE}
    (row,) = [row for row in store.runs(RunFilter(), limit=100) if row.run == "Shop/waiting"]
    assert row.head.state == "Done"
    program = Programs(protection_with(KEY)).load(store, row.contract)
    assert verify(program, row, store.journal(row.run)) == []
    store.close()
