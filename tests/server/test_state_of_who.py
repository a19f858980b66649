"""Tokens, links and the trail, in each kind of store: one text of SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import opord
from opord.server.credentials import LINK_PREFIX, read
from opord.server.state import State
from opord.server.state.audit import Audit, Wanted
from opord.server.state.links import Purpose, link_of, make_link, mark_spent, rotate_keys
from opord.server.state.tokens import Wish, all_tokens, live_tokens, make_token, revoke, token_of
from opord.stores.memory import MemoryStore
from opord.values.types import Instant
from tests.server.kit import run
from tests.support.postgres import AnyServer


@pytest.fixture(params=["file", "dicts", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A store of each kind."""
    match request.param:
        case "file":
            return f"sqlite:///{tmp_path}/runs.db"
        case "dicts":
            return MemoryStore()
        case _:  # open: the names of the parameters
            postgres: AnyServer = request.getfixturevalue("postgres")
            return postgres.url(schema=f"s_{uuid4().hex[:12]}")


@asynccontextmanager
async def opened(store: Any) -> AsyncIterator[State]:
    async with opord.Engine(store, []) as engine:
        state = State(lambda: engine.backend)
        yield state
        await state.close()


def test_tokens_are_kept_as_they_were_made(store: Any) -> None:
    async def test() -> None:
        async with opened(store) as state:
            now = await state.now()
            assert await live_tokens(state, now) == ({}, False)
            first, _ = await make_token(state, Wish("ann", ["b", "a", "a"], None, None), "root")
            second, _ = await make_token(state, Wish("böb", [], ["Refund"], Instant(now + 10**9)), "root")
            assert await all_tokens(state) == [first, second]
            assert (first.roles, first.contracts, second.contracts) == (("a", "b"), None, ("Refund",))
            assert await token_of(state, second.id) == second
            assert await token_of(state, "none") is None
            live, there = await live_tokens(state, now)
            assert ({*live}, there) == ({first.id, second.id}, True)
            assert {*(await live_tokens(state, Instant(now + 10**9)))[0]} == {first.id}
            assert await revoke(state, first.id, "root") is True
            assert await revoke(state, first.id, "other") is False
            kept = await token_of(state, first.id)
            assert kept is not None
            assert (kept.revoked_by, kept.revoked_at is not None) == ("root", True)
            assert await live_tokens(state, Instant(now + 10**9)) == ({}, True)

    run(test)


def test_links_are_kept_as_they_were_made(store: Any) -> None:
    async def test() -> None:
        async with opened(store) as state:
            now = await state.now()
            args = {"note": "ü", "n": 7, "list": [1.5, None]}
            purpose = Purpose("R/a", "approve", "ann", "", args, "Asked", now, Instant(now + 10**9))
            link, text = await make_link(state, purpose, "root")
            assert read(LINK_PREFIX, text).id == link.id
            assert await link_of(state, text) == link
            await mark_spent(state, link)
            spent = await link_of(state, text)
            assert spent is not None
            assert spent.spent_at is not None
            await rotate_keys(state, drop=False)
            newer, _ = await make_link(state, purpose, "root")
            assert newer.key != link.key
            assert await link_of(state, text) == spent
            await rotate_keys(state, drop=True)
            assert await link_of(state, text) is None

    run(test)


def test_the_trail_is_kept_in_its_order(store: Any) -> None:
    async def test() -> None:
        async with opened(store) as state:
            audit = Audit(state)
            acts = [await audit.act(f"a{n % 2}", "", "1.2.3.4", "start", f"R/{n}") for n in range(9)]
            for act in acts:
                await audit.begin(act)
            assert await audit.entries(Wanted(), 100) == acts[::-1]
            audit.end(acts[3]._replace(status=409, code="run_ended", reason="why"))
            audit.tell(refused := (await audit.act("a1", "", "", "stop", ""))._replace(status=403, code="no"))
            assert audit._writing is not None
            await audit._writing
            newest = await audit.entries(Wanted(), 2)
            assert newest == [refused, acts[8]]
            (ended,) = await audit.entries(Wanted(run="R/3"), 5)
            assert (ended.status, ended.code, ended.reason) == (409, "run_ended", "why")
            assert [one.run for one in await audit.entries(Wanted(actor="a0", after=acts[4].id), 5)] == [
                "R/2",
                "R/0",
            ]
            assert [one.run for one in await audit.entries(Wanted(since=acts[7].at), 5)] == ["", "R/8", "R/7"]

    run(test)
