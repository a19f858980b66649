"""What the server keeps for itself: its tables, in each store, with one text of SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
import pytest

import opord
from opord.backends.beside import Executes, Steps, bring_up_to_date, open_beside
from opord.server import HttpApi
from opord.server.state import STEPS, State
from opord.stores import inspect_store, open_store, schema_script
from opord.stores.memory import MemoryStore
from tests.server.kit import run
from tests.support.postgres import AnyServer

NOTES = Steps(
    "notes",
    ["CREATE TABLE opord.notes_all (id text PRIMARY KEY, size bigint, body bytea) :strict;"],
)
PUT = "INSERT INTO opord.server_idempotency VALUES ($1, 'ann', 'r', 'o', 0, '', NULL, '[]', $2, 7)"
IDS = "SELECT id FROM opord.server_idempotency ORDER BY id"


@pytest.fixture
def schema() -> str:
    return f"s_{uuid4().hex[:12]}"


@pytest.fixture(params=["file", "memory", "dicts", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, schema: str) -> Any:
    """A store of each kind."""
    match request.param:
        case "file":
            return f"sqlite:///{tmp_path}/runs.db"
        case "memory":
            return "sqlite://:memory:"
        case "dicts":
            return MemoryStore()
        case _:  # open: the names of the parameters
            postgres: AnyServer = request.getfixturevalue("postgres")
            return postgres.url(schema=schema)


@asynccontextmanager
async def opened(store: Any, url: str | None = None) -> AsyncIterator[State]:
    async with opord.Engine(store, []) as engine:
        state = State(lambda: engine.backend, url)
        yield state
        await state.close()


async def ids(state: State) -> list[str]:
    return [str(id) for (id,) in await state.read(lambda executes: executes(IDS, ()))]


def test_what_is_written_is_read_again(store: Any) -> None:
    async def test() -> None:
        async with opened(store) as state:
            assert await state.execute(PUT, "b", b"\0\xff") == []
            await state.write(lambda executes: executes(PUT, ("B", b"")))
            assert await ids(state) == ["B", "b"]
            query = "SELECT body, status FROM opord.server_idempotency WHERE id = $1"
            ((body, status),) = await state.read(lambda executes: executes(query, ("b",)))
            assert (bytes(body), status) == (b"\0\xff", None)
            assert abs(await state.now() - (await state.now())) < 1_000_000

    run(test)


def test_work_that_fails_changes_nothing_and_harms_no_other(store: Any) -> None:
    async def test() -> None:
        def fails(executes: Executes) -> None:
            executes(PUT, ("half", b""))
            raise KeyError("no")

        def twice(executes: Executes) -> None:
            executes(PUT, ("twice", b""))
            executes(PUT, ("twice", b""))

        async with opened(store) as state:
            works: list[Callable[[Executes], Any]] = [
                *(lambda executes, n=n: executes(PUT, (f"{n:03}", b"")) for n in range(100)),
                fails,
                twice,
            ]
            answers = await asyncio.gather(*map(state.write, works), return_exceptions=True)
            assert [type(one) for one in answers[:100]] == [list] * 100
            assert isinstance(answers[100], KeyError)
            assert isinstance(answers[101], opord.StoreError)
            assert await ids(state) == [f"{n:03}" for n in range(100)]

    run(test)


def test_who_goes_away_does_not_stop_the_work(store: Any) -> None:
    async def test() -> None:
        async with opened(store) as state:
            await state.open()
            writing = asyncio.create_task(state.write(lambda executes: executes(PUT, ("a", b""))))
            await asyncio.sleep(0)
            writing.cancel()
            await state.execute(PUT, "b", b"")
            assert set(await ids(state)) == {"a", "b"}

    run(test)


def test_the_state_lies_where_it_is_told_to(tmp_path: Path) -> None:
    async def test() -> None:
        runs, own = f"sqlite:///{tmp_path}/runs.db", f"sqlite:///{tmp_path}/own.db"
        async with opened(runs, own) as state:
            await state.execute(PUT, "a", b"")
        assert inspect_store(runs).beside == {}
        assert inspect_store(own).beside == {"server": STEPS.newest}
        async with opened(runs, own) as state:
            assert await ids(state) == ["a"]

    run(test)


def test_only_who_needs_the_tables_makes_them(tmp_path: Path) -> None:
    async def test() -> None:
        store = f"sqlite:///{tmp_path}/runs.db"
        async with opord.Engine(store, []) as engine:
            api = HttpApi(engine)
            assert inspect_store(store).beside == {}
            await api.state.open()
            assert inspect_store(store).beside == {"server": STEPS.newest}

    run(test)


def test_an_engine_that_is_opened_again_has_the_same_state(tmp_path: Path) -> None:
    async def test() -> None:
        engine = opord.Engine(f"sqlite:///{tmp_path}/runs.db", [])
        api = HttpApi(engine)
        for expected in (["a"], ["a", "b"]):
            async with engine:
                await api.state.execute(PUT, expected[-1], b"")
                assert await ids(api.state) == expected

    run(test)


def test_a_store_that_is_away_is_told_and_nothing_is_done(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "runs.db"
        async with opened(f"sqlite:///{path}") as state:
            await state.execute(PUT, "a", b"")
            path.rename(tmp_path / "elsewhere.db")
            with pytest.raises(opord.StoreError, match=r"gone|moved|not there|is missing"):
                await state.execute(PUT, "b", b"")
            (tmp_path / "elsewhere.db").rename(path)
            assert await ids(state) == ["a"]

    run(test)


# --- Steps ----------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "postgres"])
def lasting(request: pytest.FixtureRequest, tmp_path: Path, schema: str) -> Iterator[str]:
    """The URL of a store that lasts, of each kind."""
    if request.param == "file":
        yield f"sqlite:///{tmp_path}/runs.db"
        return
    postgres: AnyServer = request.getfixturevalue("postgres")
    yield postgres.url(schema=schema)
    postgres.execute(f"DROP SCHEMA {schema} CASCADE")


def test_steps_are_done_once_and_in_order(lasting: str) -> None:
    bring_up_to_date(lasting, NOTES)
    more = Steps("notes", [*NOTES.texts, "ALTER TABLE opord.notes_all ADD COLUMN more bigint;"])
    for _ in range(2):
        bring_up_to_date(lasting, more)
    assert inspect_store(lasting).beside == {"notes": 2}
    tables = open_beside(lasting)
    tables.write(lambda executes: executes("INSERT INTO opord.notes_all VALUES ('a', 1, $1, 2)", (b"x",)))
    tables.close()
    with pytest.raises(opord.StoreError, match=r"the tables of the notes .* newer opord"):
        bring_up_to_date(lasting, NOTES)


def test_a_step_that_fails_leaves_the_version_before(lasting: str) -> None:
    bring_up_to_date(lasting, NOTES)
    broken = Steps(
        "notes", [*NOTES.texts, "CREATE TABLE opord.notes_more (id text) :strict; SELECT nonsense;"]
    )
    with pytest.raises(opord.StoreError):
        bring_up_to_date(lasting, broken)
    assert inspect_store(lasting).beside == {"notes": 1}
    bring_up_to_date(lasting, Steps("notes", [*NOTES.texts, broken.texts[1].split("SELECT")[0]]))
    assert inspect_store(lasting).beside == {"notes": 2}


def test_two_who_make_the_tables_at_once_take_turns(lasting: str) -> None:
    open_store(lasting).close()

    async def test() -> None:
        await asyncio.gather(*(asyncio.to_thread(bring_up_to_date, lasting, STEPS) for _ in range(4)))

    run(test)
    assert inspect_store(lasting).beside == {"server": STEPS.newest}


def test_tables_of_the_server_have_their_own_names_in_a_file(tmp_path: Path) -> None:
    bring_up_to_date(f"sqlite:///{tmp_path}/runs.db", STEPS)
    connection = apsw.Connection(str(tmp_path / "runs.db"))
    query = "SELECT name FROM sqlite_schema WHERE name LIKE '%server%' AND type = 'table'"
    names = [name for (name,) in connection.execute(query)]
    connection.close()
    assert names
    assert all(name.startswith("opord_server_") for name in names)


def test_a_role_that_may_make_no_tables_serves_once_somebody_ran_the_script(
    postgres: AnyServer, schema: str
) -> None:
    role = f"web_{schema}"
    postgres.execute(f"CREATE ROLE {role} LOGIN")
    url = postgres.url(schema=schema)
    web = url.replace("//postgres@", f"//{role}@")
    try:
        postgres.execute(schema_script(url, role=role))
        with pytest.raises(
            opord.StoreError, match=r"this role may not make the tables of the server .*print-sql"
        ):
            bring_up_to_date(web, STEPS)
        for _ in range(2):
            postgres.execute(schema_script(url, role=role, beside=[STEPS]))
        bring_up_to_date(web, STEPS)
        tables = open_beside(web)
        tables.write(lambda executes: executes(PUT, ("a", b"")))
        tables.close()
        # A worker needs no right on them.
        postgres.execute(f"REVOKE ALL ON {schema}.server_idempotency FROM {role}")
        (rights,) = (one for one in inspect_store(web).remarks if one.area == "rights")
        assert (rights.verdict, rights.facts) == ("note", {"not_writable": ["server_idempotency"]})
    finally:
        postgres.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; DROP OWNED BY {role}; DROP ROLE {role}")
