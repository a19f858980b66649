"""`?wait=`: an answer is held until the run rests, or has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.server import HttpApi, HttpLimits
from tests.server.kit import Bank, at, client_of, run, served


def test_a_start_waits_until_the_run_rests(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            started = await api.web.post("/contracts/Refund/runs?wait=10s", json={"order": "o1", "cents": 1})
            view = started.json()
            assert (started.status_code, view["created"], view["status"]) == (201, True, "waiting")
            assert started.headers["etag"] == (await api.web.get(at("o1"))).headers["etag"]
            again = await api.web.post("/contracts/Refund/runs?wait=10s", json={"order": "o1", "cents": 1})
            assert (again.status_code, again.json()["created"]) == (200, False)

    run(test)


def test_an_event_waits_for_the_end_that_it_leads_to(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            sent = await api.web.post(f"{at('o1')}/events/approve?wait=10s", json={"note": "ok"})
            view = sent.json()
            assert (view["event"], view["reception"]) == ("approve", "taken")
            assert (view["status"], view["state"], view["data"]) == ("ended", "Paid", {"number": "t-o1"})

    run(test)


def test_a_doubt_ends_the_wait_as_well(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("lost")
            sent = await api.web.post(f"{at('lost')}/events/approve?wait=20s", json={"note": "ok"})
            assert sent.json()["status"] == "in_doubt"

    run(test)


def test_a_run_that_does_not_rest_is_shown_when_the_time_is_over(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            await api.send("o1", "approve", note="ok")
            shown = await api.web.get(f"{at('o1')}?wait=50ms")
            assert shown.json()["status"] == "running"

    run(test)


def test_a_client_that_knows_a_run_is_told_of_the_next_change(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            tag = (await api.web.get(at("o1"))).headers["etag"]
            same = await api.web.get(f"{at('o1')}?wait=50ms", headers={"if-none-match": tag})
            assert same.status_code == 304
            asked = asyncio.create_task(api.web.get(f"{at('o1')}?wait=20s", headers={"if-none-match": tag}))
            await asyncio.sleep(0.1)
            assert not asked.done()
            await api.send("o1", "remark", text="hello")
            changed = await asked
            assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)

    run(test)


@pytest.mark.parametrize("wait", ["10", "-1s", "61s", "1d", "soon", "", "1s&wait=2s"])
def test_a_wait_that_is_none_is_told(refund: Any, wait: str) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            answer = await api.web.get(f"{at('o1')}?wait={wait}")
            assert (answer.status_code, answer.json()["code"]) == (400, "query_invalid")
            refused = await api.web.post(
                f"/contracts/Refund/runs?wait={wait}", json={"order": "o2", "cents": 1}
            )
            assert refused.status_code == 400
            assert (await api.web.get(at("o2"))).status_code == 404

    run(test)


def test_a_wait_may_be_longer_than_a_store_may_take(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, limits=HttpLimits(answer_s=0.05, body_s=0.05)) as api:
            await api.start("o1")
            await api.send("o1", "approve", note="ok")
            assert (await api.web.get(f"{at('o1')}?wait=300ms")).status_code == 200

    run(test)


def test_another_process_ends_the_wait(refund: Any, tmp_path: Path) -> None:
    async def test() -> None:
        store = f"sqlite:///{tmp_path}/r.db"
        web_side, worker = opord.Engine(store, [refund]), opord.Engine(store, [refund(Bank())])
        async with web_side, worker, client_of(HttpApi(web_side)) as web:
            await web.post("/contracts/Refund/runs", json={"order": "o1", "cents": 1})
            sent = await web.post(f"{at('o1')}/events/approve?wait=20s", json={"note": "ok"})
            assert sent.json()["state"] == "Paid"

    run(test)


def test_many_wait_at_once_for_one_run_and_for_many(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            orders = [f"o{number}" for number in range(40)]
            await asyncio.gather(*(api.start(order) for order in orders))
            asked = [
                asyncio.create_task(api.web.post(f"{at(order)}/events/approve?wait=20s", json={"note": "ok"}))
                for order in orders
            ]
            answers: list[httpx.Response] = await asyncio.gather(*asked)
            assert {one.json()["state"] for one in answers} == {"Paid"}

    run(test)
