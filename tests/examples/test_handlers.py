"""A handler says what happened in the contract's words, and leaves alone what it cannot say for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import opord
from opord.examples.orders.handlers import OrderHandlers
from opord.examples.orders.order_fulfilment import Customer, CustomerError, Order, PaymentError, Receipt
from opord.examples.orders.provider import Behaviour
from tests.examples.services import Services, services

ORDER = Order(id="o-1", customer="ada", total_cents=500, lines=[], card_token=opord.Secret("pi_1"))
CALL = opord.Call(
    key="o-1", attempt=1, deadline=datetime(2026, 3, 2, 9, 1, tzinfo=UTC), run_id="OrderFulfilment/o-1"
)


def with_services(
    folder: Path, scenario: Callable[[OrderHandlers, Services], Awaitable[None]], **orders: Behaviour
) -> None:
    async def play() -> None:
        async with services(folder, **orders) as there:
            await scenario(OrderHandlers(client=there.http), there)

    asyncio.run(play())


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> OrderHandlers:
    """Handlers whose services answer as `answer` says."""
    transport = httpx.MockTransport(answer)
    return OrderHandlers(client=httpx.AsyncClient(transport=transport, base_url="http://services.example"))


def test_a_charge_gives_its_receipt_and_the_key_makes_it_one(tmp_path: Path) -> None:
    async def scenario(handlers: OrderHandlers, there: Services) -> None:
        first = await handlers.charge_card(ORDER, call=CALL)
        again = await handlers.charge_card(ORDER, call=CALL)
        assert first == again == Receipt(charge_id="ch_000001", charged_at=there.clock())
        assert there.booked == [("charge", "o-1", 500)]

    with_services(tmp_path, scenario)


@pytest.mark.parametrize(
    ("meets", "failure"),
    [
        (Behaviour(declines="lost_card"), PaymentError.Declined(reason="lost_card")),
        (Behaviour(first_answers=[429]), PaymentError.RateLimited()),
        (Behaviour(first_answers=[503]), PaymentError.Unavailable()),
    ],
)
def test_a_charge_that_was_not_made_is_a_declared_failure(
    tmp_path: Path, meets: Behaviour, failure: PaymentError
) -> None:
    async def scenario(handlers: OrderHandlers, there: Services) -> None:
        with pytest.raises(PaymentError) as raised:
            await handlers.charge_card(ORDER, call=CALL)
        assert (raised.value, there.booked) == (failure, [])

    with_services(tmp_path, scenario, o_1=meets)


def test_a_request_that_never_left_is_a_declared_failure() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(PaymentError.Unavailable):
        asyncio.run(answering(refuse).charge_card(ORDER, call=CALL))


@pytest.mark.parametrize("lost", [httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError])
def test_a_lost_answer_is_nothing_that_a_handler_could_name(lost: type[httpx.TransportError]) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise lost("lost", request=request)

    with pytest.raises(lost):
        asyncio.run(answering(lose).charge_card(ORDER, call=CALL))


@pytest.mark.parametrize("status", [400, 422, 500, 502])
def test_an_answer_that_nobody_expects_is_nothing_that_a_handler_could_name(status: int) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        asyncio.run(answering(lambda _: httpx.Response(status)).charge_card(ORDER, call=CALL))


def test_whether_an_order_was_charged_is_asked_at_the_provider(tmp_path: Path) -> None:
    async def scenario(handlers: OrderHandlers, there: Services) -> None:
        assert await handlers.find_charge("o-1") is None
        receipt = await handlers.charge_card(ORDER, call=CALL)
        assert await handlers.find_charge("o-1") == receipt

    with_services(tmp_path, scenario)


def test_a_refund_gives_the_charge_back_once(tmp_path: Path) -> None:
    async def scenario(handlers: OrderHandlers, there: Services) -> None:
        receipt = await handlers.charge_card(ORDER, call=CALL)
        for _ in range(2):
            await handlers.refund_card(receipt, call=CALL)
        assert there.booked == [("charge", "o-1", 500), ("refund", "o-1", 500)]

    with_services(tmp_path, scenario)


def test_customers_are_known_or_unknown(tmp_path: Path) -> None:
    async def scenario(handlers: OrderHandlers, there: Services) -> None:
        assert await handlers.find_customer("ada") == Customer(id="ada", vip=True)
        with pytest.raises(CustomerError.Unknown):
            await handlers.find_customer("zed")

    with_services(tmp_path, scenario)


def test_the_chat_gets_the_text(tmp_path: Path) -> None:
    async def scenario(handlers: OrderHandlers, there: Services) -> None:
        await handlers.post_slack("order o-1 charged", call=CALL)
        assert there.provider.chat == ["order o-1 charged"]

    with_services(tmp_path, scenario)


@pytest.mark.parametrize(("total_cents", "risk"), [(0, 0.0), (160_000, 0.8), (200_000, 1.0), (900_000, 1.0)])
def test_risk_grows_with_the_amount_up_to_one(total_cents: int, risk: float) -> None:
    order = Order(
        id="o-1", customer="ada", total_cents=total_cents, lines=[], card_token=opord.Secret("pi_1")
    )
    assert answering(lambda _: httpx.Response(500)).risk(order, Customer(id="ada", vip=False)) == risk
