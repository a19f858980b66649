"""Streams of changes: told at once, resumed without a loss, bounded, and ended in good order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

import opord
from opord.backends.embedded import Embedded
from opord.server import HttpLimits, streams, watch
from tests.server.kit import at, run
from tests.server.live import running


class Event(NamedTuple):
    """An event as a client reads it."""

    kind: str
    id: str | None
    data: Any


async def events(web: httpx.AsyncClient, address: str, last: str | None = None) -> AsyncIterator[Event]:
    """Read the events of a stream."""
    headers = {"last-event-id": last} if last is not None else {}
    async with web.stream("GET", address, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line.startswith((":", "retry")):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
                fields = {}


async def first(number: int, following: AsyncIterator[Event]) -> list[Event]:
    """Return so many events, and leave the stream."""
    found = []
    async with asyncio.timeout(20):
        async for one in following:
            found.append(one)
            if len(found) == number:
                break
    await following.aclose()  # type: ignore[attr-defined]
    return found


async def start(web: httpx.AsyncClient, order: str) -> None:
    answer = await web.post("/contracts/Refund/runs", json={"order": order, "cents": 1})
    assert answer.status_code == 201, answer.text


async def remark(web: httpx.AsyncClient, order: str) -> None:
    answer = await web.post(f"{at(order)}/events/remark", json={"text": "x"})
    assert answer.status_code == 200, answer.text


def test_a_run_is_told_as_it_is_and_as_it_changes(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            await start(web, "a/b")
            following = events(web, f"{at('a/b')}/changes")
            now = await anext(following)
            assert now.kind == "changed"
            assert now.data == {
                "run": "Refund/a/b", "seq": 1, "state": "Asked", "status": "waiting", "outcome": None,
            }  # fmt: skip
            await remark(web, "a/b")
            (moved,) = await first(1, following)
            assert (moved.data["seq"], moved.id != now.id) == (2, True)
            # What was missed comes at once; what is known does not come again.
            await remark(web, "a/b")
            (missed,) = await first(1, events(web, f"{at('a/b')}/changes", moved.id))
            assert missed.data["seq"] == 3
            known = events(web, f"{at('a/b')}/changes", missed.id)
            later = asyncio.create_task(first(1, known))
            await asyncio.sleep(0.1)
            assert not later.done()
            await remark(web, "a/b")
            assert (await later)[0].data["seq"] == 4

    run(test)


def test_all_runs_are_told_record_by_record(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            await start(web, "before")
            following = events(web, "/runs/changes")
            told = asyncio.create_task(first(3, following))
            await asyncio.sleep(0.2)
            await start(web, "o1")
            await remark(web, "o1")
            await start(web, "o2")
            found = await told
            assert [(one.data["run"], one.data["seq"], one.data["kind"]) for one in found] == [
                ("Refund/o1", 1, "started"),
                ("Refund/o1", 2, "ignored"),
                ("Refund/o2", 1, "started"),
            ]
            # After the last event that a client saw, nothing is missed. Some may come again.
            await remark(web, "o2")
            resumed = await first(5, events(web, "/runs/changes", found[-1].id))
            assert ("Refund/o2", 2) in [(one.data["run"], one.data["seq"]) for one in resumed]

    run(test)


def test_streams_of_one_contract_leave_out_the_others(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            following = events(web, "/runs/changes?contract=Refun")
            silent = asyncio.create_task(first(1, following))
            loud = asyncio.create_task(first(1, events(web, "/runs/changes?contract=Refund")))
            await asyncio.sleep(0.2)
            await start(web, "o1")
            assert (await loud)[0].data["run"] == "Refund/o1"
            assert not silent.done()
            silent.cancel()

    run(test)


def test_a_worker_in_another_process_is_heard(
    refund: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def test() -> None:
        store = f"sqlite:///{tmp_path}/r.db"
        worker = running(refund, monkeypatch, store=store, handlers=True)
        async with running(refund, monkeypatch, store=store) as server, server.client() as web, worker:
            await start(web, "o1")
            following = events(web, f"{at('o1')}/changes")
            await anext(following)
            await web.post(f"{at('o1')}/events/approve", json={"note": "ok"})
            async with asyncio.timeout(20):
                async for one in following:
                    if one.data["status"] == "ended":
                        break
            await following.aclose()  # type: ignore[attr-defined]

    run(test)


def test_more_than_a_look_reads_is_told_as_a_gap(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(watch, "KEPT_MOVES", 3)
        async with running(refund, monkeypatch) as server, server.client() as web:
            told = asyncio.create_task(first(4, events(web, "/runs/changes")))
            await asyncio.sleep(0.2)
            await asyncio.gather(*(start(web, f"o{number}") for number in range(30)))
            assert "gap" in [one.kind for one in await told]
            monkeypatch.setattr(watch, "MOVES_AT_ONCE", 5)
            kinds = [one.kind for one in await first(6, events(web, "/runs/changes", "1"))]
            assert kinds == ["gap", *["changed"] * 5]

    run(test)


@pytest.mark.parametrize("last", ["soon", "-1", "1.5", "9" * 30, "٣"])
def test_an_id_that_is_none_is_told(refund: Any, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            answer = await web.get("/runs/changes", headers={"last-event-id": last.encode()})
            assert (answer.status_code, answer.json()["code"]) == (400, "header_invalid")

    run(test)


def test_a_run_that_does_not_exist_has_no_stream(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            assert (await web.get(f"{at('zzz')}/changes")).json()["code"] == "run_unknown"

    run(test)


def test_streams_have_a_limit_and_give_their_place_back(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        limits = HttpLimits(streams=2)
        async with running(refund, monkeypatch, limits=limits) as server, server.client() as web:
            await start(web, "o1")
            both = [events(web, f"{at('o1')}/changes") for _ in range(2)]
            for one in both:
                await anext(one)
            full = await web.get("/runs/changes")
            assert (full.status_code, full.json()["code"]) == (503, "too_many_streams")
            for one in both:
                await one.aclose()  # type: ignore[attr-defined]
            for _ in range(1000):
                if (await web.head("/runs/changes")).status_code == 200:
                    break
                await asyncio.sleep(0.01)
            assert len(await first(1, events(web, f"{at('o1')}/changes"))) == 1

    run(test)


def test_a_silent_stream_gives_a_sign_of_life(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(streams, "HEARTBEAT_S", 0.02)
        async with running(refund, monkeypatch) as server:
            reader, writer = await server.connect()
            writer.write(b"GET /api/v1/runs/changes HTTP/1.1\r\nhost: localhost\r\n\r\n")
            async with asyncio.timeout(20):
                for _ in range(3):
                    await reader.readuntil(b":\n\n")
            writer.close()

    run(test)


def test_streams_tell_what_they_missed_while_the_store_was_away(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(watch, "AWAY_S", 0.05)
        async with running(refund, monkeypatch) as server, server.client() as web:
            await start(web, "o1")
            following, every = events(web, f"{at('o1')}/changes"), events(web, "/runs/changes")
            await anext(following)
            told = [asyncio.create_task(first(1, one)) for one in (following, every)]
            await asyncio.sleep(0.1)
            with monkeypatch.context() as while_away:
                looks = break_store(while_away, opord.StoreUnavailable("locked", "it is locked"))
                await asyncio.sleep(0.7)  # longer than an idle look takes
                assert len(looks) > 1
                held = await web.get(f"{at('o1')}?wait=5s")
                assert (held.status_code, held.json()["code"]) == (503, "store_locked")
            await remark(web, "o1")
            kinds = [[one.kind for one in each] for each in await asyncio.gather(*told)]
            assert kinds == [["changed"], ["changed"]]

    run(test)


def test_an_error_of_our_own_ends_a_stream_and_is_logged(
    refund: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            await start(web, "o1")
            following, every = events(web, f"{at('o1')}/changes"), events(web, "/runs/changes")
            await anext(following)
            rest = [asyncio.create_task(first(99, one)) for one in (following, every)]
            await asyncio.sleep(0.1)
            break_store(monkeypatch, ZeroDivisionError("a fault of ours"))
            async with asyncio.timeout(5):
                assert await asyncio.gather(*rest) == [[], []]
            assert "a fault of ours" in caplog.text

    run(test)


def break_store(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[Exception]:
    """Let each look at a store fail; the list grows with each."""
    raised: list[Exception] = []

    async def fails(*_: Any, **__: Any) -> Any:
        raised.append(error)
        raise error

    for look in ("progress", "moves"):
        monkeypatch.setattr(Embedded, look, fails)
    return raised


def test_streams_and_waits_end_when_the_server_stops(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server, server.client() as web:
            await start(web, "o1")
            await web.post(f"{at('o1')}/events/approve", json={"note": "ok"})
            following = events(web, f"{at('o1')}/changes")
            every = events(web, "/runs/changes")
            await anext(following)
            rest = asyncio.create_task(first(99, following))
            all_rest = asyncio.create_task(first(99, every))
            held = asyncio.create_task(web.get(f"{at('o1')}?wait=30s"))
            await asyncio.sleep(0.2)
            server.stop.set()
            async with asyncio.timeout(5):
                assert (await held).json()["status"] == "running"
                assert await rest == []
                assert await all_rest == []
                await server.serving

    run(test)


def test_five_hundred_idle_streams_leave_the_others_their_speed(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server:
            idle = []
            request = b"GET /api/v1/runs/changes HTTP/1.1\r\nhost: localhost\r\n\r\n"
            for _ in range(500):
                reader, writer = await server.connect()
                writer.write(request)
                idle.append((reader, writer))
            async with server.client() as web:
                for number in range(20):
                    await start(web, f"o{number}")
                async with asyncio.timeout(20):
                    for reader, _ in idle:
                        await reader.readuntil(b'"run":"Refund/o')
            for _, writer in idle:
                writer.close()

    run(test)
