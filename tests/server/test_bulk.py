"""Acts upon many runs: what is shown is what is done, once, and to nothing that has moved."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.backends.embedded import Embedded
from opord.server import HttpApi, HttpLimits, Principal
from opord.server import bulk as bulk_module
from opord.server.state import bulk as kept
from opord.server.state.audit import Audit, Wanted
from opord.server.state.bulk import BulkSets
from tests.server.kit import Bank, Served, at, client_of, load_refund, run, served, somebody

NOTE = """
contract Note(id: str) key id
event close
initial state Open -> Done { on close -> goto Done }
final state Done success
"""


@asynccontextmanager
async def some(refund: Any, count: int, **how: Any) -> AsyncIterator[Served]:
    """Serve refunds `r0`, `r1` and so on, that nobody carries."""
    async with served(refund, handlers=False, **how) as api:
        for n in range(count):
            body, headers = {"order": f"r{n}", "cents": 900}, {"x-who": "clerk: clerk"}
            made = await api.web.post("/contracts/Refund/runs", json=body, headers=headers)
            assert made.status_code == 201
        yield api


async def make(web: httpx.AsyncClient, verb: str, **members: Any) -> Any:
    """Make a set, and return what is told of it."""
    answer = await web.post("/runs/bulk", json={"verb": verb, "reason": "why", **members})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].endswith(f"/runs/bulk/{answer.json()['bulk']}")
    return answer.json()


async def confirm(web: httpx.AsyncClient, made: Any) -> Any:
    answer = await web.post(f"/runs/bulk/{made['bulk']}/confirm?wait=20s")
    assert answer.status_code == 200, answer.text
    return answer.json()


def outcomes(told: Any) -> dict[str, Any]:
    return {one["run"].partition("/")[2]: one["outcome"] for one in told["runs"]}


async def records(web: httpx.AsyncClient, order: str, kind: str) -> list[Any]:
    page = (await web.get(f"{at(order)}/history")).json()
    return [one for one in page["records"] if one["kind"] == kind]


def test_what_would_be_done_is_told_and_then_done(refund: Any, store: str) -> None:
    async def test() -> None:
        async with some(refund, 3, store=store) as api:
            await api.web.post(f"{at('r1')}/terminate", json={})
            made = await make(api.web, "terminate", filter={"contract": "Refund"})
            assert made["stage"] == "previewed"
            assert made["counts"] == {
                "will": 2,
                "will_not": 1,
                "done": 0,
                "moved": 0,
                "refused": 0,
                "left": 2,
            }
            assert [(one["run"], one["will"]) for one in made["runs"]] == [
                ("Refund/r2", True),
                ("Refund/r1", False),
                ("Refund/r0", True),
            ]
            assert (made["runs"][1]["code"], made["runs"][1]["why"]) == ("run_ended", "it has ended")
            assert not await records(api.web, "r0", "terminated")  # a preview does nothing
            done = await confirm(api.web, made)
            assert (done["stage"], done["counts"]["done"], done["counts"]["left"]) == ("done", 2, 0)
            assert outcomes(done) == {"r2": "done", "r1": None, "r0": "done"}
            ((told,),) = [await records(api.web, "r0", "terminated")]
            assert (told["actor"], told["reason"]) == ("local", "why")
            assert await confirm(api.web, made) == done  # once more changes nothing
            assert len(await records(api.web, "r0", "terminated")) == 1
            ((entry),) = (await api.web.get("/audit", params={"run": "Refund/r0"})).json()["acts"]
            assert (entry["act"], entry["status"], entry["reason"]) == (
                f"terminate bulk {made['bulk']}",
                200,
                "why",
            )

    run(test)


def test_the_set_is_what_is_acted_upon_and_not_the_filter(refund: Any) -> None:
    async def test() -> None:
        async with some(refund, 2) as api:
            made = await make(api.web, "cancel", filter={"status": "waiting", "data.order": "r0"})
            assert [one["run"] for one in made["runs"]] == ["Refund/r0"]
            made = await make(api.web, "cancel", filter={"state": ["Asked", "Paying"]})
            await api.start("later")
            await api.send("r1", "remark", text="it moved")
            done = await confirm(api.web, made)
            assert outcomes(done) == {"r1": "moved", "r0": "done"}
            moved = next(one for one in done["runs"] if one["outcome"] == "moved")
            assert (moved["code"], done["counts"]["moved"]) == ("run_moved", 1)
            assert (await api.web.get(at("later"))).json()["state"] == "Asked"
            assert (await api.web.get(at("r1"))).json()["state"] == "Asked"

    run(test)


def test_runs_are_named_or_filtered_and_named_ones_may_be_missing(refund: Any) -> None:
    async def test() -> None:
        async with some(refund, 1) as api:
            made = await make(api.web, "terminate", runs=["Refund/r0", "Refund/no", "Nothing/x"])
            assert [one.get("code") for one in made["runs"]] == [None, "run_unknown", "run_unknown"]
            assert outcomes(await confirm(api.web, made)) == {"r0": "done", "no": None, "x": None}

    run(test)


def test_a_doubt_is_resolved_in_many_runs(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("lost")
            await api.start("other")
            await api.send("lost", "approve", note="x")
            await api.until("lost", "in_doubt")
            args = {"happened": True, "result": "t-7"}
            made = await make(api.web, "resolve", filter={"contract": "Refund"}, args=args)
            assert {one["run"]: one.get("code") for one in made["runs"]} == {
                "Refund/lost": None,
                "Refund/other": "not_in_doubt",
            }
            assert (await confirm(api.web, made))["counts"]["done"] == 1
            assert (await api.until("lost", "ended"))["data"] == {"number": "t-7"}

    run(test)


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"verb": "explode", "runs": ["Refund/a"], "reason": "x"}, "verb"),
        ({"verb": "drop-event", "runs": ["Refund/a"], "reason": "x"}, "verb"),
        ({"verb": "cancel", "runs": ["Refund/a"]}, "reason"),
        ({"verb": "cancel", "runs": ["Refund/a"], "reason": " "}, "reason"),
        ({"verb": "cancel", "runs": ["Refund/a"], "reason": 7}, "reason"),
        ({"verb": "cancel", "reason": "x"}, ""),
        ({"verb": "cancel", "runs": ["a"], "filter": {"state": "x"}, "reason": "x"}, ""),
        ({"verb": "cancel", "runs": [], "reason": "x"}, "runs"),
        ({"verb": "cancel", "runs": ["a", "a"], "reason": "x"}, "runs"),
        ({"verb": "cancel", "runs": [7], "reason": "x"}, "runs"),
        ({"verb": "cancel", "runs": "Refund/a", "reason": "x"}, "runs"),
        ({"verb": "cancel", "filter": {}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": [], "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"colour": "red"}, "reason": "x"}, "filter.colour"),
        ({"verb": "cancel", "filter": {"state": [["Asked"]]}, "reason": "x"}, "filter.state"),
        ({"verb": "cancel", "filter": {"state": []}, "reason": "x"}, "filter.state"),
        ({"verb": "cancel", "filter": {"data..x": "y"}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"role": "nobody-has-it"}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"status": "odd"}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"version": 0}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"started": "soon"}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"state": "Aksed"}, "reason": "x"}, "filter"),
        ({"verb": "cancel", "filter": {"state": "Asked"}, "args": {"x": 1}, "reason": "x"}, "args.x"),
        ({"verb": "cancel", "filter": {"state": "Asked"}, "args": [], "reason": "x"}, "args"),
        ({"verb": "resolve", "filter": {"state": "Asked"}, "reason": "x"}, ""),
    ],
)
def test_what_is_no_set_is_refused(refund: Any, members: Any, place: str) -> None:
    async def test() -> None:
        async with some(refund, 1) as api:
            answer = await api.web.post("/runs/bulk", json=members)
            assert (answer.status_code, answer.json()["code"]) == (422, "input_invalid"), answer.text
            assert answer.json()["problems"][0]["path"] == place, answer.text

    run(test)


def test_a_set_has_a_bounded_size_and_its_pages(refund: Any) -> None:
    async def test() -> None:
        async with some(refund, 7, limits=HttpLimits(bulk_runs=5)) as api:
            for members in ({"filter": {"contract": "Refund"}}, {"runs": [f"Refund/r{n}" for n in range(7)]}):
                body = {"verb": "cancel", "reason": "x", **members}
                answer = await api.web.post("/runs/bulk", json=body)
                assert (answer.status_code, answer.json()["code"]) == (422, "bulk_too_large")
                assert answer.json()["limit"] == 5
            made = await make(api.web, "cancel", runs=[f"Refund/r{n}" for n in range(5)])
            path, seen, after = f"/runs/bulk/{made['bulk']}", [], 0
            while after is not None:
                page = (await api.web.get(path, params={"limit": 2, "after": after})).json()
                seen += [one["run"] for one in page["runs"]]
                after = page["after"]
            assert seen == [f"Refund/r{n}" for n in range(5)]

    run(test)


def test_a_principal_keeps_so_many_sets(refund: Any) -> None:
    async def test() -> None:
        async with some(refund, 1, limits=HttpLimits(bulk_sets=2)) as api:
            for _ in range(2):
                await make(api.web, "cancel", runs=["Refund/r0"])
            answer = await api.web.post(
                "/runs/bulk", json={"verb": "cancel", "runs": ["Refund/r0"], "reason": "x"}
            )
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_sets")

    run(test)


def test_sets_are_deleted_after_their_time(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_US", 0)

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [refund]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                await web.post("/contracts/Refund/runs", json={"order": "r0", "cents": 5})
                for _ in range(5):
                    made = await make(web, "cancel", runs=["Refund/r0"])
                    gone = await web.get(f"/runs/bulk/{made['bulk']}")
                    assert (gone.status_code, gone.json()["code"]) == (404, "bulk_unknown")
                query = "SELECT (SELECT count(*) FROM opord.server_bulk), (SELECT count(*) FROM opord.server_bulk_runs)"
                assert await api.state.read(lambda executes: executes(query, ())) == [(1, 1)]

    run(test)


def test_roles_are_checked_for_the_verb_and_for_each_run(refund: Any, tmp_path: Path) -> None:
    text = "contract Strict(id: str) key id\nrole boss\nevent cancel(reason: str) by boss\n" + (
        "initial state Open -> Done { on cancel(reason) -> goto Done }\nfinal state Done success\n"
    )

    async def test() -> None:
        (tmp_path / "strict.opord").write_text(text)
        strict = opord.load(tmp_path / "strict.opord").Strict
        async with opord.Engine("sqlite://:memory:", [refund, strict]) as engine:
            api = HttpApi(engine, who=somebody)
            async with client_of(api) as web:

                async def ask(who: str, method: str, path: str, body: Any = None) -> httpx.Response:
                    return await web.request(method, path, json=body, headers={"x-who": who})

                operator, boss = "ann: opord:operator", "bea: opord:operator boss"
                await ask(operator, "POST", "/contracts/Refund/runs", {"order": "a", "cents": 5})
                await ask(operator, "POST", "/contracts/Strict/runs", {"id": "b"})
                body = {"verb": "cancel", "runs": ["Refund/a", "Strict/b"], "reason": "x"}
                clerk = await ask("cid: clerk", "POST", "/runs/bulk", body)
                assert (clerk.status_code, clerk.json()["code"]) == (403, "role_required")
                kill = await ask(operator, "POST", "/runs/bulk", {**body, "verb": "terminate"})
                assert (kill.status_code, kill.json()["code"]) == (403, "role_required")
                made = (await ask(operator, "POST", "/runs/bulk", body)).json()
                assert [one.get("code") for one in made["runs"]] == [None, "role_required"]
                path = f"/runs/bulk/{made['bulk']}"
                # Others neither see nor confirm it; an administrator sees it.
                for method, of in (("GET", ""), ("POST", "/confirm"), ("POST", "/stop")):
                    answer = await ask(boss, method, path + of)
                    assert (answer.status_code, answer.json()["code"]) == (404, "bulk_unknown")
                assert (await ask("root: opord:admin", "GET", path)).status_code == 200
                # Roles count as they are when it is confirmed.
                theirs = (await ask(boss, "POST", "/runs/bulk", body)).json()
                assert [one["will"] for one in theirs["runs"]] == [True, True]
                less = "bea: opord:operator"
                done = (await ask(less, "POST", f"/runs/bulk/{theirs['bulk']}/confirm?wait=20s")).json()
                assert {one["run"]: (one["outcome"], one.get("code")) for one in done["runs"]} == {
                    "Refund/a": ("done", None),
                    "Strict/b": ("refused", "role_required"),
                }

    run(test)


def test_a_set_that_is_stopped_stays_so(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "TOGETHER", 2)

    async def test() -> None:
        async with some(refund, 6) as api:
            made = await make(api.web, "terminate", filter={"contract": "Refund"})
            path = f"/runs/bulk/{made['bulk']}"
            tell = BulkSets.tell

            async def slow(self: BulkSets, id: str, *values: Any) -> bool:
                await api.web.post(f"{path}/stop")
                return await tell(self, id, *values)

            monkeypatch.setattr(BulkSets, "tell", slow)
            told = await confirm(api.web, made)
            assert (told["stage"], told["counts"]["done"], told["counts"]["left"]) == ("stopped", 2, 4)
            again = await api.web.post(f"{path}/confirm")
            assert (again.status_code, again.json()["code"]) == (409, "bulk_stopped")

    run(test)


def test_a_set_stops_when_the_token_of_its_confirmer_is_revoked(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_module, "TOGETHER", 2)

    async def test() -> None:
        good = True

        async def who(scope: Any) -> Principal | None:
            return await somebody(scope) if good else None

        async with (
            opord.Engine("sqlite://:memory:", [refund]) as engine,
            client_of(HttpApi(engine, who=who)) as web,
        ):
            web.headers["x-who"] = "ann: opord:admin * clerk"
            for n in range(6):
                await web.post("/contracts/Refund/runs", json={"order": f"r{n}", "cents": 5})
            made = await make(web, "terminate", filter={"contract": "Refund"})
            tell = BulkSets.tell

            async def revoked(self: BulkSets, *values: Any) -> bool:
                nonlocal good
                good = False
                return await tell(self, *values)

            monkeypatch.setattr(BulkSets, "tell", revoked)
            await web.post(f"/runs/bulk/{made['bulk']}/confirm?wait=20s")
            good = True
            told = (await web.get(f"/runs/bulk/{made['bulk']}")).json()
            assert (told["stage"], told["counts"]["done"], told["counts"]["left"]) == ("stopped", 2, 4)

    run(test)


def test_each_act_of_a_set_is_written_down_before_it_is_done_and_ends_with_its_outcome(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [refund]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                await web.post("/contracts/Refund/runs", json={"order": "r0", "cents": 5})
                made = await make(web, "terminate", filter={"contract": "Refund"})

                async def trail() -> list[int | None]:
                    found = await api._desk.audit.entries(Wanted(run="Refund/r0"), 10)
                    return [one.status for one in found]

                terminate, seen = Embedded.terminate, list[Any]()

                async def looked_at(self: Embedded, *values: Any, **how: Any) -> None:
                    seen.append(await trail())
                    await terminate(self, *values, **how)

                monkeypatch.setattr(Embedded, "terminate", looked_at)
                # What waits in memory alone is gone if the server dies.
                monkeypatch.setattr(Audit, "_put", lambda *_: None)
                assert (await confirm(web, made))["counts"]["done"] == 1
                assert (seen, await trail()) == ([[None]], [200])

    run(test)


def test_what_was_done_of_a_set_is_told_if_the_store_goes_away_over_the_rest(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with some(refund, 3) as api:
            made = await make(api.web, "terminate", filter={"contract": "Refund"})
            terminate = Embedded.terminate

            async def away(self: Embedded, run: Any, **how: Any) -> None:
                if run == "Refund/r1":
                    raise opord.StoreUnavailable("full", "the disk is full")
                await terminate(self, run, **how)

            with monkeypatch.context() as patched:
                patched.setattr(Embedded, "terminate", away)
                told = await confirm(api.web, made)
            assert (told["stage"], told["counts"]["done"], told["counts"]["left"]) == ("interrupted", 2, 1)
            assert (await confirm(api.web, made))["counts"]["done"] == 3

    run(test)


def test_what_a_server_did_before_it_died_is_known_to_who_goes_on(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with some(refund, 2, who=somebody) as api:
            bob, ann = ({"x-who": f"{name}: opord:admin clerk"} for name in ("bob", "ann"))
            body = {"verb": "terminate", "reason": "why", "filter": {"contract": "Refund"}}
            made = (await api.web.post("/runs/bulk", json=body, headers=bob)).json()
            path = f"/runs/bulk/{made['bulk']}/confirm?wait=20s"
            # Somebody else's act for the same reason is not the set's.
            await api.web.post(
                f"{at('r1')}/terminate", json={"reason": "why"}, headers={"x-who": "cid: opord:admin"}
            )

            async def dies(*_: Any) -> bool:
                raise opord.StoreUnavailable("gone", "the store is away")

            with monkeypatch.context() as patched:
                patched.setattr(BulkSets, "tell", dies)
                await api.web.post(path, headers=bob)
            done = (await api.web.post(path, headers=ann)).json()
            assert outcomes(done) == {"r0": "done", "r1": "moved"}

    run(test)


def test_a_set_is_not_for_one_of_the_same_name_who_sees_less(refund: Any, tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / "note.opord").write_text(NOTE)
        note = opord.load(tmp_path / "note.opord").Note
        sees: list[str] | None = None

        async def who(_: Any) -> Principal | None:
            return Principal("ann", ["opord:admin", "clerk"], sees)

        async with (
            opord.Engine("sqlite://:memory:", [refund, note]) as engine,
            client_of(HttpApi(engine, who=who)) as web,
        ):
            await web.post("/contracts/Refund/runs", json={"order": "a", "cents": 5})
            await web.post("/contracts/Note/runs", json={"id": "b"})
            made = await make(web, "terminate", runs=["Refund/a", "Note/b"])
            sees = ["Note"]
            path = f"/runs/bulk/{made['bulk']}"
            for method, of in (("GET", ""), ("POST", "/confirm"), ("POST", "/stop")):
                answer = await web.request(method, path + of)
                assert (answer.status_code, answer.json()["code"]) == (404, "bulk_unknown")
            # Their own set names a run that is none to them.
            own = await make(web, "terminate", runs=["Refund/a", "Note/b"])
            assert [one["will"] for one in own["runs"]] == [False, True]
            assert outcomes(await confirm(web, own)) == {"a": None, "b": "done"}
            sees = ["Refund", "Note"]
            assert (await web.get(path)).status_code == 200

    run(test)


def test_two_who_confirm_at_once_act_once(refund: Any, store: str) -> None:
    async def test() -> None:
        async with some(refund, 30, store=store) as one, served(refund, handlers=False, store=store) as two:
            made = await make(one.web, "cancel", filter={"contract": "Refund"})
            path = f"/runs/bulk/{made['bulk']}/confirm?wait=5s"
            answers = await asyncio.gather(*(api.web.post(path) for api in [one, two] * 10))
            assert {answer.status_code for answer in answers} <= {200, 202}
            async with asyncio.timeout(20):
                while (await two.web.get(f"/runs/bulk/{made['bulk']}")).json()["stage"] != "done":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            for n in range(30):
                assert len(await records(two.web, f"r{n}", "event")) == 1

    run(test)


def test_a_store_that_goes_away_leaves_the_set_to_be_confirmed_again(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with some(refund, 3) as api:
            made = await make(api.web, "terminate", filter={"contract": "Refund"})
            with monkeypatch.context() as patched:

                async def away(*_: Any, **__: Any) -> None:
                    raise opord.StoreUnavailable("full", "the disk is full")

                patched.setattr("opord.backends.embedded.Embedded.terminate", away)
                told = await confirm(api.web, made)
                assert (told["stage"], told["counts"]["left"]) == ("interrupted", 3)
            assert (await confirm(api.web, made))["counts"]["done"] == 3

    run(test)


def test_a_server_that_stops_leaves_the_set_to_be_confirmed_again(refund: Any, tmp_path: Path) -> None:
    async def test() -> None:
        async with opord.Engine(f"sqlite:///{tmp_path}/runs.db", [refund]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                for n in range(120):
                    await web.post("/contracts/Refund/runs", json={"order": f"r{n}", "cents": 5})
                made = await make(web, "cancel", filter={"contract": "Refund"})
                acting = await web.post(f"/runs/bulk/{made['bulk']}/confirm")
                assert (acting.status_code, acting.json()["stage"]) == (202, "acting")
                api.stop()
                await api.close()
            async with client_of(HttpApi(engine)) as web:
                path = f"/runs/bulk/{made['bulk']}"
                told = (await web.get(path)).json()
                assert told["stage"] == "interrupted"
                assert 0 < told["counts"]["left"] < 120
                done = await confirm(web, made)
                assert (done["stage"], done["counts"]["done"]) == ("done", 120)
                for n in range(120):
                    assert len(await records(web, f"r{n}", "event")) == 1

    run(test)


SERVER = """
import asyncio, os, signal, sys
import opord
from opord.server import HttpApi, bulk, serving
from opord.server.state.bulk import BulkSets

