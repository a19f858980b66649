"""Stored secrets: planted strings are searched in every byte that is written."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.cli.program import run as opord_command
from opord.drive.errors import EventConflict, StartConflict
from opord.engine.protection import SecretsUnprotected, protection_with
from opord.kernel.legality import verify_kept
from opord.kernel.resealing import resealed
from opord.loading import program_of
from opord.stores import open_store
from opord.stores.base import RunFilter
from opord.values.vault import KeyRing, SecretUnreadable
from tests.protection.kit import KEY, OTHER
from tests.support.contracts import compiled, workflow_of

CONTRACT = """
contract Vaulted(id: str, pin: secret str, card: Card) key id
record Card { holder: str, number: secret str }
record Receipt { number: str, token: secret str }
failure CardError { Declined(hint: secret str) }
event confirm(code: secret str) keep key "once"
event close
effect read(pin: secret str) -> Card
action charge(card: Card, pin: secret str) -> Receipt fails CardError { key id }
action tell(receipt: Receipt) { in doubt ask }

initial state Reading -> Waiting {
  let found = perform read(pin)
  goto Waiting(found)
}
state Waiting(found: Card) -> Charging | Failed {
  on confirm(code) -> goto Charging(found, code)
  after 1h -> goto Failed
}
state Charging(found: Card, code: secret str) -> Telling | Refused {
  match commit charge(found, code) {
    ok receipt -> goto Telling(receipt)
    Declined(hint) -> goto Refused(hint)
  }
}
state Telling(receipt: Receipt) -> Done {
  commit tell(receipt)
  goto Done(receipt)
}
final state Done(receipt: Receipt) success
final state Refused(hint: secret str) failure
final state Failed failure
"""

CANARIES = {
    "pin": "canary-pin-7391", "number": "canary-number-5512", "read": "canary-read-8846", "code": "canary-code-2203",
    "token": "canary-token-9187", "hint": "canary-hint-4400",
}  # fmt: skip


class Handlers:
    """Handlers with secrets in all their answers, also in errors."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.card: str | None = None
        self.decline = False
        self.lose = False

    def read(self, pin: Any) -> Any:
        return {"holder": "ann", "number": CANARIES["read"]}

    def charge(self, card: Any, pin: Any, *, call: opord.Call) -> Any:
        self.card = card.number.reveal()
        if self.decline:
            raise self.module.CardError.Declined(hint=opord.Secret(CANARIES["hint"]))
        return {"number": "r1", "token": CANARIES["token"]}

    def tell(self, receipt: Any, *, call: opord.Call) -> None:
        if self.lose:
            raise RuntimeError(f"the printer jammed on {receipt.token.reveal()}")


class Shop:
    """A store in a folder, and everything that was written or printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'runs.db'}"
        self.module = compiled(CONTRACT)
        self.flow = workflow_of(self.module)
        self.handlers = Handlers(self.module)
        self.said = io.StringIO()

    def tell(self, name: str, *, keys: str | None = KEY, insecure: bool = False, early: bool = False) -> str:
        """Take a run to where it waits for nobody; return its name."""

        async def story() -> str:
            engine = opord.Engine(
                self.url, [self.flow(self.handlers)], secret_keys=keys, insecure_plaintext_secrets=insecure
            )
            async with engine:
                card = {"holder": "ann", "number": CANARIES["number"]}
                run = await engine.start(self.flow, id=name, pin=CANARIES["pin"], card=card)
                await run.send.confirm(code=CANARIES["code"])
                await engine.until_idle()
                return str(run.id)

        return asyncio.run(story())

    def bytes_written(self) -> bytes:
        """Return every byte of every file of the store."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file())

    def command(self, capsys: Any, *arguments: str) -> tuple[int, str]:
        """Run a command; return its status and its output."""
        status = opord_command([*arguments, "--store", self.url])
        written = capsys.readouterr()
        return status, written.out + written.err

    def check(self, keys: str | None = KEY) -> None:
        """Verify every journal, with the keys and without them."""
        store = open_store(self.url)
        try:
            for one in store.runs(RunFilter(), limit=100):
                program = protection_with(keys, insecure=True).of(program_of(self.flow))
                kept = store.kept(one.run)
                assert kept is not None
                assert verify_kept(program, kept) == []
        finally:
            store.close()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def found(where: bytes | str) -> list[str]:
    text = where if isinstance(where, bytes) else where.encode()
    return [name for name, canary in CANARIES.items() if canary.encode() in text]


