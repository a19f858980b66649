"""A world in a PostgreSQL database: a schema of its own, which is gone at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opord.stores.base import StoreRefused
from opord.testing import ScriptError, World, crash_everywhere
from opord.testing.lone_store import SCHEMA
from tests.support.postgres import AnyServer
from tests.testing.conftest import PAYOUT, RECEIPT, scripted


class Schemas:
    """The schemas of worlds that were made since this was."""

    def __init__(self, server: AnyServer) -> None:
        self._server = server
        self._before = self._all()

    def __call__(self) -> set[str]:
        return self._all() - self._before

    def _all(self) -> set[str]:
        found = self._server.execute("SELECT nspname FROM pg_namespace")
        return {name for (name,) in found if name.startswith(SCHEMA)}


@pytest.fixture(autouse=True)
def store_of_the_suites() -> None:
    """Leave worlds where these tests make them."""


@pytest.fixture
def schemas(postgres: AnyServer) -> Schemas:
    return Schemas(postgres)


@pytest.fixture
def world(postgres: AnyServer, schemas: Schemas) -> Iterator[World]:
    world = World(store=postgres.url())
    yield world
    world.close()
    assert schemas() == set()


def test_a_run_lives_there_and_time_is_virtual(world: World, postgres: AnyServer, schemas: Schemas) -> None:
    scripted(world).transfer.times_out(happened=True, **RECEIPT)
    (schema,) = schemas()
    begun = world.now
    run = world.start(PAYOUT.Payout, id="p1", cents=500)
    assert postgres.execute(f"SELECT run FROM {schema}.runs") == [("Payout/p1",)]
    run.advance("47h").send.approve(note="ok", as_="ann", role="clerk").assert_ended("success")
    assert (world.now - begun).total_seconds() > 47 * 3600
    world.verify()


def test_two_worlds_have_nothing_in_common(world: World, postgres: AnyServer, schemas: Schemas) -> None:
    scripted(world)
    world.start(PAYOUT.Payout, id="p1", cents=500)
    other = World(store=postgres.url())
    assert len(schemas()) == 2
    assert other.runs == []
    other.discard()
    assert len(schemas()) == 1
    assert len(world.runs) == 1


def test_a_world_again_is_there_too(world: World, schemas: Schemas) -> None:
    seen = set()

    @crash_everywhere
    def told(world: World) -> None:
        seen.update(schemas())
        scripted(world)
        world.start(PAYOUT.Payout, id="p1", cents=500).assert_state("Waiting")

    told(world)
    assert len(seen) == 1 + world.crash_plan.passed


def test_there_is_no_copy(world: World) -> None:
    with pytest.raises(ScriptError, match="a world in PostgreSQL makes no copy"):
        world.backup()


@pytest.mark.parametrize("url", ["sqlite:///runs.db", "shop_test", ""])
def test_another_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(ScriptError, match="expected the URL of a PostgreSQL database"):
        World(store=url)


def test_a_schema_of_somebody_else_is_refused(postgres: AnyServer) -> None:
    with pytest.raises(StoreRefused, match=r"expected one \?schema=") as refused:
        World(store=postgres.url(schema="opord"))
    assert refused.value.__notes__ == ["Each world makes a schema of its own in this database."]
