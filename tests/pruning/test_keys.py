"""What is left of a pruned run: its key, which identifies a repeated start."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive.errors import RunEnded, RunPruned, RunUnknown, StartConflict
from opord.drive.starts import Started
from opord.kernel.inbox import Evidence
from opord.kernel.input_digest import input_digest
from opord.loading import program_of
from opord.stores.memory import MemoryStore
from opord.stores.sqlite import SqliteStore
from tests.pruning.kit import DAY_US, prune
from tests.support.kit import Kit

PIN = """
contract Locker(box: str, pin: secret str, note: str) key box version 1
event open(who: str) key who
initial state Shut -> Opened { on open(who) -> goto Opened(who) }
final state Opened(who: str) success
"""


def inputs(box: str = "b1", pin: str = "1234", note: str = "") -> dict[str, str]:
    return {"box": box, "pin": pin, "note": note}


class Handlers:
    """There is nothing to call."""

    def __init__(self, _module: Any) -> None: ...


@pytest.fixture(params=["memory", "sqlite"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Kit:
    kit = Kit(PIN, Handlers)
    if request.param == "sqlite":
        kit.store = SqliteStore(tmp_path / "runs.db", clock=kit.clock.now)
    return kit


async def start(kit: Kit, engine: Engine, **given: str) -> Started:
    program = program_of(kit.workflow)
    return await engine.client.start(program, program.input.accept(inputs(**given)))


async def opened(kit: Kit, engine: Engine, box: str = "b1") -> None:
    """Start a run and bring it to its end."""
    assert (await start(kit, engine, box=box)).created
    assert (await engine.send_event(f"Locker/{box}", "open", {"who": "ann"})).status == "taken"


def away(kit: Kit, path: Path | None = None, keep_us: int = DAY_US) -> None:
    """Prune all that has ended until now."""
    assert prune(kit.store, path, before=kit.store.now() + 1, keep_us=keep_us).pruned == 1


@pytest.mark.parametrize("keys", ["a key", "no key"])
def test_a_repeated_start_finds_the_pruned_run_and_starts_none(
    kit: Kit, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if keys == "no key":
        monkeypatch.delenv("OPORD_SECRET_KEYS")

    async def story() -> None:
        async with kit.engine(insecure_plaintext_secrets=True) as engine:
            await opened(kit, engine)
            away(kit)
            for _ in range(2):
                assert await start(kit, engine) == Started("Locker/b1", False, True)
            assert kit.store.load("Locker/b1") is None
            with pytest.raises(StartConflict):
                await start(kit, engine, note="another")
            assert await start(kit, engine, box="b2") == Started("Locker/b2", True)

    kit.run(story())


def test_a_start_with_another_large_input_conflicts_with_the_pruned_run(kit: Kit) -> None:
    """Large values are stored apart from the input, but the digest covers the whole input."""
    note = "x" * 100_000

    async def story() -> None:
        async with kit.engine() as engine:
            assert (await start(kit, engine, note=note)).created
            await engine.send_event("Locker/b1", "open", {"who": "ann"})
            away(kit)
            assert await start(kit, engine, note=note) == Started("Locker/b1", False, True)
            for other in (note[:-1] + "y", note[:-1], ""):
                with pytest.raises(StartConflict):
                    await start(kit, engine, note=other)

    kit.run(story())


def test_the_digest_of_an_input_leaves_out_secrets() -> None:
    sealed, plain = '{"pin":{"$sealed":"k.AAAA"},"x":[1]}', '{"pin":{"$secret":"1234"},"x":[1]}'
    other = '{"pin":{"$secret":"9999"},"x":[1]}'
    assert input_digest(sealed) == input_digest(plain) == input_digest(other)
    assert input_digest(plain) != input_digest(plain.replace("[1]", "[2]"))
    assert input_digest('{"x":[{"$sealed":"a"}]}') != input_digest('{"x":[{"y":1}]}')


def test_every_request_to_a_pruned_run_is_refused_with_the_name_of_its_archive(
    kit: Kit, tmp_path: Path
) -> None:
    archive = tmp_path / "old.jsonl"

    async def story() -> None:
        async with kit.engine() as engine:
            await opened(kit, engine)
            away(kit, archive)
            client = engine.client
            verbs = [
                lambda: engine.send_event("Locker/b1", "open", {"who": "ann"}),
                lambda: engine.send_event("Locker/b1", "open", {"who": "bob"}),
                lambda: client.resume("Locker/b1", actor="a"),
                lambda: client.terminate("Locker/b1", actor="a"),
                lambda: client.resolve("Locker/b1", happened=True, actor="a"),
                lambda: engine.wait_result("Locker/b1"),
                lambda: engine.run_status("Locker/b1"),
                lambda: engine.run_history("Locker/b1"),
            ]
            for verb in verbs:
                with pytest.raises(
                    RunPruned, match=r"has ended in Opened \(success\) and was pruned"
                ) as told:
                    await verb()
                assert isinstance(told.value, RunEnded), "who expects an end need not know of pruning"
                assert (told.value.code, told.value.archive) == ("run_pruned", str(archive))
                assert f"--archive {archive}" in str(told.value)
            with pytest.raises(RunUnknown):
                await engine.run_status("Locker/never")

    kit.run(story())


def test_late_evidence_for_a_pruned_run_is_logged_and_does_no_harm(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await opened(kit, engine)
            away(kit)
            caplog.set_level("WARNING", logger="opord")
            evidence = Evidence(2, "pay", 1, "ok", None, "w1")
            await engine.client.late("Locker/b1", evidence)

    try:
        kit.run(story())
    finally:
        assert "only this log line keeps the answer" in caplog.text


def test_a_waiting_caller_learns_that_the_run_was_pruned() -> None:
    kit = Kit(PIN, Handlers)
    other = MemoryStore.another(kit.store)  # type: ignore[arg-type]

    async def story() -> None:
        async with kit.engine(serve=False, store=other) as here, kit.engine(serve=False) as there:
            assert (await start(kit, here)).created
            waiting = asyncio.create_task(here.wait_result("Locker/b1"))
            await asyncio.sleep(1)
            await there.send_event("Locker/b1", "open", {"who": "ann"})
            away(kit)
            with pytest.raises(RunPruned):
                await asyncio.wait_for(waiting, 100)

    kit.run(story())


def test_a_key_is_free_after_its_time_and_another_prune(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await opened(kit, engine)
            away(kit, keep_us=60_000_000)
            await asyncio.sleep(59)
            assert prune(kit.store, None).keys_forgotten == 0
            assert not (await start(kit, engine, pin="5678")).created
            await asyncio.sleep(1)
            assert not (await start(kit, engine, pin="5678")).created, "kept until somebody prunes"
            assert prune(kit.store, None).keys_forgotten == 1
            assert await start(kit, engine, note="another") == Started("Locker/b1", True)
            with pytest.raises(StartConflict):
                await start(kit, engine)

    kit.run(story())


def test_the_time_of_a_key_starts_with_the_prune(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await opened(kit, engine)
            await asyncio.sleep(1000)
            away(kit, keep_us=60_000_000)
            await asyncio.sleep(59)
            assert prune(kit.store, None).keys_forgotten == 0
            assert (await start(kit, engine)).pruned

    kit.run(story())


def test_a_key_that_is_not_kept_is_free_at_once(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await opened(kit, engine)
            away(kit, keep_us=0)
            assert (await start(kit, engine)).created

    kit.run(story())
