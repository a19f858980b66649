"""The shop answers a webhook with a 2xx once the start of its run is on disk, and says why when it does not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.drive.errors import RunUnknown
from opord.examples.orders.app import create_app
from opord.examples.orders.order_fulfilment import OrderFulfilment
from opord.examples.orders.stage import WEBHOOKS
from opord.examples.orders.stripe_events import SIGNATURE_AGE_S, sign

SECRET = "whsec_test"


class Shop:
    """The app over its own engine, as a sender of webhooks sees it."""

    def __init__(self, engine: opord.Engine, http: httpx.AsyncClient) -> None:
        self.engine = engine
        self.http = http

    async def deliver(self, payload: bytes, *, signature: str | None = None) -> tuple[int, dict[str, Any]]:
        signed = sign(payload, SECRET) if signature is None else signature
        answer = await self.http.post("/webhook", content=payload, headers={"Stripe-Signature": signed})
        return answer.status_code, answer.json()

    async def refused(self, payload: bytes, *, signature: str | None = None) -> tuple[int, str]:
        status, said = await self.deliver(payload, signature=signature)
        return status, said["error"]["message"]

    async def runs(self) -> list[str]:
        """The orders that have a run, of those that the tests speak of."""
        found = []
        for order in ("ord_1001", "ord_1002", "ord_1011", "ord_1012", "ord_1013", "ord_1014"):
            answer = await self.http.get(f"/orders/{order}")
            if answer.status_code == 200:
                found.append(order)
        return found


def with_shop(folder: Path, scenario: Callable[[Shop], Awaitable[None]]) -> None:
    async def play() -> None:
        async with opord.Engine(store_in(folder), [OrderFulfilment]) as engine:
            transport = httpx.ASGITransport(create_app(engine, SECRET))
            async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as http:
                await scenario(Shop(engine, http))

    asyncio.run(play())


def store_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'orders.db'}"


def webhook(file: str) -> bytes:
    return (WEBHOOKS / file).read_bytes()


def changed(**members: Any) -> bytes:
    """The event of ord_1001 with other members in its checkout."""
    event = json.loads(webhook("ord_1001.json"))
    event["data"]["object"] |= members
    return json.dumps(event).encode()


def test_a_finished_checkout_starts_a_run_that_another_process_finds(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        assert await shop.deliver(webhook("ord_1001.json")) == (200, {"run": "OrderFulfilment/ord_1001"})
        async with opord.Engine(store_in(tmp_path)) as another:
            assert (await another.run_status("OrderFulfilment/ord_1001"))["state"] == "Received"

    with_shop(tmp_path, scenario)


def test_the_same_webhook_five_times_at_once_is_one_run(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        answers = await asyncio.gather(*(shop.deliver(webhook("ord_1001.json")) for _ in range(5)))
        assert answers == [(200, {"run": "OrderFulfilment/ord_1001"})] * 5
        records = await shop.engine.run_history("OrderFulfilment/ord_1001")
        assert [record["kind"] for record in records] == ["started"]

    with_shop(tmp_path, scenario)


def test_another_event_of_the_same_order_is_the_same_run(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        first = await shop.deliver(webhook("ord_1001.json"))
        assert await shop.deliver(webhook("ord_1001_again_late.json")) == first

    with_shop(tmp_path, scenario)


def test_the_same_order_with_another_amount_is_a_conflict_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.deliver(webhook("ord_1002.json"))
        before = await shop.engine.run_history("OrderFulfilment/ord_1002")
        status, reason = await shop.refused(webhook("ord_1002_other_amount.json"))
        assert status == 409
        assert "OrderFulfilment/ord_1002 was started before with another input" in reason
        assert await shop.engine.run_history("OrderFulfilment/ord_1002") == before

    with_shop(tmp_path, scenario)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("malformed_cut_short.json", "not JSON"),
        ("malformed_without_order.json", "the checkout has no client_reference_id"),
        ("malformed_amount_as_text.json", "$.data.object.amount_total"),
        ("malformed_cart.json", "sku:quantity"),
    ],
)
def test_a_malformed_webhook_is_refused_with_the_reason(tmp_path: Path, file: str, reason: str) -> None:
    async def scenario(shop: Shop) -> None:
        status, said = await shop.refused(webhook(file))
        assert status == 400
        assert reason in said
        assert await shop.runs() == []

    with_shop(tmp_path, scenario)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"customer": None}, "no customer"),
        ({"payment_intent": ""}, "no payment_intent"),
        ({"amount_total": 0}, "amount_total above 0"),
        ({"amount_total": 2**63}, "order.total_cents"),
        ({"currency": "jpy"}, "a checkout in usd"),
        ({"metadata": {}}, "no metadata.cart"),
        ({"metadata": {"cart": "mug:0"}}, "sku:quantity"),
        ({"metadata": {"cart": "mug:1,"}}, "sku:quantity"),
        ({"client_reference_id": "ord\x00"}, "order.id"),
        ({"customer": ["cus_1"]}, "$.data.object.customer"),
    ],
)
def test_what_an_order_needs_is_asked_for_by_name(
    tmp_path: Path, members: dict[str, Any], reason: str
) -> None:
    async def scenario(shop: Shop) -> None:
        status, said = await shop.refused(changed(**members))
        assert status == 400
        assert reason in said

    with_shop(tmp_path, scenario)


def test_events_of_other_types_are_accepted_and_ignored(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        status, said = await shop.deliver(webhook("other_payment_intent_created.json"))
        assert (status, said) == (200, {"ignored": "payment_intent.created"})

    with_shop(tmp_path, scenario)


@pytest.mark.parametrize(
    ("signed_by", "age_s", "of", "reason"),
    [
        ("whsec_other", 0, "ord_1001.json", "does not fit the payload"),
        (SECRET, 0, "ord_1002.json", "does not fit the payload"),
        (SECRET, SIGNATURE_AGE_S + 60, "ord_1001.json", "too old"),
    ],
)
def test_only_the_sender_is_believed(
    tmp_path: Path, signed_by: str, age_s: int, of: str, reason: str
) -> None:
    async def scenario(shop: Shop) -> None:
        signature = sign(webhook(of), signed_by, now=time.time() - age_s)
        status, said = await shop.refused(webhook("ord_1001.json"), signature=signature)
        assert status == 400
        assert reason in said
        assert await shop.runs() == []

    with_shop(tmp_path, scenario)


@pytest.mark.parametrize("header", ["", "t=now,v1=abc", "v1=abc", "t=1767607500"])
def test_without_a_signature_nothing_is_read(tmp_path: Path, header: str) -> None:
    async def scenario(shop: Shop) -> None:
        status, said = await shop.refused(webhook("ord_1001.json"), signature=header)
        assert status == 400
        assert "expected the header Stripe-Signature" in said

    with_shop(tmp_path, scenario)


def test_an_order_can_be_asked_for_and_its_card_is_not_shown(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.deliver(webhook("ord_1001.json"))
        answer = await shop.http.get("/orders/ord_1001")
        assert answer.json()["run"] == "OrderFulfilment/ord_1001"
        assert json.loads(webhook("ord_1001.json"))["data"]["object"]["payment_intent"] not in answer.text
        assert (await shop.http.get("/orders/ord_9999")).status_code == 404

    with_shop(tmp_path, scenario)


def test_a_parcel_that_arrives_before_its_order_was_shipped_is_kept_once(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.deliver(webhook("ord_1001.json"))
        parcel = {"tracking": "1Z-1"}
        first = await shop.http.post("/orders/ord_1001/delivered", json=parcel)
        again = await shop.http.post("/orders/ord_1001/delivered", json=parcel)
        assert (first.status_code, first.json()["status"]) == (200, "stored")
        assert (again.status_code, again.json()["status"]) == (200, "repeated")

    with_shop(tmp_path, scenario)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/orders/ord_9999/delivered", b'{"tracking": "1Z-1"}', 404),
        ("/orders/ord_1001/delivered", b'{"tracking": 1}', 400),
        ("/orders/ord_1001/delivered", b"{", 400),
    ],
)
def test_what_the_warehouse_says_is_checked_too(tmp_path: Path, path: str, body: bytes, status: int) -> None:
    async def scenario(shop: Shop) -> None:
        await shop.deliver(webhook("ord_1001.json"))
        assert (await shop.http.post(path, content=body)).status_code == status

    with_shop(tmp_path, scenario)


def test_an_order_that_nobody_placed_has_no_run(tmp_path: Path) -> None:
    async def scenario(shop: Shop) -> None:
        with pytest.raises(RunUnknown):
            await shop.engine.run_status("OrderFulfilment/ord_9999")

    with_shop(tmp_path, scenario)