STORIES: dict[str, Callable[[Shop], None]] = {
    "to the end": lambda shop: None,
    "a failure that carries a secret": lambda shop: setattr(shop.handlers, "decline", True),
    "a doubt whose error names a secret": lambda shop: setattr(shop.handlers, "lose", True),
}


@pytest.mark.parametrize("prepare", STORIES.values(), ids=STORIES.keys())
def test_no_planted_secret_is_in_any_byte_that_is_written_or_printed(
    shop: Shop, prepare: Callable[[Shop], None], capsys: Any, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG, logger="opord")
    prepare(shop)
    run = shop.tell("a")
    assert shop.handlers.card == CANARIES["read"], "the handler is given the secret itself"
    assert found(shop.bytes_written()) == []
    said = caplog.text
    for command in (["runs", "show", run], ["runs", "history", run], ["runs", "list"]):
        for form in ([], ["--json"]):
            status, written = shop.command(capsys, *command, *form)
            assert status == 0
            said += written
    assert found(said) == []
    assert "[secret]" in said
    shop.check()


def test_a_kept_event_waits_sealed(shop: Shop) -> None:
    async def story() -> None:
        async with opord.Engine(shop.url, [shop.flow], secret_keys=KEY) as engine:
            card = {"holder": "ann", "number": CANARIES["number"]}
            run = await engine.start(shop.flow, id="a", pin=CANARIES["pin"], card=card)
            await run.send.confirm(code=CANARIES["code"])
            again = await run.send.confirm(code=CANARIES["code"])
            assert again.status == "repeated"
            with pytest.raises(EventConflict):
                await run.send.confirm(code="another")

    asyncio.run(story())
    assert found(shop.bytes_written()) == []
    shop.check()
    shop.tell("a")
    assert shop.handlers.card == CANARIES["read"]


def test_a_digest_that_would_reveal_a_short_secret_is_sealed(shop: Shop) -> None:
    """The file alone does not allow an attacker to try short secrets against the stored digest."""
    run = shop.tell("a")
    store = open_store(shop.url)
    try:
        kept = store.kept(run)
    finally:
        store.close()
    assert kept is not None
    digests = [*(key.content for key in kept.event_keys), *(key.args for key in kept.used_keys)]
    assert [one.count(".") for one in digests] == [1, 1], digests
    opened = KeyRing([base64.b64decode(KEY)])
    places = ["event key confirm once", "settled charge a args"]
    assert all(
        len(opened.open(f"{run}\n{place}", one)) == 64 for place, one in zip(places, digests, strict=True)
    )


def test_a_migration_seals_digests_that_were_in_clear(shop: Shop) -> None:
    run = shop.tell("a", keys="", insecure=True)
    store = open_store(shop.url)
    try:
        kept = store.kept(run)
    finally:
        store.close()
    assert kept is not None
    new = resealed(KeyRing([base64.b64decode(KEY)]), kept)
    assert new is not None
    for before, after in ((kept, False), (new, True)):
        digests = [*(key.content for key in before.event_keys), *(key.args for key in before.used_keys)]
        assert ["." in one for one in digests] == [after, after]


def test_a_second_start_compares_the_secret_too(shop: Shop) -> None:
    shop.tell("a")

    async def again(pin: str) -> None:
        async with opord.Engine(shop.url, [shop.flow], secret_keys=f"{OTHER},{KEY}") as engine:
            card = {"holder": "ann", "number": CANARIES["number"]}
            await engine.start(shop.flow, id="a", pin=pin, card=card)

    asyncio.run(again(CANARIES["pin"]))
    with pytest.raises(StartConflict):
        asyncio.run(again("another"))


def test_without_a_key_the_contract_is_refused_with_the_next_step(shop: Shop, monkeypatch: Any) -> None:
    monkeypatch.delenv("OPORD_SECRET_KEYS")
    with pytest.raises(SecretsUnprotected) as refused:
        shop.tell("a", keys=None)
    assert "opord keys new" in str(refused.value)
    assert "Card.number" in str(refused.value)
    assert not (shop.folder / "runs.db").exists()


