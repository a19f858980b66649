"""A history in JSON is not longer than what is stored, however many records carry a long list."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import opord
from opord.loading import load
from tests.cli.kit import Shop

ROUNDS = 200
CARRY = f"""
contract Carry(id: str, items: list[str]) key id version 1
pure more(n: int) -> int
initial state Walking(items: list[str] = items, n: int = 0) -> Walking | Done {{
  if more(n) >= {ROUNDS} {{ goto Done(items) }}
  goto Walking(items, more(n))
}}
final state Done(items: list[str]) success
"""
ITEMS = [f"item {number}" for number in range(10_000)]


class Handlers:
    def more(self, n: int) -> int:
        return n + 1


def whole(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the values that a history refers to back into their places."""
    records = {one["seq"]: one for one in history}

    def at(record: dict[str, Any], place: str) -> tuple[Any, str]:
        *way, last = place.split(".")
        inner: Any = record
        for step in way:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        return inner, last

    for record in history:
        for place, source in record.pop("same_as", {}).items():
            inner, last = at(record, place)
            assert inner[last] is None
            there, name = at(records[source["seq"]], source["at"])
            inner[last] = there[name]
    return history


def test_a_long_list_is_written_once_and_every_record_says_where(shop: Shop, tmp_path: Path) -> None:
    (shop.folder / "carry.opord").write_text(CARRY)
    module = load(shop.folder / "carry.opord")
    url = f"sqlite:///{shop.folder / 'carry.db'}"
    full: list[Any] = []

    async def story() -> None:
        async with opord.Engine(url, [module.Carry(Handlers())]) as engine:
            run = await engine.start(module.Carry, id="1", items=ITEMS)
            await run.result()
            full.extend(await run.history())

    asyncio.run(story())
    said = shop.opord("runs", "history", "Carry/1", "--json", "--store", url)
    once = len(json.dumps(ITEMS, separators=(",", ":")))
    assert len(said.out) < once + 1000 * ROUNDS
    history = said.json
    assert len(history) == ROUNDS + 1
    assert history[0]["data"]["items"] == ITEMS
    assert history[0]["same_as"] == {"input.items": {"seq": 1, "at": "data.items"}}
    assert history[-1]["data"]["items"] is None
    assert history[-1]["same_as"] == {"data.items": {"seq": 1, "at": "data.items"}}
    assert whole(history) == full

    archive = shop.folder / "old.jsonl"
    pruned = shop.opord("prune", "--ended-before", "0d", "--archive", str(archive), "--store", url)
    assert pruned.status == 0, pruned.err
    archived = shop.opord("runs", "history", "Carry/1", "--json", "--archive", str(archive))
    assert archived.out == said.out
