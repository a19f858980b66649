"""The trail of acts: complete, of refused ones too, and without what is secret."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import opord
from opord.errors import EngineClosed, StoreUnavailable
from opord.server import HttpApi, HttpLimits
from opord.server.state import audit as trail
from opord.server.state.audit import Audit
from tests.server.kit import Served, at, client_of, run, somebody


@asynccontextmanager
async def signed(refund: Any) -> AsyncIterator[tuple[Served, HttpApi]]:
    """Serve with a sign-in of the test's own; the client is `ann`, who may do everything."""
    async with opord.Engine("sqlite://:memory:", [refund]) as engine:
        api = HttpApi(engine, who=somebody)
        async with client_of(api) as web:
            web.headers["x-who"] = "ann: opord:admin * clerk"
            yield Served(engine, web), api
        await api.close()


async def told(api: HttpApi, **wanted: Any) -> list[Any]:
    """Return the trail, the oldest first, once it is written."""
    audit: Audit = api._desk.audit
    if audit._writing is not None:
        await audit._writing
    return (await audit.entries(trail.Wanted(**wanted), 1000))[::-1]


def test_every_act_is_told_with_who_where_and_its_outcome(refund: Any) -> None:
    async def test() -> None:
        async with signed(refund) as (it, api):
            await it.start("o1")
            await it.send("o1", "approve", note="a secret note")
            await it.web.post(f"{at('o1')}/resume", json={"reason": "mended"})
            await it.web.post(f"{at('o1')}/terminate", json={"reason": "no\x1b[31m\r\nmore"})
            await it.web.get(at("o1"))
            await it.web.get("/runs")
            found = await told(api)
            assert [(one.actor, one.address, one.act, one.run, one.status, one.code) for one in found] == [
                ("ann", "127.0.0.1", "start", "Refund/o1", 201, ""),
                ("ann", "127.0.0.1", "send approve", "Refund/o1", 200, ""),
                ("ann", "127.0.0.1", "resume", "Refund/o1", 409, "not_stalled"),
                ("ann", "127.0.0.1", "terminate", "Refund/o1", 200, ""),
            ]
            assert [one.reason for one in found] == ["", "", "mended", "no\x1b[31m\r\nmore"]
            assert "secret note" not in str(found)

    run(test)


def test_what_is_refused_is_told_too(refund: Any) -> None:
    async def test() -> None:
        async with signed(refund) as (it, api):
            await it.start("o1")
            it.web.headers["x-who"] = "eve: guest"
            await it.send("o1", "approve", note="ok")
            await it.web.post(f"{at('o1')}/terminate", json={})
            await it.web.post(f"{at('o1')}/cancel", json={}, headers={"origin": "http://evil.example"})
            await it.send("o1", "nothing")
            await it.send("none", "approve", note="ok")
            await it.web.post("/contracts/Refund/runs", json={"order": "x", "cents": -1})
            await it.web.post("/tokens", json={"name": "eve", "roles": ["opord:admin"]})
            it.web.headers.pop("x-who")
            await it.start("o2")
            found = await told(api, actor="eve")
            assert [(one.act, one.run, one.status, one.code) for one in found] == [
                ("send approve", "Refund/o1", 403, "role_required"),
                ("terminate", "Refund/o1", 403, "role_required"),
                ("cancel", "Refund/o1", 403, "cross_origin"),
                ("send nothing", "Refund/o1", 404, "event_unknown"),
                ("send approve", "Refund/none", 404, "run_unknown"),
                ("start", "Refund", 422, "start_refused"),
                ("create token", "", 403, "role_required"),
            ]
            assert len(await told(api)) == len(found) + 1  # nobody is nobody's act

    run(test)