contract, store, verb = sys.argv[1:]
bulk.TOGETHER = 4
tells, tell = 0, BulkSets.tell

async def third(self, *values):
    global tells
    tells += 1
    if tells == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return await tell(self, *values)

BulkSets.tell = third

async def main():
    async with opord.Engine(store, [opord.load(contract).Refund]) as engine:
        listening = serving.listen("127.0.0.1", 0)
        print(serving.address_of(listening), flush=True)
        await serving.serve(HttpApi(engine), listening, asyncio.Event().wait(), drain_s=1)

asyncio.run(main())
"""


@pytest.mark.parametrize(("verb", "kind"), [("terminate", "terminated"), ("cancel", "event")])
def test_a_server_that_is_killed_in_the_midst_has_acted_upon_no_run_twice(
    tmp_path: Path, store: str, verb: str, kind: str
) -> None:
    flow, contract = load_refund(tmp_path), tmp_path / "refund.opord"
    program = [sys.executable, "-c", SERVER, str(contract), store, verb]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as server:
        assert server.stdout is not None
        base = f"{server.stdout.readline().strip()}/api/v1"
        with httpx.Client(base_url=base, timeout=20) as web:
            for n in range(20):
                web.post("/contracts/Refund/runs", json={"order": f"r{n}", "cents": 5})
            body = {"verb": verb, "reason": "why", "filter": {"contract": "Refund"}}
            made = web.post("/runs/bulk", json=body).json()
            with pytest.raises(httpx.RemoteProtocolError):
                web.post(f"/runs/bulk/{made['bulk']}/confirm?wait=20s")
        assert server.wait() == -signal.SIGKILL

    async def test() -> None:
        async with opord.Engine(store, [flow(Bank())]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                told = (await web.get(f"/runs/bulk/{made['bulk']}")).json()
                # Twelve were acted upon; of the last four, nobody has kept it.
                assert (told["stage"], told["counts"]["done"], told["counts"]["left"]) == ("acting", 8, 12)
                await api.state.execute("UPDATE opord.server_bulk SET lease_until = 0")
                assert (await web.get(f"/runs/bulk/{made['bulk']}")).json()["stage"] == "interrupted"
                done = await confirm(web, made)
                assert (done["stage"], done["counts"]["done"]) == ("done", 20), done
                for n in range(20):
                    assert len(await records(web, f"r{n}", kind)) == 1

    run(test)
