"""Secrets inside large values, which are stored separately.

They are sealed like all others, and rewritten together with the records that refer to them.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.cli.program import run as opord_command
from opord.engine.protection import protection_with
from opord.kernel.legality import verify_kept
from opord.loading import program_of
from opord.stores import open_store
from opord.stores.base import Kept, Store
from opord.stores.values import read_run
from opord.values.vault import SecretUnreadable
from tests.protection.kit import KEY, OTHER
from tests.support.contracts import compiled, workflow_of

CONTRACT = """
contract Safe(id: str, cards: list[Card], note: json) key id
record Card { holder: str, number: secret str }
event add(cards: list[Card])
event next()
initial state Open -> Waiting { goto Waiting(cards, note, 0) }
state Waiting(cards: list[Card], note: json, at: int) -> Waiting | Done {
  on add(cards: more) -> goto Waiting(more, note, at + 1)
  on next() -> goto Waiting(cards, note, at + 1)
  at run.started_at + 999h -> goto Done(cards)
}
final state Done(cards: list[Card]) success
""".replace("add(cards: more)", "add(more)").replace("event add(cards:", "event add(more:")

NUMBERS = [f"canary-{number:05d}-of-a-card" for number in range(200)]


def cards(first: int = 0) -> list[dict[str, Any]]:
    numbered = enumerate(NUMBERS[first : first + 100])
    return [{"holder": f"holder {first + place}", "number": number} for place, number in numbered]


class Handlers:
    pass


class Safe:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'runs.db'}"
        self.flow = workflow_of(compiled(CONTRACT))
        self.said = io.StringIO()

    def tell(self, keys: str, *, insecure: bool = False, note: Any = None) -> None:
        async def story() -> None:
            engine = opord.Engine(
                self.url, [self.flow(Handlers())], secret_keys=keys, insecure_plaintext_secrets=insecure
            )
            async with engine:
                run = await engine.start(self.flow, id="a", cards=cards(), note=note)
                await engine.until_idle()
                await engine.send_event(run.id, "next", {})
                await engine.send_event(run.id, "add", {"more": cards(100)})
                await engine.send_event(run.id, "next", {})

        asyncio.run(story())

    def kept(self) -> Kept:
        store = open_store(self.url)
        try:
            kept = store.kept("Safe/a")
        finally:
            store.close()
        assert kept is not None
        return kept

    def check(self, keys: str) -> list[str]:
        """Verify the run, and return its numbers."""
        kept = self.kept()
        program = protection_with(keys, insecure=True).of(program_of(self.flow))
        assert verify_kept(program, kept) == []
        store: Store = open_store(self.url)
        try:
            fields = read_run(store, program, kept.row).fields
        finally:
            store.close()
        return [card.number.reveal() for card in fields.cards]

    def written(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file())


@pytest.fixture
def safe(tmp_path: Path) -> Safe:
    return Safe(tmp_path)


def test_no_secret_in_a_large_value_is_in_any_byte_that_is_written(safe: Safe) -> None:
    safe.tell(KEY)
    assert b"canary" not in safe.written()
    kept = safe.kept()
    assert len(kept.values) == 2
    assert all("$sealed" in value.body for value in kept.values)
    assert max(len(record.body) for record in kept.records) < 1_000
    assert safe.check(KEY) == NUMBERS[100:]


def test_after_a_migration_no_secret_in_a_large_value_is_in_clear(safe: Safe, monkeypatch: Any) -> None:
    safe.tell("", insecure=True)
    assert b"canary" in safe.written()
    before = safe.kept()
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    assert opord_command(["db", "migrate", "--store", safe.url]) == 0
    assert b"canary" not in safe.written()
    after = safe.kept()
    assert len(after.values) == len(before.values) == 2
    assert not {value.digest for value in after.values} & {value.digest for value in before.values}
    assert safe.check(KEY) == NUMBERS[100:]
    assert opord_command(["runs", "verify", "--store", safe.url]) == 0


def test_a_new_key_rewrites_values_and_what_refers_to_them(safe: Safe, monkeypatch: Any) -> None:
    safe.tell(KEY)
    monkeypatch.setenv("OPORD_SECRET_KEYS", f"{OTHER},{KEY}")
    assert opord_command(["db", "migrate", "--store", safe.url]) == 0
    assert safe.check(OTHER) == NUMBERS[100:]
    with pytest.raises((SecretUnreadable, AssertionError)):
        safe.check(KEY)


def test_a_sealed_secret_that_is_moved_to_another_value_does_not_open(safe: Safe) -> None:
    safe.tell(KEY)
    kept = safe.kept()
    one, two = (value.body for value in kept.values)
    start, end = one.index('{"$sealed"'), one.index("}", one.index('{"$sealed"')) + 1
    begin, stop = two.index('{"$sealed"'), two.index("}", two.index('{"$sealed"')) + 1
    from opord.kernel.large import open_value

    program = protection_with(KEY).of(program_of(safe.flow))
    assert open_value(program.vault, "Safe/a", one)[0]["number"] is not None
    with pytest.raises(SecretUnreadable):
        open_value(program.vault, "Safe/a", two[:begin] + one[start:end] + two[stop:])
    with pytest.raises(SecretUnreadable):
        open_value(program.vault, "Safe/b", one)


def test_data_that_only_look_sealed_or_secret_come_back_unchanged(safe: Safe) -> None:
    note = [{"$sealed": "x.y"}, {"$secret": "mine"}, {"$values": {"note": "0" * 64}}, "pad " * 2_000]
    safe.tell(KEY, note=note)
    kept = safe.kept()
    store = open_store(safe.url)
    try:
        program = protection_with(KEY).of(program_of(safe.flow))
        assert read_run(store, program, kept.row).fields.note == note
    finally:
        store.close()
    assert safe.check(KEY) == NUMBERS[100:]
