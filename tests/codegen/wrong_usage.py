"""Wrong usage for type checkers: each line marked `wrong` must be reported, and no other line."""

from __future__ import annotations

import opord
from opord.generated import RunHandle, Startable
from tests.codegen.golden.order_fulfilment import (
    Customer,
    Line,
    Order,
    OrderFulfilment,
    PaymentError,
    Receipt,
)
from tests.typing.api import start


class Incomplete(OrderFulfilment.Handlers):
    def risk(self, order: Order, customer: Customer) -> str:  # wrong: the result
        return "high"

    async def find_customer(self, id: str) -> str:  # wrong: neither a Customer nor plain data
        return id

    def find_charge(self, order_id: str) -> Receipt | None:
        return None

    def refund_card(self, receipt: Receipt) -> None:  # wrong: no `call`
        return None

    def post_slack(self, text: str, *, call: opord.Call) -> None:
        return None


async def use(order: Order, run: OrderFulfilment.Run, contract: Startable[[], RunHandle]) -> None:
    OrderFulfilment(Incomplete())  # wrong: charge_card is missing
    OrderFulfilment(object())  # wrong: no handlers
    await start(OrderFulfilment)  # wrong: no order
    await start(OrderFulfilment, order="o-1")  # wrong: a text is not an order
    await run.send.approve()  # wrong: no note
    await run.send.approve(note=1)  # wrong: a number is not a note
    await run.send.aprove(note="ok")  # wrong: no such event
    PaymentError.Declined(reason=7)  # wrong: a number is not a reason
    PaymentError.Declined(reason="x").reason = "y"  # wrong: read-only
    Line(sku="cup", quantity="two")  # wrong: a text is not a quantity
    order.total_cents = 0  # wrong: frozen
    OrderFulfilment.Delivered()  # wrong: no tracking
    print(order.card_token + "x")  # wrong: a secret is not a text
