"""A standby that lost the last commits is promoted: nothing goes on until the runs are marked."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Iterator

import pytest

from opord.backends.front import Engine
from opord.backends.upkeep import mark_restored
from opord.stores import open_store
from opord.stores.base import StoreOtherServer, StoreUnavailable
from opord.stores.postgres import connections
from opord.testing.store_rows import ORDERS, a_start
from opord.values.types import RunId
from tests.stores.carrying import Charges, until
from tests.support.contracts import CHARGES_WHEN_TOLD, compiled, workflow_of
from tests.support.postgres import AnyServer, Server, new_folder, own_server
from tests.support.proxy import Proxy


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    standby = Server(new_folder())
    try:
        with own_server() as primary:
            yield primary, standby
    finally:
        standby.stop()
        shutil.rmtree(standby.folder)


def test_workers_wait_for_the_mark_and_then_go_on(
    servers: tuple[Server, Server], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_S", 0.5)
    primary, standby = servers
    workflow = workflow_of(compiled(CHARGES_WHEN_TOLD))
    handlers = Charges()

    def said(words: str) -> int:
        return sum(words in record.getMessage() for record in caplog.records)

    async def story(proxy: Proxy) -> None:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"
        async with Engine(url, [workflow(handlers)], drain_s=1) as engine:
            first = await engine.start(workflow, a=1)
            await asyncio.to_thread(standby.make_standby_of, primary)
            await first.send.go()
            await first.result()
            assert handlers.charged == [1]

            await asyncio.to_thread(standby.start)
            with pytest.raises(StoreUnavailable, match="is on a standby"):
                await asyncio.to_thread(open_store, standby.url())
            standby.execute("SELECT pg_promote()")
            proxy.to = standby.port
            await asyncio.to_thread(primary.kill)

            await until(lambda: said("the store is not the one on record"))
            with pytest.raises(StoreOtherServer, match="timeline 1 of the server is on record"):
                await asyncio.to_thread(open_store, url)
            marked = await asyncio.to_thread(lambda: list(mark_restored(url, actor="ann")))
            assert [one.how for one in marked] == ["marked"]

            await until(lambda: said("the store answers again"))
            second = await engine.start(workflow, a=2)
            await second.send.go()
            await second.result()
            await first.send.go()
            await until(lambda: "doubt" in kinds(standby))
            assert handlers.charged == [1, 2]

    caplog.set_level(logging.WARNING, logger="opord.store")
    with Proxy(primary.port) as proxy:
        asyncio.run(story(proxy))
    assert said("nothing more is written, trying again") == 1


def kinds(server: AnyServer) -> list[str]:
    return [kind for (kind,) in server.execute("SELECT kind FROM opord.journal")]


def test_another_cluster_is_refused_until_the_runs_are_marked(postgres: AnyServer) -> None:
    schema = "s_moved_to_another"
    url = postgres.url(schema=schema)
    postgres.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    store = open_store(url)
    store.put_contract(ORDERS)
    store.apply([a_start("Orders/1")])
    postgres.execute(f"UPDATE {schema}.identity SET system = '42'")
    with pytest.raises(StoreOtherServer, match=r"the server 42 is on record.*`opord db restored` marks"):
        open_store(url)
    before = store.load(RunId("Orders/1"))
    assert [one.run for one in mark_restored(url, actor="ann")] == ["Orders/1"]
    after = open_store(url).load(RunId("Orders/1"))
    assert before is not None
    assert after is not None
    # A worker of the lost time can hold no claim that counts now.
    assert after.epoch - before.epoch >= 1_000_000
    store.close()
