"""Typed usage of a generated module, which must pass `mypy --strict` and pyright: what users write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar, assert_type

import opord
from opord.generated import RunHandle, Sent, Startable, Workflow
from opord.telemetry import Metrics, Monitor, TelemetryApp
from tests.codegen.golden.order_fulfilment import (
    Customer,
    CustomerError,
    Line,
    Order,
    OrderFulfilment,
    PaymentError,
    Receipt,
)

P = ParamSpec("P")
RunT = TypeVar("RunT", bound=RunHandle)


class Handlers(OrderFulfilment.Handlers):
    """Handlers of all kinds: plain and async, typed results and plain data."""

    def risk(self, order: Order, customer: Customer) -> float:
        return 0.9 if order.total_cents > 100_000 and not customer.vip else 0.1

    async def find_customer(self, id: str, *, call: opord.Call | None = None) -> Customer:
        if not id:
            raise CustomerError.Unknown()
        return Customer(id=id, vip=call is not None and call.attempt > 1)

    def find_charge(self, order_id: str) -> Receipt | None:
        return None

    async def charge_card(self, order: Order, *, call: opord.Call) -> Mapping[str, Any]:
        assert_type(order.card_token.reveal(), str)
        if order.total_cents > 1_000_000:
            raise PaymentError.Declined(reason="too much")
        assert_type(call.traceparent, str)
        return {"charge_id": call.key, "charged_at": datetime.now(UTC)}

    def refund_card(self, receipt: Receipt, *, call: opord.Call) -> None:
        assert_type(receipt.charged_at, datetime)

    async def post_slack(self, text: str, *, call: opord.Call) -> None:
        assert_type(call.run_id, str)


def told(error: PaymentError) -> str:
    match error:
        case PaymentError.Declined(reason=reason):
            return reason
        case _:
            return "later"


async def start(contract: Startable[P, RunT], /, *args: P.args, **kwargs: P.kwargs) -> RunT:
    """Start a run as `Engine.start` does."""
    raise NotImplementedError(contract, args, kwargs)


async def use() -> None:
    workflow: Workflow = OrderFulfilment(Handlers())
    assert_type(workflow.handlers, Any)
    order = Order(
        id="o-1",
        customer="c-1",
        total_cents=1999,
        lines=[Line(sku="cup", quantity=1)],
        card_token=opord.Secret("tok_visa"),
    )
    run = await start(OrderFulfilment, order=order)
    assert_type(run, OrderFulfilment.Run)
    assert_type(await run.send.cancel(reason="changed my mind"), Sent)
    await run.as_("ann", role="manager").send.approve(note="ok")
    metrics = Metrics()
    async with opord.Engine("sqlite:///runs.db", [workflow], labels=["gpu"], observer=metrics) as engine:
        page = TelemetryApp(Monitor(engine, metrics))
        page.stop()
        assert_type(await engine.start(OrderFulfilment, order=order), OrderFulfilment.Run)
        prepared = OrderFulfilment.prepare(order=order)
        assert_type(await engine.start(prepared, priority=5, label="gpu"), OrderFulfilment.Run)
    final = await run.result()
    match final:
        case OrderFulfilment.Delivered(tracking=tracking):
            assert_type(tracking, str)
        case OrderFulfilment.Rejected(reason=reason) | OrderFulfilment.Cancelled(reason=reason):
            assert_type(reason, str)
        case OrderFulfilment.Refunded() | OrderFulfilment.Expired():
            pass
    try:
        raise PaymentError.Declined(reason="no funds")
    except PaymentError.Declined as declined:
        assert_type(declined.reason, str)
    except PaymentError as error:
        told(error)
