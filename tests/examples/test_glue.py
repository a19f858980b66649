"""The glue code does what its author meant it to do: it is no straw man."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from opord.examples.orders import glue
from opord.examples.orders.provider import Behaviour, read_script
from opord.examples.orders.stage import WEBHOOKS
from opord.examples.orders.stripe_events import sign
from tests.examples.services import Services, services

SECRET = "whsec_test"


class Desk:
    """The glue's app before the services of a test."""

    def __init__(self, folder: Path, there: Services) -> None:
        self.shop = glue.Shop(str(folder / "glue.db"), "http://services.example", SECRET)
        self.shop.http = there.http
        transport = httpx.ASGITransport(glue.create_app(self.shop))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://shop.example")

    async def deliver(self, file: str) -> int:
        payload = (WEBHOOKS / file).read_bytes()
        answer = await self.http.post(
            "/webhook", content=payload, headers={"Stripe-Signature": sign(payload, SECRET)}
        )
        return answer.status_code

    async def status(self, order_id: str) -> str:
        """Where an order is once nothing is under way."""
        while self.shop.tasks:
            await asyncio.gather(*self.shop.tasks)
        status: str = (await self.http.get(f"/orders/{order_id}")).json()["status"]
        return status


def open_services(there: Services) -> None:
    """Let the services know the customers of the webhooks."""
    there.provider.script.customers.update(read_script().customers)


def test_the_same_webhook_five_times_is_one_charge(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            open_services(there)
            desk = Desk(tmp_path, there)
            await asyncio.gather(*(desk.deliver("ord_1002.json") for _ in range(5)))
            assert await desk.status("ord_1002") == "shipping"
            assert there.booked == [("charge", "ord_1002", 3195)]

    asyncio.run(scenario())


def test_errors_that_pass_are_retried_under_one_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            open_services(there)
            there.provider.script.orders["ord_1002"] = Behaviour(first_answers=[503, 429])
            desk = Desk(tmp_path, there)
            await desk.deliver("ord_1002.json")
            assert await desk.status("ord_1002") == "shipping"
            assert there.booked == [("charge", "ord_1002", 3195)]

    asyncio.run(scenario())


def test_a_big_order_waits_for_approval(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            open_services(there)
            desk = Desk(tmp_path, there)
            await desk.deliver("ord_1007_big.json")
            assert await desk.status("ord_1007") == "review"
            await desk.http.post("/orders/ord_1007/approve")
            assert await desk.status("ord_1007") == "shipping"

    asyncio.run(scenario())


def test_malformed_webhooks_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            desk = Desk(tmp_path, there)
            files = sorted(path.name for path in WEBHOOKS.glob("malformed_*.json"))
            assert {await desk.deliver(file) for file in files} == {400}

    asyncio.run(scenario())


def test_unfinished_orders_are_taken_up_again_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with services(tmp_path) as there:
            open_services(there)
            before = Desk(tmp_path, there)
            before.shop.spawn = lambda order_id: None  # type: ignore[method-assign]  # it dies before it begins
            await before.deliver("ord_1002.json")
            after = Desk(tmp_path, there)
            after.shop.resume()
            assert await after.status("ord_1002") == "shipping"
            assert there.booked == [("charge", "ord_1002", 3195)]

    asyncio.run(scenario())
