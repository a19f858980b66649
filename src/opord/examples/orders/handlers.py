"""The code of the contract's calls: HTTP to the card provider, the customer service and the chat.

A handler reports what happened in the contract's own words. It does not guess: a lost answer is
raised unchanged, and the contract decides what to do about the doubt.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import httpx

import opord
from opord.examples.orders.order_fulfilment import (
    Customer,
    CustomerError,
    Order,
    OrderFulfilment,
    PaymentError,
    Receipt,
)

LARGE_ORDER_CENTS = 200_000
"""An order of this amount or more has the highest risk."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What httpx raises before a byte is sent: the request certainly did not take effect."""


class OrderHandlers(OrderFulfilment.Handlers):
    """Handlers for the services at one address."""

    def __init__(self, services_url: str | None = None, client: httpx.AsyncClient | None = None) -> None:
        url = services_url or os.environ.get("SERVICES_URL", "http://127.0.0.1:8401")
        # The contract's timeouts decide how long a call may take. No timeout is set below them.
        self._http = client or httpx.AsyncClient(base_url=url, timeout=None)  # noqa: S113

    def risk(self, order: Order, customer: Customer) -> float:
        """Rate an order by its amount, from 0.0 to 1.0.

        How well the customer is known is decided in the contract.
        """
        return min(order.total_cents / LARGE_ORDER_CENTS, 1.0)

    async def find_customer(self, id: str) -> Customer:
        """Ask the customer service."""
        answer = await self._http.get(f"/customers/{id}")
        if answer.status_code == 404:
            raise CustomerError.Unknown
        answer.raise_for_status()
        return Customer(id=answer.json()["id"], vip=answer.json()["vip"])

    async def find_charge(self, order_id: str) -> Receipt | None:
        """Ask the provider whether an order has been charged."""
        answer = await self._http.get("/charges", params={"order_id": order_id})
        answer.raise_for_status()
        charges = answer.json()["charges"]
        return _receipt(charges[0]) if charges else None

    async def charge_card(self, order: Order, *, call: opord.Call) -> Receipt:
        """Charge the card; the provider treats two requests with one key as one."""
        request = {
            "order_id": order.id,
            "amount_cents": order.total_cents,
            "card": order.card_token.reveal(),
        }
        try:
            answer = await self._http.post("/charges", json=request, headers={"Idempotency-Key": call.key})
        except NEVER_SENT:
            raise PaymentError.Unavailable from None
        if answer.status_code == 402:
            raise PaymentError.Declined(reason=answer.json()["error"]["message"])
        if answer.status_code == 429:
            raise PaymentError.RateLimited
        if answer.status_code == 503:
            raise PaymentError.Unavailable
        answer.raise_for_status()
        return _receipt(answer.json())

    async def refund_card(self, receipt: Receipt, *, call: opord.Call) -> None:
        """Refund the charge."""
        answer = await self._http.post(
            "/refunds", json={"charge_id": receipt.charge_id}, headers={"Idempotency-Key": call.key}
        )
        answer.raise_for_status()

    async def post_slack(self, text: str, *, call: opord.Call) -> None:
        """Post a message in the shop's channel."""
        answer = await self._http.post("/chat/messages", json={"text": text})
        answer.raise_for_status()


def _receipt(charge: dict[str, Any]) -> Receipt:
    return Receipt(charge_id=charge["charge_id"], charged_at=datetime.fromisoformat(charge["charged_at"]))
