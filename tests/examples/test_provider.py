"""The provider is as good and as bad as its script says, and its ledger tells the truth."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from opord.examples.orders.ledger import read_ledger
from opord.examples.orders.plot import Provider
from opord.examples.orders.provider import Behaviour, read_script
from opord.examples.orders.stage import free_port, open_stage
from tests.examples.services import services


def test_one_key_is_one_charge_however_often_and_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            answers = await asyncio.gather(*(there.charge(key="o-1") for _ in range(5)))
            assert {answer.json()["charge_id"] for answer in answers} == {"ch_000001"}
            assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
            assert there.booked == [("charge", "o-1", 500)]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("later", "charges"),
    [
        (timedelta(hours=23, minutes=59), 1),
        (timedelta(hours=24), 2),
    ],
)
def test_a_key_is_remembered_for_a_day(tmp_path: Path, later: timedelta, charges: int) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            await there.charge(key="o-1")
            there.clock.move(later)
            await there.charge(key="o-1")
            assert len(there.booked) == charges

    asyncio.run(scenario())


def test_a_key_outlives_the_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            await there.charge(key="o-1")
        async with services(tmp_path) as there:
            assert (await there.charge(key="o-1")).headers["idempotent-replayed"] == "true"
            assert len(there.booked) == 1

    asyncio.run(scenario())


def test_without_a_key_every_request_is_a_charge(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            await there.charge()
            await there.charge()
            assert len(there.booked) == 2

    asyncio.run(scenario())


def test_a_key_used_for_another_charge_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            await there.charge(amount_cents=500, key="o-1")
            answer = await there.charge(amount_cents=700, key="o-1")
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "key_reused")
            assert there.booked == [("charge", "o-1", 500)]

    asyncio.run(scenario())


def test_the_script_says_which_requests_are_turned_away_and_nothing_is_booked_for_them(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with services(tmp_path, o_1=Behaviour(first_answers=[429, 503])) as there:
            statuses = [(await there.charge(key="o-1")).status_code for _ in range(3)]
            assert (statuses, len(there.booked)) == ([429, 503, 201], 1)

    asyncio.run(scenario())


def test_a_declined_card_is_declined_each_time_with_the_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path, o_1=Behaviour(declines="lost_card")) as there:
            for _ in range(2):
                answer = await there.charge(key="o-1")
                assert (answer.status_code, answer.json()["error"]["message"]) == (402, "lost_card")
            assert there.booked == []

    asyncio.run(scenario())


def test_a_charge_is_listed_only_after_its_delay(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path, o_1=Behaviour(settles_after_ms=600)) as there:
            await there.charge(key="o-1")
            assert await there.listed() == []
            there.clock.move(timedelta(milliseconds=600))
            assert await there.listed() == ["ch_000001"]

    asyncio.run(scenario())


def test_a_charge_is_given_back_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            charge_id = (await there.charge()).json()["charge_id"]
            statuses = [
                (await there.refund(charge_id, key="r-1")).status_code,
                (await there.refund(charge_id, key="r-1")).status_code,
                (await there.refund(charge_id, key="r-2")).status_code,
                (await there.refund("ch_999", key="r-3")).status_code,
            ]
            assert statuses == [201, 201, 409, 404]
            assert there.booked == [("charge", "o-1", 500), ("refund", "o-1", 500)]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"order_id": 1}', b'{"order_id": "o", "amount_cents": 0, "card": "c"}']
)
def test_what_is_no_charge_is_refused(tmp_path: Path, body: bytes) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            assert (await there.http.post("/charges", content=body)).status_code == 400
            assert there.booked == []

    asyncio.run(scenario())


def test_as_a_process_it_books_before_it_answers_and_can_lose_the_answer(tmp_path: Path) -> None:
    lost = next(order for order, meets in read_script().orders.items() if meets.drops_answer)

    async def scenario() -> None:
        port = free_port()
        async with open_stage(tmp_path / "stage", {}) as stage:
            provider = Provider(stage, port)
            await provider.open()
            async with httpx.AsyncClient(base_url=provider.url) as http:
                request = {"order_id": lost, "amount_cents": 500, "card": "pi_1"}
                with pytest.raises(httpx.RemoteProtocolError):
                    await http.post("/charges", json=request, headers={"Idempotency-Key": lost})
                assert [entry.order_id for entry in read_ledger(provider.path)] == [lost]
                again = await http.post("/charges", json=request, headers={"Idempotency-Key": lost})
                assert again.json()["charge_id"] == "ch_000001"
            assert len(provider.ledger()) == 1

    asyncio.run(scenario())