def test_a_missing_key_is_reported_and_nothing_is_lost(shop: Shop, caplog: Any) -> None:
    async def begun() -> None:
        async with opord.Engine(shop.url, [shop.flow], secret_keys=KEY) as engine:
            card = {"holder": "ann", "number": CANARIES["number"]}
            await engine.start(shop.flow, id="a", pin=CANARIES["pin"], card=card)

    async def without() -> None:
        async with opord.Engine(shop.url, [shop.flow], secret_keys=OTHER) as engine:
            run = await engine.client.row("Vaulted/a")
            assert run.head.state == "Reading"
            await engine.client.read("Vaulted/a")

    asyncio.run(begun())
    with pytest.raises(SecretUnreadable, match="not among the configured ones"):
        asyncio.run(without())
    shop.tell("a")
    shop.check()


def test_a_migration_encrypts_secrets_in_clear_and_removes_them_from_the_file(
    shop: Shop, capsys: Any, monkeypatch: Any
) -> None:
    shop.tell("a", keys="", insecure=True)
    assert set(found(shop.bytes_written())) == {"pin", "number", "read", "code", "token"}
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    status, written = shop.command(capsys, "db", "migrate")
    assert (status, written) == (
        0,
        "the store is up to date; 1 run read; the secrets of 1 are now encrypted with the first key\n",
    )
    assert found(shop.bytes_written()) == []
    shop.check()
    shop.check(keys=None)
    assert "the secrets of 0 are" in shop.command(capsys, "db", "migrate")[1]
    assert shop.command(capsys, "runs", "verify")[0] == 0


def test_a_new_first_key_and_a_migration_change_the_keys(shop: Shop, capsys: Any, monkeypatch: Any) -> None:
    shop.tell("a")
    monkeypatch.setenv("OPORD_SECRET_KEYS", f"{OTHER},{KEY}")
    assert shop.command(capsys, "db", "migrate")[0] == 0
    shop.check(OTHER)
    shop.tell("b", keys=OTHER)
    assert KeyRing([bytes([7] * 32)]).ids[0].encode() not in shop.bytes_written()


def test_a_migration_without_a_key_says_what_to_do(shop: Shop, capsys: Any, monkeypatch: Any) -> None:
    shop.tell("a", keys="", insecure=True)
    monkeypatch.delenv("OPORD_SECRET_KEYS")
    status, written = shop.command(capsys, "db", "migrate")
    assert status == 1
    assert "opord keys new" in written


def test_a_held_run_is_left_for_later(shop: Shop) -> None:
    shop.tell("a", keys="", insecure=True)
    store = open_store(shop.url)
    try:
        (row,) = store.runs(RunFilter(), limit=1)
        seen = store.rewrite(row.run, lambda kept: resealed(KeyRing([bytes(32)]), kept))
        assert seen is not None
        after = store.load(row.run)
        assert after is not None
        assert (after.epoch, after.hash != row.hash) == (row.epoch + 1, True)
    finally:
        store.close()


@pytest.mark.parametrize("change", ["moved", "changed"])
def test_a_secret_that_is_moved_or_changed_does_not_open(shop: Shop, change: str) -> None:
    ring = KeyRing([bytes(range(32))])
    sealed = ring.seal("Run/a\ninput/pin", {"$secret": "1234"})
    place = "Run/b\ninput/pin" if change == "moved" else "Run/a\ninput/pin"
    text = sealed if change == "moved" else sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(SecretUnreadable, match="cannot be opened"):
        ring.open(place, text)
    assert ring.open("Run/a\ninput/pin", sealed) == {"$secret": "1234"}


def test_user_data_that_look_like_a_secret_come_back_unchanged(shop: Shop) -> None:
    from opord.kernel.sealing import open_data, seal_data

    ring = KeyRing([bytes(32)])
    data = {"a": {"$sealed": "0000.AAAA"}, "b": [{"$secret": 1, "c": 2}], "d": {"$sealed": 5}}
    assert open_data(ring, "p", seal_data(ring, "p", data)) == data


KEYS = {
    "": "no key is given",
    "abc": "key 1 is not a key",
    f"{KEY},x": "key 2 is not a key",
    base64.b64encode(b"short").decode(): "key 1 is not a key",
}


@pytest.mark.parametrize(("text", "said"), KEYS.items())
def test_an_invalid_key_is_reported_by_its_number(text: str, said: str) -> None:
    from opord.values.vault import KeysInvalid, read_keys

    with pytest.raises(KeysInvalid, match=said) as refused:
        read_keys(text)
    assert not text or "short" not in str(refused.value)


