"""Contract, handlers and provider together, in one process: what becomes of an order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import opord
from opord.cli.errors import CliError
from opord.cli.handlers import as_the_handlers_know_it
from opord.examples.orders.desks import contract_file
from opord.examples.orders.handlers import OrderHandlers
from opord.examples.orders.order_fulfilment import Order, OrderFulfilment
from opord.examples.orders.provider import Behaviour
from opord.examples.orders.stage import HERE
from opord.loading import load_program, program_of
from tests.examples.services import Services, services


def an_order(total_cents: int = 500, customer: str = "ada") -> Order:
    return Order(
        id="o-1", customer=customer, total_cents=total_cents, lines=[], card_token=opord.Secret("pi_1")
    )


def with_desk(
    folder: Path, scenario: Callable[[opord.Engine, Services], Awaitable[None]], **orders: Behaviour
) -> None:
    async def play() -> None:
        async with services(folder, **orders) as there:
            handlers = OrderHandlers(client=there.http)
            store = f"sqlite:///{folder / 'orders.db'}"
            async with opord.Engine(store, [OrderFulfilment(handlers)]) as engine:
                await scenario(engine, there)

    asyncio.run(play())


def test_an_order_is_charged_told_of_and_delivered(tmp_path: Path) -> None:
    async def scenario(engine: opord.Engine, there: Services) -> None:
        run = await engine.start(OrderFulfilment, order=an_order())
        await run.as_("depot", role="warehouse").send.delivered(tracking="1Z-1")
        assert await run.result() == OrderFulfilment.Delivered(tracking="1Z-1")
        assert there.booked == [("charge", "o-1", 500)]
        assert there.provider.chat == ["order o-1 charged 500 cents"]

    with_desk(tmp_path, scenario)


@pytest.mark.parametrize(
    ("order", "meets", "reason"),
    [
        (an_order(), Behaviour(declines="lost_card"), "lost_card"),
        (an_order(customer="zed"), Behaviour(), "unknown customer zed"),
    ],
)
def test_an_order_that_cannot_be_charged_is_rejected_with_the_reason(
    tmp_path: Path, order: Order, meets: Behaviour, reason: str
) -> None:
    async def scenario(engine: opord.Engine, there: Services) -> None:
        run = await engine.start(OrderFulfilment, order=order)
        assert await run.result() == OrderFulfilment.Rejected(reason=reason)
        assert there.booked == []

    with_desk(tmp_path, scenario, o_1=meets)


def test_an_order_is_charged_once_though_the_provider_turned_it_away_before(tmp_path: Path) -> None:
    async def scenario(engine: opord.Engine, there: Services) -> None:
        run = await engine.start(OrderFulfilment, order=an_order())
        await run.as_("depot", role="warehouse").send.delivered(tracking="1Z-1")
        await run.result()
        assert there.booked == [("charge", "o-1", 500)]
        assert there.provider.requests["o-1"] == 3

    with_desk(tmp_path, scenario, o_1=Behaviour(first_answers=[429, 503]))


def test_a_worker_on_the_contracts_file_runs_the_module_that_its_handlers_import() -> None:
    from_file = load_program(contract_file())
    assert from_file.workflow is not OrderFulfilment
    assert as_the_handlers_know_it(from_file, OrderHandlers("http://x.example"), "order.opord") is program_of(
        OrderFulfilment
    )


def test_handlers_written_against_another_text_of_the_contract_are_refused() -> None:
    with pytest.raises(CliError, match="generated from another text of OrderFulfilment"):
        as_the_handlers_know_it(
            load_program(HERE / "order.opord"), OrderHandlers("http://x.example"), "order.opord"
        )