def test_an_act_is_written_down_before_it_is_done(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with signed(refund) as (it, api):
            await it.start("o1")
            seen: list[Any] = []
            terminate = type(it.engine.backend).terminate

            async def looked_at(self: Any, *given: Any, **how: Any) -> None:
                seen.extend(await api._desk.audit.entries(trail.Wanted(run="Refund/o1"), 1))
                await terminate(self, *given, **how)
                raise RuntimeError("the server dies here")

            monkeypatch.setattr(type(it.engine.backend), "terminate", looked_at)
            assert (await it.web.post(f"{at('o1')}/terminate", json={})).status_code == 500
            (entry,) = seen
            assert (entry.act, entry.status) == ("terminate", None)

    run(test)


def test_what_cannot_be_written_down_is_not_done(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with signed(refund) as (it, api):
            await it.start("o1")
            write = api.state.write

            async def away(work: Any) -> Any:
                raise StoreUnavailable("gone", "the store is away")

            monkeypatch.setattr(api.state, "write", away)
            assert (await it.web.post(f"{at('o1')}/terminate", json={})).status_code == 503
            assert (await it.start("o2")).status_code == 503
            monkeypatch.setattr(api.state, "write", write)
            assert (await it.web.get(at("o1"))).json()["status"] == "waiting"
            assert (await it.web.get(at("o2"))).status_code == 404

    run(test)


def test_outcomes_follow_when_the_store_is_back(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "AWAY_S", 0.01)

    async def test() -> None:
        async with signed(refund) as (it, api):
            await it.start("o1")
            write, refused = api.state.write, 0

            async def sometimes(work: Any) -> Any:
                nonlocal refused
                if "work" in getattr(work, "__qualname__", "") and refused < 3:
                    refused += 1
                    raise StoreUnavailable("gone", "the store is away")
                return await write(work)

            await told(api)
            monkeypatch.setattr(api.state, "write", sometimes)
            await it.web.post(f"{at('o1')}/terminate", json={})
            found = await told(api)
            assert (refused, found[-1].status) == (3, 200)

    run(test)


@pytest.mark.parametrize("fails", [False, True])
def test_what_comes_while_others_are_written_is_kept(
    refund: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    monkeypatch.setattr(trail, "UNWRITTEN_MOST", 4)
    monkeypatch.setattr(trail, "AWAY_S", 0.01)

    async def test() -> None:
        async with signed(refund) as (_, api):
            audit, write = api._desk.audit, api.state.write
            begun, goes_on = asyncio.Event(), asyncio.Event()
            acts = [await audit.act("ann", "", "", "start", f"r{n}") for n in range(8)]

            async def slow(work: Any) -> Any:
                is_first = not begun.is_set()
                begun.set()
                await goes_on.wait()
                if is_first and fails:
                    raise StoreUnavailable("gone", "the store is away")
                return await write(work)

            monkeypatch.setattr(api.state, "write", slow)
            for act in acts[:4]:
                audit.tell(act)
            await begun.wait()
            for act in acts[4:]:
                audit.tell(act)
            goes_on.set()
            found = [one.run for one in await told(api)]
            # If the first four could not be written, all wait, and the oldest ones give way.
            assert found == [f"r{n}" for n in range(4 if fails else 0, 8)]

    run(test)
    assert ("4 outcomes of acts are not in the trail" in caplog.text) == fails


def test_what_is_left_at_the_end_is_said(
    refund: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trail, "AWAY_S", 0.01)

    async def test() -> None:
        async with signed(refund) as (_, api):
            audit = api._desk.audit

            async def away(_: Any) -> Any:
                raise StoreUnavailable("gone", "the store is away")

            monkeypatch.setattr(api.state, "write", away)
            for n in range(3):
                audit.tell(await audit.act("ann", "", "", "start", f"r{n}"))

    run(test)
    assert "3 outcomes of acts may be missing in the trail" in caplog.text


def test_without_sign_in_what_a_person_does_is_told_and_starts_are_not(refund: Any) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [refund]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                it = Served(engine, web)
                await it.start("o1")
                await it.send("o1", "remark", text="x")
                await web.post(f"{at('o1')}/terminate", json={})
                assert [(one.actor, one.act) for one in await told(api)] == [("local", "terminate")]
            await api.close()

    run(test)


def test_the_trail_is_asked_page_by_page_and_by_what_is_wanted(refund: Any) -> None:
    async def test() -> None:
        async with signed(refund) as (it, api):
            for number in range(25):
                it.web.headers["x-who"] = f"ann{number % 5}: clerk"
                await it.start(f"o{number}")
            it.web.headers["x-who"] = "root: opord:admin"
            await told(api)
            seen: list[str] = []
            after = ""
            while True:
                page = (await it.web.get(f"/audit?limit=7{after}")).json()
                seen += [one["run"] for one in page["acts"]]
                if page["after"] is None:
                    break
                after = f"&after={page['after']}"
            assert seen == [f"Refund/o{number}" for number in range(24, -1, -1)]
            one = (await it.web.get("/audit?who=ann3")).json()["acts"]
            assert {view["who"] for view in one} == {"ann3"}
            assert len(one) == 5
            of_run = (await it.web.get("/audit?run=Refund/o7")).json()["acts"]
            assert [view["who"] for view in of_run] == ["ann2"]
            assert len((await it.web.get("/audit?since=1h")).json()["acts"]) == 25
            assert (await it.web.get("/audit?since=2099-01-01T00:00:00Z")).json()["acts"] == []
            for query in ("since=x", "limit=0", "limit=1001", "what=1", "who=a&who=b"):
                assert (await it.web.get(f"/audit?{query}")).status_code == 400
            hostile = (await it.web.get("/audit?who=' OR 1=1 --")).json()["acts"]
            assert hostile == []

    run(test)


def test_old_entries_are_dropped(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [refund]) as engine:
            api = HttpApi(engine, who=somebody, limits=HttpLimits(acts_kept_s=0.05))
            async with client_of(api) as web:
                web.headers["x-who"] = "ann: clerk"
                it = Served(engine, web)
                for number in range(1200):
                    api._desk.audit.tell(await api._desk.audit.act("ann", "", "", "start", f"old {number}"))
                await told(api)
                await asyncio.sleep(0.1)
                audit = api._desk.audit
                audit._swept_at = None  # as after an hour
                await it.start("new")
                await told(api)
                assert audit._sweeping is not None
                await audit._sweeping
                assert [one.run for one in await told(api)] == ["Refund/new"]
            await api.close()

    run(test)


def test_an_engine_that_closes_first_leaves_no_error_behind(
    refund: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        lost: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        for _ in range(3):
            async with opord.Engine("sqlite://:memory:", [refund]) as engine:
                api = HttpApi(engine, who=somebody)
                async with client_of(api) as web:
                    web.headers["x-who"] = "ann: clerk"
                    await Served(engine, web).start("o1")
            await asyncio.sleep(0)
            sweeping = api._desk.audit._sweeping
            if sweeping is not None:
                await asyncio.wait({sweeping})
            await api.close()
            del api, sweeping
            gc.collect()
        assert lost == []

    run(test)
    assert "error of Opord itself" not in caplog.text


def test_a_sweep_waits_for_no_store(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with signed(refund) as (_, api):

            async def away() -> Any:
                raise EngineClosed("closed")

            monkeypatch.setattr(api.state, "now", away)
            await api._desk.audit._sweep()

    run(test)
