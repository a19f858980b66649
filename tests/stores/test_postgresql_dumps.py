"""A dump that is restored lacks what came after it: nothing goes on until the runs are marked."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opord.backends.front import Engine
from opord.backends.upkeep import mark_restored
from opord.stores import open_store
from opord.stores.base import StoreOtherServer
from opord.stores.postgres import connections
from tests.stores.carrying import Charges, until
from tests.support.contracts import CHARGES_WHEN_TOLD, compiled, workflow_of
from tests.support.postgres import Server, own_server


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    with own_server() as one, own_server() as other:
        yield one, other


def dump(server: Server, file: Path) -> None:
    subprocess.run([server.bin / "pg_dump", "--dbname", server.url(), "--file", file], check=True)


def restore(server: Server, file: Path) -> None:
    command = [server.bin / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", file, server.url()]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def kinds(server: Server) -> list[str]:
    return [kind for (kind,) in server.execute("SELECT kind FROM opord.journal")]


@pytest.mark.parametrize("where", ["another server", "the same server"])
def test_what_was_done_after_the_dump_is_asked_about_and_not_done_again(
    servers: tuple[Server, Server],
    where: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "WAIT_S", 0.3)
    before, after = servers if where == "another server" else (servers[0], servers[0])
    workflow, handlers = workflow_of(compiled(CHARGES_WHEN_TOLD)), Charges()
    copy = tmp_path / "copy.sql"

    async def until_the_copy() -> None:
        async with Engine(before.url(), [workflow(handlers)], drain_s=1) as engine:
            first, second = await engine.start(workflow, a=1), await engine.start(workflow, a=2)
            await second.send.go()
            await second.result()
            dump(before, copy)
            await first.send.go()
            await first.result()

    async def afterwards() -> None:
        async with Engine(after.url(), [workflow(handlers)], drain_s=1) as engine:
            await engine.run(workflow, "1").send.go()
            await until(lambda: "doubt" in kinds(after))
            third = await engine.start(workflow, a=3)
            await third.send.go()
            await third.result()

    caplog.set_level(logging.WARNING, "opord")
    asyncio.run(until_the_copy())
    if after is before:
        before.execute("DROP SCHEMA opord CASCADE")
    restore(after, copy)
    with pytest.raises(StoreOtherServer, match=r"`opord db restored` marks the live runs") as refused:
        open_store(after.url())
    assert ("a dump was restored" in str(refused.value)) == (after is before)
    assert [one.how for one in mark_restored(after.url(), actor="ann")] == ["marked"]
    asyncio.run(afterwards())
    assert handlers.charged == [2, 1, 3]


def test_a_worker_touches_nothing_while_a_dump_is_restored_under_it(
    servers: tuple[Server, Server],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "WAIT_S", 0.3)
    server, copy = servers[0], tmp_path / "copy.sql"
    workflow, handlers = workflow_of(compiled(CHARGES_WHEN_TOLD)), Charges()

    def said(words: str) -> bool:
        return any(words in one.getMessage() for one in caplog.records)

    async def story() -> None:
        async with Engine(server.url(), [workflow(handlers)], drain_s=1) as engine:
            run = await engine.start(workflow, a=1)
            await asyncio.to_thread(dump, server, copy)
            await run.send.go()
            await run.result()
            server.execute("DROP SCHEMA opord CASCADE")
            await until(lambda: said("the store is gone"))
            # psql runs restricted parts of a dump only as a whole.
            text = "".join(
                line for line in copy.read_text().splitlines(keepends=True) if "restrict " not in line
            )
            rows = text.index("COPY opord.")
            # The tables are there and empty, as in the middle of a restore.
            for part in (text[:rows], text[rows:]):
                half = tmp_path / "half.sql"
                half.write_text(part)
                await asyncio.to_thread(restore, server, half)
            await until(lambda: said("the store is not the one on record"))
            (marked,) = await asyncio.to_thread(lambda: list(mark_restored(server.url(), actor="ann")))
            assert marked.how == "marked"
            await until(lambda: said("the store answers again"))
            await run.send.go()
            await until(lambda: "doubt" in kinds(server))

    caplog.set_level(logging.WARNING, "opord")
    asyncio.run(story())
    assert handlers.charged == [1]
