"""`Idempotency-Key`: however often a request is sent, and whatever dies, it is done once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.backends.embedded import Embedded
from opord.server import HttpApi, HttpLimits, Principal, once
from opord.server.state import idempotency
from opord.server.state.idempotency import Idempotency
from tests.server.kit import Bank, Served, at, client_of, load_refund, run, served, somebody

KEY = {"idempotency-key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
KEYLESS = """
contract Note(text: str)
initial state Open -> Done { on close -> goto Done
  on cancel -> goto Done }
event close
final state Done success
"""
REPLAYED = "idempotency-replayed"


async def start(web: httpx.AsyncClient, order: str = "a", cents: int = 900, **how: Any) -> httpx.Response:
    how.setdefault("headers", KEY)
    return await web.post("/contracts/Refund/runs", json={"order": order, "cents": cents}, **how)


async def history(web: httpx.AsyncClient, order: str = "a") -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = (await web.get(f"{at(order)}/history")).json()["records"]
    return records


async def kinds(web: httpx.AsyncClient, order: str = "a") -> list[str]:
    return [one["kind"] for one in await history(web, order)]


def same(first: httpx.Response, again: httpx.Response) -> None:
    """Hold that an answer is the first one again, and says so."""
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    for name in ("location", "content-type", "etag"):
        assert again.headers.get(name) == first.headers.get(name)


def test_a_request_is_answered_again_as_the_first_time(refund: Any, store: str) -> None:
    async def test() -> None:
        async with served(refund, store=store, handlers=False) as api:
            first = await start(api.web)
            assert first.status_code == 201
            same(first, await start(api.web))
            other = {"idempotency-key": "second"}
            sent = await api.web.post(f"{at('a')}/events/approve", json={"note": "ok"}, headers=other)
            assert sent.json()["reception"] == "taken"
            same(sent, await api.web.post(f"{at('a')}/events/approve", json={"note": "ok"}, headers=other))
            assert (await kinds(api.web)).count("event") == 1

    run(test)


def test_a_refusal_is_kept_too(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            refused = await start(api.web, cents=0)
            assert refused.status_code == 422
            same(refused, await start(api.web, cents=0))
            assert (await start(api.web, headers={"idempotency-key": "new"})).status_code == 201

    run(test)


def test_a_key_belongs_to_one_request(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await start(api.web)
            for other in (
                await start(api.web, cents=901),
                await start(api.web, params={"priority": 1}),
                await api.web.post(f"{at('a')}/events/remark", json={"text": "x"}, headers=KEY),
            ):
                assert (other.status_code, other.json()["code"]) == (422, "key_reused")

    run(test)


def test_a_key_belongs_to_one_principal(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, who=somebody) as api:
            answers = [
                await start(api.web, order=who, headers={**KEY, "x-who": f"{who}: clerk"})
                for who in ("ann", "bob", "ann")
            ]
            assert [one.status_code for one in answers] == [201, 201, 201]
            assert [REPLAYED in one.headers for one in answers] == [False, False, True]

    run(test)


def test_an_answer_is_not_for_one_of_the_same_name_who_sees_less(refund: Any) -> None:
    async def test() -> None:
        sees: list[str] | None = None

        async def who(_: Any) -> Principal | None:
            return Principal("ann", ["opord:admin", "clerk"], sees)

        async with served(refund, handlers=False, who=who) as api:
            await start(api.web, headers={})
            wish = {"verb": "terminate", "reason": "why", "filter": {"contract": "Refund"}}
            first = await api.web.post("/runs/bulk", json=wish, headers=KEY)
            assert [one["run"] for one in first.json()["runs"]] == ["Refund/a"]
            sees = ["Note"]
            other = await api.web.post("/runs/bulk", json=wish, headers=KEY)
            assert (other.status_code, other.json()["code"]) == (422, "key_reused")
            sees = None
            same(first, await api.web.post("/runs/bulk", json=wish, headers=KEY))

    run(test)


@pytest.mark.parametrize(
    "said", ["", " ", '""', '"a', 'a"b"', "é", "x" * 256, '"' + "x" * 256 + '"', '"\\a"', "a b"]
)
def test_what_is_no_key_is_refused(refund: Any, said: str) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            answer = await start(api.web, headers={"idempotency-key": said.encode()})
            if said == 'a"b"':
                assert answer.status_code == 201  # a quote in the midst is a sign like others
            else:
                assert (answer.status_code, answer.json()["code"]) == (400, "header_invalid")

    run(test)


def test_quotes_are_no_part_of_a_key(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            first = await start(api.web, headers={"idempotency-key": r'"a\"b"'})
            same(first, await start(api.web, headers={"idempotency-key": r'a"b'}))

    run(test)


def test_requests_that_change_nothing_need_no_key(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            assert (await api.web.get("/runs", headers=KEY)).status_code == 200
            assert (await start(api.web)).status_code == 201

    run(test)


def test_two_hundred_at_once_act_once(refund: Any, store: str) -> None:
    async def test() -> None:
        async with served(refund, store=store, handlers=False) as api:
            await api.start("a")

            async def send() -> httpx.Response:
                while True:
                    answer = await api.web.post(f"{at('a')}/events/approve", json={"note": "ok"}, headers=KEY)
                    if answer.status_code != 409:
                        return answer
                    assert answer.json()["code"] == "request_under_way"
                    assert answer.headers["retry-after"] == "1"
                    await asyncio.sleep(0.05)

            answers = await asyncio.gather(*(send() for _ in range(200)))
            assert {one.status_code for one in answers} == {200}
            assert len({one.content for one in answers}) == 1
            assert sum(REPLAYED not in one.headers for one in answers) == 1
            assert (await kinds(api.web)).count("event") == 1

    run(test)


def test_two_servers_at_once_act_once(tmp_path: Path, store: str) -> None:
    async def test() -> None:
        flow = load_refund(tmp_path)
        async with (
            served(flow, store=store, handlers=False) as one,
            served(flow, store=store, handlers=False) as two,
        ):
            note = tmp_path / "note.opord"
            note.write_text(KEYLESS)
            await one.start("a")

            async def send(api: Served) -> httpx.Response:
                while True:
                    answer = await api.web.post(f"{at('a')}/events/remark", json={"text": "x"}, headers=KEY)
                    if answer.status_code != 409:
                        return answer
                    await asyncio.sleep(0.02)

            answers = await asyncio.gather(*(send(api) for api in [one, two] * 20))
            assert {one.status_code for one in answers} == {200}
            assert sum(REPLAYED not in one.headers for one in answers) == 1
            assert (await kinds(two.web)).count("ignored") == 1

    run(test)


# --- A server that dies ---------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone: nothing that follows happens."""


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the next request die at a point; what it claimed may be taken over at once."""
    monkeypatch.setattr(idempotency, "LEASE_US", 0)

    async def nothing(*_: Any, **__: Any) -> None: ...

    def dies(point: str) -> Any:
        patched = pytest.MonkeyPatch()

        async def die(*_: Any, **__: Any) -> None:
            patched.undo()
            raise Died

        patched.setattr(Idempotency, "give_up", nothing)
        if point == "before":
            patched.setattr("opord.server.once._tried", die)
        else:
            patched.setattr(Idempotency, "finish", die)

    return dies


async def ask(web: httpx.AsyncClient, path: str, **members: Any) -> httpx.Response | None:
    """Send a request with a key; None if the server died over it."""
    try:
        return await web.post(path, json=members, headers=KEY)
    except Died:
        return None


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_start_is_done_once(refund: Any, mortal: Any, point: str) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            mortal(point)
            assert await ask(api.web, "/contracts/Refund/runs", order="a", cents=1) is None
            again = await ask(api.web, "/contracts/Refund/runs", order="a", cents=1)
            assert again is not None
            assert again.json() == {"run": "Refund/a", "created": point == "before"}
            assert REPLAYED in (await start(api.web, cents=1)).headers

    run(test)


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_start_of_a_contract_without_a_key_is_done_once(tmp_path: Path, mortal: Any, point: str) -> None:
    async def test() -> None:
        (tmp_path / "note.opord").write_text(KEYLESS)
        flow = opord.load(tmp_path / "note.opord").Note
        async with opord.Engine("sqlite://:memory:", [flow]) as engine, client_of(HttpApi(engine)) as web:
            mortal(point)
            assert await ask(web, "/contracts/Note/runs", text="x") is None
            again = await ask(web, "/contracts/Note/runs", text="x")
            assert again is not None
            assert again.json()["created"] == (point == "before")
            runs = (await web.get("/runs")).json()["runs"]
            assert [one["run"] for one in runs] == [again.json()["run"]]
            # Without the header, each start is another run.
            for _ in range(2):
                await web.post("/contracts/Note/runs", json={"text": "x"})
            assert len((await web.get("/runs")).json()["runs"]) == 3

    run(test)


@pytest.mark.parametrize("point", ["before", "after"])
@pytest.mark.parametrize(
    ("path", "members", "kind"),
    [("events/remark", {"text": "x"}, "ignored"), ("events/approve", {"note": "x"}, "event"), ("cancel", {}, "event")],
)  # fmt: skip
def test_an_event_is_taken_once(
    refund: Any, mortal: Any, point: str, path: str, members: dict[str, str], kind: str
) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("a")
            mortal(point)
            assert await ask(api.web, f"{at('a')}/{path}", **members) is None
            again = await ask(api.web, f"{at('a')}/{path}", **members)
            assert again is not None
            assert again.status_code == 200
            assert (again.json()["reception"] == "repeated") == (point == "after")
            assert (await kinds(api.web)).count(kind) == 1

    run(test)


def test_an_event_for_the_run_that_was_seen_is_known_again(refund: Any, mortal: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("a")
            seen = {**KEY, "if-match": (await api.web.get(at("a"))).headers["etag"]}
            mortal("after")
            path = f"{at('a')}/events/approve"
            with pytest.raises(Died):
                await api.web.post(path, json={"note": "x"}, headers=seen)
            again = await api.web.post(path, json={"note": "x"}, headers=seen)
            assert (again.status_code, again.json()["reception"]) == (200, "repeated")

    run(test)


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_verb_is_done_once_and_nobody_guesses(refund: Any, mortal: Any, point: str) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("a")
            mortal(point)
            assert await ask(api.web, f"{at('a')}/terminate", reason="why") is None
            again = await ask(api.web, f"{at('a')}/terminate", reason="why")
            assert again is not None
            assert (await kinds(api.web)).count("terminated") == 1
            if point == "before":
                assert (again.status_code, again.json()["done"]) == (200, "terminate")
            else:
                problem = again.json()
                assert (again.status_code, problem["code"], problem["seq"]) == (409, "outcome_unknown", 2)
                assert "look at /history?after=1" in problem["detail"]

    run(test)


def test_what_others_did_meanwhile_is_not_taken_for_it(refund: Any, mortal: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("lost")
            await api.send("lost", "approve", note="x")
            await api.until("lost", "in_doubt")
            path = f"{at('lost')}/resolve"
            mortal("after")
            assert await ask(api.web, path, happened=False) is None
            await api.until("lost", "in_doubt")  # it was tried again, and lost again
            unknown = await ask(api.web, path, happened=False)
            assert unknown is not None
            assert unknown.json()["code"] == "outcome_unknown"
            assert (await kinds(api.web, "lost")).count("resolved") == 1
            mortal("before")
            other = {"idempotency-key": "other"}
            with pytest.raises(Died):
                await api.web.post(path, json={"happened": False}, headers=other)
            await api.send("lost", "remark", text="x")
            done = await api.web.post(path, json={"happened": False}, headers=other)
            assert (done.status_code, done.json()["done"]) == (200, "resolve")

    run(test)


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("late", ["behind its check", "behind its mark"])
def test_a_write_that_lands_late_is_not_done_again(
    refund: Any, mortal: Any, monkeypatch: pytest.MonkeyPatch, late: str, seen: bool
) -> None:
    """The write of a request that was given up lands while the request is sent again."""

    async def test() -> None:
        async with served(refund) as api:
            await api.start("lost")
            await api.send("lost", "approve", note="x")
            await api.until("lost", "in_doubt")
            first = (await api.web.get(at("lost"))).headers["etag"]
            headers = {**KEY, "if-match": first} if seen else KEY
            path, resolve, queued = f"{at('lost')}/resolve", Embedded.resolve, list[Any]()

            async def waits(self: Embedded, *values: Any, **how: Any) -> None:
                queued.append((values, how))
                raise Died

            with monkeypatch.context() as patched:
                patched.setattr(Embedded, "resolve", waits)
                with pytest.raises(Died):
                    await api.web.post(path, json={"happened": False}, headers=headers)

            async def land() -> None:
                if queued:
                    values, how = queued.pop()
                    await resolve(api.engine.backend, *values, **how)  # type: ignore[arg-type]
                    await api.until("lost", "in_doubt")  # it was tried again, and lost again

            behind, mark = once.record_behind, Idempotency.mark

            async def checked(*values: Any) -> Any:
                found = await behind(*values)
                if late == "behind its check":
                    await land()
                return found

            async def marked(*values: Any) -> bool:
                done = await mark(*values)
                await land()
                return done

            monkeypatch.setattr(once, "record_behind", checked)
            monkeypatch.setattr(Idempotency, "mark", marked)
            again = await api.web.post(path, json={"happened": False}, headers=headers)
            assert (await kinds(api.web, "lost")).count("resolved") == 1
            assert (again.status_code, again.json()["code"]) == (409, "outcome_unknown")

    run(test)


def test_a_run_that_moves_meanwhile_is_acted_upon_all_the_same(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("a")
            mark, times = Idempotency.mark, 0

            async def late(*values: Any) -> bool:
                nonlocal times
                times += 1
                done = await mark(*values)
                if times <= most:
                    await api.send("a", "remark", text="x")
                return done

            monkeypatch.setattr(Idempotency, "mark", late)
            most = 10
            busy = await api.web.post(f"{at('a')}/terminate", json={}, headers=KEY)
            assert (busy.status_code, busy.json()["code"], times) == (409, "run_busy", 5)
            times, most = 0, 2
            done = await api.web.post(f"{at('a')}/terminate", json={}, headers={"idempotency-key": "other"})
            assert (done.status_code, times) == (200, 3)

    run(test)


def test_errors_of_the_server_are_not_kept(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            with monkeypatch.context() as patched:
                patched.setattr(
                    "opord.backends.embedded.Embedded.start",
                    lambda *_, **__: (_ for _ in ()).throw(
                        opord.StoreUnavailable("full", "the disk is full")
                    ),
                )
                assert (await start(api.web)).status_code == 503
            done = await start(api.web)
            assert (done.status_code, REPLAYED in done.headers) == (201, False)

    run(test)


def test_nothing_is_done_while_the_state_is_away_and_all_else_is_answered(
    refund: Any, tmp_path: Path
) -> None:
    async def test() -> None:
        own = tmp_path / "own.db"
        async with served(refund, handlers=False, state=f"sqlite:///{own}") as api:
            assert (await start(api.web, "a")).status_code == 201
            own.rename(tmp_path / "elsewhere.db")
            other = {"idempotency-key": "other"}
            away = await start(api.web, "b", headers=other)
            assert (away.status_code, away.headers["retry-after"]) == (503, "1")
            assert away.json()["code"].startswith("store_")
            assert [one["run"] for one in (await api.web.get("/runs")).json()["runs"]] == ["Refund/a"]
            (tmp_path / "elsewhere.db").rename(own)
            assert REPLAYED in (await start(api.web, "a")).headers
            assert (await start(api.web, "b", headers=other)).status_code == 201

    run(test)


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("a")
            path = f"{at('a')}/events/remark"
            with monkeypatch.context() as patched:

                async def full(*_: Any) -> None:
                    raise opord.StoreUnavailable("full", "the disk is full")

                patched.setattr(Idempotency, "finish", full)
                first = await api.web.post(path, json={"text": "x"}, headers=KEY)
            assert (first.status_code, first.json()["reception"]) == (200, "ignored")
            async with asyncio.timeout(20):
                while (again := await api.web.post(path, json={"text": "x"}, headers=KEY)).status_code == 409:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert (again.status_code, again.json()["reception"]) == (200, "repeated")
            assert (await kinds(api.web)).count("ignored") == 1

    run(test)


def test_who_goes_away_may_come_back(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, limits=HttpLimits(wait_s=60)) as api:
            await api.start("a")
            path = f"{at('a')}/events/remark?wait=60s"
            waiting = asyncio.create_task(api.web.post(path, json={"text": "x"}, headers=KEY))
            async with asyncio.timeout(20):
                while "ignored" not in await kinds(api.web):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            waiting.cancel()
            answer = await api.web.post(path.replace("60s", "0s"), json={"text": "x"}, headers=KEY)
            assert answer.status_code in (409, 422)
            assert (await kinds(api.web)).count("ignored") == 1

    run(test)


# --- Bounds ---------------------------------------------------------------------------------------


def test_a_key_is_forgotten_after_its_time(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, limits=HttpLimits(keys_kept_s=0)) as api:
            assert (await start(api.web, "a")).status_code == 201
            assert (await start(api.web, "b")).status_code == 201

    run(test)


def test_a_principal_keeps_so_many_requests_and_no_more(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, limits=HttpLimits(keys=3), who=somebody) as api:

            async def ask(who: str, key: str) -> httpx.Response:
                return await start(api.web, key, headers={"idempotency-key": key, "x-who": f"{who}: clerk"})

            assert [(await ask("ann", str(n))).status_code for n in range(3)] == [201] * 3
            full = await ask("ann", "3")
            assert (full.status_code, full.json()["code"]) == (429, "too_many_keys")
            assert REPLAYED in (await ask("ann", "2")).headers
            assert (await ask("bob", "3")).status_code == 201

    run(test)


def test_the_table_does_not_grow(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "SWEEP_US", 0)

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [refund]) as engine:
            api = HttpApi(engine, limits=HttpLimits(keys_kept_s=0))
            async with client_of(api) as web:
                for n in range(20):
                    await start(web, str(n), headers={"idempotency-key": str(n)})
            query = "SELECT count(*) FROM opord.server_idempotency"
            assert await api.state.read(lambda executes: executes(query, ())) == [(1,)]

    run(test)


# --- Real processes -------------------------------------------------------------------------------

SERVER = """
import asyncio, os, signal, sys
import opord
from opord.server import HttpApi, serving
from opord.server.state.idempotency import Idempotency