def test_keys_new_makes_a_new_key_each_time(capsys: Any) -> None:
    from opord.values.vault import read_keys

    made = []
    for _ in range(2):
        assert opord_command(["keys", "new"]) == 0
        made += read_keys(capsys.readouterr().out)
    assert len(set(made)) == 2


WRONG_KEYS = {
    "no key": ("nonsense", 2, "error[keys_invalid]: OPORD_SECRET_KEYS cannot be used: key 1 is not a key"),
    "another key": (OTHER, 1, "error[secret_unreadable]: the secret at Vaulted/a, input/"),
}


@pytest.mark.parametrize(("keys", "expected", "said"), WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_the_command_reports_keys_that_do_not_fit(
    shop: Shop, capsys: Any, monkeypatch: Any, keys: str, expected: int, said: str
) -> None:
    shop.tell("a")
    monkeypatch.setenv("OPORD_SECRET_KEYS", keys)
    status, written = shop.command(capsys, "runs", "resume", "Vaulted/a")
    assert (status, written.startswith(said)) == (expected, True), written
    assert keys not in written
    shop.check()


def test_sealed_secrets_are_not_read_without_a_key_even_if_plaintext_is_allowed(
    shop: Shop, capsys: Any, monkeypatch: Any
) -> None:
    shop.tell("a")
    monkeypatch.delenv("OPORD_SECRET_KEYS")
    insisting = ["runs", "resume", "Vaulted/a", "--insecure-plaintext-secrets"]
    status, written = shop.command(capsys, *insisting)
    assert status == 1
    assert written.startswith("error[secret_unreadable]: a secret is encrypted, and no key is configured")
    shop.check()


@pytest.mark.parametrize("keys", ["", OTHER], ids=["no key", "another key"])
def test_a_run_can_be_terminated_without_its_key(
    shop: Shop, capsys: Any, monkeypatch: Any, keys: str
) -> None:
    """A lost key must not leave a run that nobody can ever end."""
    card = {"holder": "ann", "number": CANARIES["number"]}

    async def begun() -> None:
        async with opord.Engine(shop.url, [shop.flow], secret_keys=KEY) as engine:
            await engine.start(shop.flow, id="a", pin=CANARIES["pin"], card=card)

    asyncio.run(begun())
    monkeypatch.setenv("OPORD_SECRET_KEYS", keys)
    status, written = shop.command(capsys, "runs", "terminate", "Vaulted/a", "--reason", "the key is lost")
    assert (status, written) == (0, "Vaulted/a: terminated\n")
    monkeypatch.setenv("OPORD_SECRET_KEYS", KEY)
    status, written = shop.command(capsys, "runs", "verify", "Vaulted/a")
    assert status == 0, written
    shop.check()


def test_a_worker_without_the_key_leaves_the_run_to_one_that_has_it(shop: Shop, caplog: Any) -> None:
    caplog.set_level(logging.ERROR, logger="opord")
    card = {"holder": "ann", "number": CANARIES["number"]}

    async def begun() -> None:
        async with opord.Engine(shop.url, [shop.flow], secret_keys=KEY) as engine:
            await engine.start(shop.flow, id="a", pin=CANARIES["pin"], card=card)

    async def work(keys: str, insecure: bool) -> None:
        engine = opord.Engine(
            shop.url,
            [shop.flow(shop.handlers)],
            secret_keys=keys,
            insecure_plaintext_secrets=insecure,
            lease_s=0.2,
        )
        async with engine:
            other = await engine.start(shop.flow, id=f"b{keys}"[:20], pin=CANARIES["pin"], card=card)
            for _ in range(1000):
                waits = (await engine.client.row(str(other.id))).head.state == "Waiting"
                if waits and "Vaulted/a cannot be read" in caplog.text:
                    break
                await asyncio.sleep(0.01)
            assert waits

    asyncio.run(begun())
    for keys, insecure in ((OTHER, False), ("", True)):
        asyncio.run(work(keys, insecure))
        assert shop.handlers.card is None
        assert "Vaulted/a cannot be read" in caplog.text
        caplog.clear()
    shop.tell("a")
    assert shop.handlers.card == CANARIES["read"]
    assert found(caplog.text) == []
