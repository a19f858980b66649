"""Give tests a fresh copy of the files that the last Opord without forms wrote."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import apsw

import opord
from opord.backends.front import Engine
from opord.engine.programs import Programs
from opord.engine.protection import protection_with
from opord.engine.pruning import Pruning
from opord.kernel.instants import text
from opord.kernel.legality import verify_kept
from opord.stores.archive import ArchiveWriter
from opord.stores.base import RunFilter
from opord.stores.sqlite import SqliteStore

MADE = Path(__file__).parent / "form_0"
KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
NOW = 1_796_019_720_000_000
"""A minute after the files were written, in microseconds."""

OLD = {
    line.split("'")[3]: line.split("'")[1]
    for line in (MADE / "store.sql").read_text().splitlines()
    if line.startswith("INSERT INTO contracts VALUES")
}
"""The digests of the contracts at that time, by name."""


def old_store(folder: Path) -> Path:
    """Write the old store into a folder."""
    place = folder / "old.db"
    connection = apsw.Connection(str(place))
    connection.execute((MADE / "store.sql").read_text())
    connection.close()
    return place


def old_archive(folder: Path) -> Path:
    """Write the old archive into a folder."""
    place = folder / "old-runs.jsonl"
    shutil.copy(MADE / "old-runs.jsonl", place)
    return place


def opened(place: Path, *, seconds: float = 0) -> SqliteStore:
    """Open a store, `seconds` after it was written."""
    return SqliteStore(place, clock=lambda: NOW + int(seconds * 1_000_000))


def imported(name: str, folder: Path = MADE) -> ModuleType:
    """Import a module that was generated then, as if for the first time."""
    spec = importlib.util.spec_from_file_location(f"form_0_{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def changed_text(place: Path, name: str, old: str, new: str) -> None:
    """Change the text that a store has of a contract, without the store's knowledge."""
    connection = apsw.Connection(str(place))
    query = "SELECT sources FROM contracts WHERE name = ?"
    sources = json.loads(str(connection.execute(query, (name,)).get))
    assert old in sources[0][1]
    sources[0][1] = sources[0][1].replace(old, new)
    connection.execute("UPDATE contracts SET sources = ? WHERE name = ?", (json.dumps(sources), name))
    connection.close()


class ShopHandlers:
    """Handlers for the shop that succeed; `calls` records each call."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.calls: list[str] = []

    def reduced(self, price: Any) -> Any:
        return price

    async def price_of(self, buyer: str) -> Any:
        self.calls.append(f"price {buyer}")
        return self.shop.Amount(cents=1000, currency="eur")

    async def was_paid(self, key: str) -> str | None:
        return None

    async def pay(self, buyer: str, amount: Any, *, call: opord.Call) -> str:
        self.calls.append(f"pay {buyer} {call.key}")
        return f"r-{buyer}"

    async def send(self, receipt: str, *, call: opord.Call) -> None:
        self.calls.append(f"send {receipt}")

    async def refund(self, receipt: str, *, call: opord.Call) -> None:
        self.calls.append(f"refund {receipt}")


class VaultHandlers:
    """Handlers for the vault that succeed."""

    def __init__(self, vault: Any) -> None:
        self.vault = vault
        self.calls: list[str] = []

    async def charge(self, pin: Any, code: Any, *, call: opord.Call) -> Any:
        self.calls.append(f"charge {pin.reveal()} {code.reveal()}")
        return self.vault.Receipt(number="n2", token=opord.Secret("t"))


LIVE = {
    "Shop/old2": ("Done", "ended"), "Shop/ended": ("Done", "ended"), "Shop/waiting": ("Underway", "waiting"),
    "Shop/stalls": ("Asking", "stalled"), "Shop/doubtful": ("Paying", "in_doubt"), "Shop/fresh": ("Asking", "running"),
    "Vault/locked": ("Locked", "waiting"), "Vault/open": ("Open", "ended"), "Vault/doubtful": ("Opening", "in_doubt"),
}  # fmt: skip


def problems(store: SqliteStore) -> dict[str, list[Any]]:
    """Verify every run of a store against the stored text; return the problems by run."""
    programs = Programs(protection_with(KEY))
    found = {}
    for row in store.runs(RunFilter(), limit=100):
        program = programs.load(store, row.contract)
        kept = store.kept(row.run)
        assert kept is not None
        found[row.run] = verify_kept(program, kept)
    return found


def terminate(store: SqliteStore, run: str) -> None:
    """Terminate a run, in a process that has no contract."""

    async def end() -> None:
        async with Engine(store, secret_keys=KEY) as engine:
            await engine.client.terminate(run, actor="root", reason="no use")

    asyncio.run(end())
    store.close()


def prune(store: SqliteStore, archive: Path) -> int:
    """Prune all ended runs into an archive; return how many."""
    writer = ArchiveWriter.open(archive, store.identity(), text(store.now()))
    pruning = Pruning(store, before=store.now(), archive=writer, keep_us=1_000_000)
    pruned = [tally.pruned for tally in pruning.steps()][-1]
    writer.close()
    store.close()
    return pruned