contract, store, point = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if point == "before":
    from opord.server import once
    once._tried = die
elif point == "after":
    Idempotency.finish = die
else:
    Idempotency.mark = die

async def main():
    async with opord.Engine(store, [opord.load(contract).Refund]) as engine:
        listening = serving.listen("127.0.0.1", 0)
        print(serving.address_of(listening), flush=True)
        await serving.serve(HttpApi(engine), listening, asyncio.Event().wait(), drain_s=1)

asyncio.run(main())
"""


@pytest.mark.parametrize("point", ["before", "mark", "after"])
def test_a_server_that_is_killed_in_the_midst_has_acted_once(
    tmp_path: Path, store: str, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, contract = load_refund(tmp_path), tmp_path / "refund.opord"
    program = [sys.executable, "-c", SERVER, str(contract), store, point]
    path, members = (
        (f"{at('a')}/terminate", {"reason": "x"})
        if point == "mark"
        else (f"{at('a')}/events/approve", {"note": "x"})
    )
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as server:
        assert server.stdout is not None
        base = f"{server.stdout.readline().strip()}/api/v1"
        with httpx.Client(base_url=base, timeout=20) as web:
            assert web.post("/contracts/Refund/runs", json={"order": "a", "cents": 1}).status_code == 201
            with pytest.raises(httpx.RemoteProtocolError):
                web.post(path, json=members, headers=KEY)
        assert server.wait() == -signal.SIGKILL

    async def test() -> None:
        async with opord.Engine(store, [flow(Bank())]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                held = await web.post(path, json=members, headers=KEY)
                assert held.json()["code"] == "request_under_way"
                # Its lease ends, as it would after some seconds.
                await api.state.execute("UPDATE opord.server_idempotency SET lease_until = 0")
                done = await web.post(path, json=members, headers=KEY)
                assert done.status_code == 200
                same(done, await web.post(path, json=members, headers=KEY))
                kind = "terminated" if point == "mark" else "event"
                assert (await kinds(web)).count(kind) == 1

    run(test)
