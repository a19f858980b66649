"""Equal decimals are the same start of a pruned run, and the same event, in any spelling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive import events
from opord.drive.errors import EventConflict, StartConflict
from opord.drive.starts import Started
from opord.engine import pruning
from opord.kernel.input_digest import event_digests, input_digest
from opord.loading import program_of
from opord.stores.sqlite import SqliteStore
from tests.pruning.kit import prune
from tests.support.kit import Kit

BILL = """
contract Bill(id: str, total: decimal, parts: list[Part] = [], code: secret str?) key id version 1
record Part { price: decimal }
event paid(payment: str, cents: decimal, code: secret str?) key payment
event closed
initial state Open -> Open | Closed {
  on paid(payment, cents, code) -> goto Open
  on closed -> goto Closed
}
final state Closed success
"""


class Handlers:
    """There is nothing to call."""

    def __init__(self, _module: Any) -> None: ...


@pytest.fixture(params=["memory", "sqlite"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Kit:
    kit = Kit(BILL, Handlers)
    if request.param == "sqlite":
        kit.store = SqliteStore(tmp_path / "runs.db", clock=kit.clock.now)
    return kit


async def start(kit: Kit, engine: Engine, total: str, price: str = "1") -> Started:
    members = {"id": "b1", "total": total, "parts": [{"price": price}]}
    program = program_of(kit.workflow)
    return await engine.client.start(program, program.input.accept(members))


async def paid(engine: Engine, cents: str, **more: str) -> str:
    return (await engine.send_event("Bill/b1", "paid", {"payment": "p", "cents": cents, **more})).status


def tell(kit: Kit, story: Callable[[Engine], Awaitable[None]]) -> None:
    async def told() -> None:
        async with kit.engine() as engine:
            await story(engine)

    kit.run(told())
    kit.check()


async def end_and_prune(kit: Kit, engine: Engine) -> None:
    await engine.send_event("Bill/b1", "closed", {})
    assert prune(kit.store, None, before=kit.store.now() + 1).pruned == 1


def test_a_start_of_a_pruned_run_is_compared_by_value(kit: Kit) -> None:
    async def story(engine: Engine) -> None:
        await start(kit, engine, "10.00", "1.50")
        await end_and_prune(kit, engine)
        for total, price in (("10.00", "1.50"), ("10", "1.5"), ("1e1", "1.500")):
            assert await start(kit, engine, total, price) == Started("Bill/b1", False, True)
        for total, price in (("10.01", "1.5"), ("10", "1.6"), ("100", "1.5")):
            with pytest.raises(
                StartConflict, match=r"the run was pruned, so Opord cannot tell which fields differ\)"
            ):
                await start(kit, engine, total, price)

    tell(kit, story)


def test_a_run_that_0_1_pruned_is_known_by_the_text_of_its_input(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(engine: Engine) -> None:
        await start(kit, engine, "10.00")
        monkeypatch.setattr(pruning, "value_digest", lambda _contract, text: input_digest(text))
        await end_and_prune(kit, engine)
        assert (await start(kit, engine, "10.00")).pruned
        with pytest.raises(StartConflict):
            await start(kit, engine, "10.0")

    tell(kit, story)


def test_events_under_one_key_are_compared_by_value(kit: Kit) -> None:
    async def story(engine: Engine) -> None:
        await start(kit, engine, "10")
        assert await paid(engine, "9.90", code="1234") == "taken"
        for cents in ("9.90", "9.9", "9.900"):
            assert await paid(engine, cents, code="1234") == "repeated"
        for cents, code in (("9.91", "1234"), ("9.90", "1235")):
            with pytest.raises(EventConflict):
                await paid(engine, cents, code=code)

    tell(kit, story)


def test_the_key_of_an_event_that_0_1_took_is_known_by_its_text(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(engine: Engine) -> None:
        await start(kit, engine, "10")
        with monkeypatch.context() as as_0_1:
            as_0_1.setattr(events, "event_digests", lambda *given: (event_digests(*given)[1],) * 2)
            assert await paid(engine, "9.90") == "taken"
        assert await paid(engine, "9.90") == "repeated"
        with pytest.raises(EventConflict):
            await paid(engine, "9.91")

    tell(kit, story)


def test_a_key_with_the_digest_of_other_content_is_told(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(engine: Engine) -> None:
        await start(kit, engine, "10")
        monkeypatch.setattr(events, "event_digests", lambda *_: ("0" * 64, "0" * 64))
        await paid(engine, "9.90")

    with pytest.raises(AssertionError, match="event key paid p says the digest 000000000000"):
        tell(kit, story)
