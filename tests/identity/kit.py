"""What was made by the last Opord without forms, each time in a fresh copy."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import apsw

import opord
from opord.stores.sqlite import SqliteStore

MADE = Path(__file__).parent / "form_0"
KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
NOW = 1_796_019_720_000_000
"""A minute after it was made, in microseconds."""

OLD = {
    line.split("'")[3]: line.split("'")[1]
    for line in (MADE / "store.sql").read_text().splitlines()
    if line.startswith("INSERT INTO contracts VALUES")
}
"""The digests of its contracts then, by name."""


def old_store(folder: Path) -> Path:
    """Put the store as it was then into a folder."""
    place = folder / "old.db"
    connection = apsw.Connection(str(place))
    connection.execute((MADE / "store.sql").read_text())
    connection.close()
    return place


def old_archive(folder: Path) -> Path:
    """Put the archive as it was then into a folder."""
    place = folder / "old-runs.jsonl"
    shutil.copy(MADE / "old-runs.jsonl", place)
    return place


def opened(place: Path, *, seconds: float = 0) -> SqliteStore:
    """Open a store, so long after it was made."""
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
    """Change the text that a store has of a contract, behind its back."""
    connection = apsw.Connection(str(place))
    query = "SELECT sources FROM contracts WHERE name = ?"
    sources = json.loads(str(connection.execute(query, (name,)).get))
    assert old in sources[0][1]
    sources[0][1] = sources[0][1].replace(old, new)
    connection.execute("UPDATE contracts SET sources = ? WHERE name = ?", (json.dumps(sources), name))
    connection.close()


class ShopHandlers:
    """Handlers for the shop that do what is asked; `calls` says what was."""

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
    """Handlers for the vault that do what is asked."""

    def __init__(self, vault: Any) -> None:
        self.vault = vault
        self.calls: list[str] = []

    async def charge(self, pin: Any, code: Any, *, call: opord.Call) -> Any:
        self.calls.append(f"charge {pin.reveal()} {code.reveal()}")
        return self.vault.Receipt(number="n2", token=opord.Secret("t"))
