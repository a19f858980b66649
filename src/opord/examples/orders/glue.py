"""The same job without Opord: a webhook, a status column, background tasks and a retry loop.

It is what a careful developer writes in an afternoon. An order is taken once, whatever the sender
repeats. A call is repeated with backoff under one idempotency key. After a restart the unfinished
orders are resumed.

    python -m opord.examples.orders.glue --port 8402 --database glue.db
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opord.examples.orders.stripe_events import BadEvent, construct_event, parse_cart

log: logging.Logger = logging.getLogger("shop")

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
  id            TEXT PRIMARY KEY,
  customer      TEXT NOT NULL,
  total_cents   INTEGER NOT NULL,
  cart          TEXT NOT NULL,
  card          TEXT NOT NULL,
  status        TEXT NOT NULL,
  note          TEXT,
  charge_id     TEXT,
  created_at    TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""

UNFINISHED = ("received", "approved", "charging")
ATTEMPTS = 6
TIMEOUT_S = 8.0
LARGE_ORDER_CENTS = 160_000


class CardDeclined(Exception):
    pass


class ProviderDown(Exception):
    pass


class Shop:
    def __init__(self, database: str, services_url: str, signing_secret: str) -> None:
        self.db: sqlite3.Connection = sqlite3.connect(database, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute(SCHEMA)
        self.http: httpx.AsyncClient = httpx.AsyncClient(base_url=services_url, timeout=TIMEOUT_S)
        self.signing_secret = signing_secret
        self.tasks: set[asyncio.Task[None]] = set()

    # --- endpoints ---

    async def webhook(self, request: Request) -> Response:
        try:
            event = construct_event(
                await request.body(), request.headers.get("stripe-signature", ""), self.signing_secret
            )
            if event.type != "checkout.session.completed":
                return JSONResponse({"ignored": event.type})
            session = event.session()
            cart = session.metadata.get("cart", "")
            parse_cart(cart)
        except BadEvent as error:
            return JSONResponse({"error": str(error)}, 400)
        order_id = session.client_reference_id
        if not (order_id and session.customer and session.amount_total and session.payment_intent):
            return JSONResponse({"error": "the checkout is not complete"}, 400)
        inserted = self.db.execute(
            "INSERT INTO orders (id, customer, total_cents, cart, card, status)"
            " VALUES (?, ?, ?, ?, ?, 'received') ON CONFLICT (id) DO NOTHING",
            (order_id, session.customer, session.amount_total, cart, session.payment_intent),
        )
        if inserted.rowcount:
            self.spawn(order_id)
        return JSONResponse({"order": order_id})

    async def order(self, request: Request) -> Response:
        order = self.load(request.path_params["order_id"])
        if order is None:
            return JSONResponse({"error": "no such order"}, 404)
        return JSONResponse({name: order[name] for name in ("id", "status", "note", "charge_id")})

    async def approve(self, request: Request) -> Response:
        order_id = request.path_params["order_id"]
        if not self.move(order_id, "review", "approved"):
            return JSONResponse({"error": "not waiting for approval"}, 409)
        self.spawn(order_id)
        return JSONResponse({"order": order_id})

    async def reject(self, request: Request) -> Response:
        if not self.move(request.path_params["order_id"], "review", "rejected", note="by the manager"):
            return JSONResponse({"error": "not waiting for approval"}, 409)
        return JSONResponse({"order": request.path_params["order_id"]})

    async def delivered(self, request: Request) -> Response:
        if not self.move(request.path_params["order_id"], "shipping", "delivered"):
            return JSONResponse({"error": "not shipped"}, 409)
        return JSONResponse({"order": request.path_params["order_id"]})

    # --- processing ---

    def spawn(self, order_id: str) -> None:
        task = asyncio.create_task(self.process(order_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def resume(self) -> None:
        """Resume what was unfinished when the process stopped."""
        marks = ", ".join("?" * len(UNFINISHED))
        query = f"SELECT id FROM orders WHERE status IN ({marks})"  # noqa: S608
        for row in self.db.execute(query, UNFINISHED).fetchall():
            log.info("taking up order %s again", row["id"])
            self.spawn(row["id"])

    async def process(self, order_id: str) -> None:
        try:
            await self.advance(order_id)
        except CardDeclined as error:
            self.update(order_id, "rejected", note=str(error))
        except ProviderDown:
            self.update(order_id, "rejected", note="payment provider unavailable")
        except Exception:
            log.exception("order %s failed", order_id)
            self.update(order_id, "failed")

    async def advance(self, order_id: str) -> None:
        order = self.load(order_id)
        assert order is not None
        if order["status"] == "received":
            answer = await self.http.get(f"/customers/{order['customer']}")
            if answer.status_code == 404:
                self.update(order_id, "rejected", note=f"unknown customer {order['customer']}")
                return
            answer.raise_for_status()
            if order["total_cents"] > LARGE_ORDER_CENTS and not answer.json()["vip"]:
                self.update(order_id, "review")
                return
        self.update(order_id, "charging")
        charge_id = await self.charge(order)
        self.update(order_id, "shipping", charge_id=charge_id)
        try:
            text = f"order {order_id} charged {order['total_cents']} cents"
            await self.http.post("/chat/messages", json={"text": text})
        except httpx.HTTPError:
            log.warning("could not post about order %s", order_id)

    async def charge(self, order: sqlite3.Row) -> str:
        # One key for all attempts, so that repeating a request whose answer was lost does not
        # charge twice.
        key = str(uuid.uuid4())
        request = {"order_id": order["id"], "amount_cents": order["total_cents"], "card": order["card"]}
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(random.uniform(0, min(1.0, 0.1 * 2**attempt)))
            try:
                answer = await self.http.post("/charges", json=request, headers={"Idempotency-Key": key})
            except httpx.TransportError as error:
                log.warning("charging order %s: %r, trying again", order["id"], error)
                continue
            if answer.status_code == 402:
                raise CardDeclined(answer.json()["error"]["message"])
            if answer.status_code in (429, 503):
                continue
            answer.raise_for_status()
            charge_id: str = answer.json()["charge_id"]
            return charge_id
        raise ProviderDown

    # --- the table ---

    def load(self, order_id: str) -> Any:
        return self.db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()

    def update(
        self, order_id: str, status: str, *, note: str | None = None, charge_id: str | None = None
    ) -> None:
        self.db.execute(
            "UPDATE orders SET status = ?, note = coalesce(?, note), charge_id = coalesce(?, charge_id) WHERE id = ?",
            (status, note, charge_id, order_id),
        )

    def move(self, order_id: str, before: str, after: str, *, note: str | None = None) -> bool:
        moved = self.db.execute(
            "UPDATE orders SET status = ?, note = coalesce(?, note) WHERE id = ? AND status = ?",
            (after, note, order_id, before),
        )
        return moved.rowcount == 1


def create_app(shop: Shop) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        shop.resume()
        yield
        await shop.http.aclose()

    return Starlette(
        routes=[
            Route("/webhook", shop.webhook, methods=["POST"]),
            Route("/orders/{order_id}", shop.order),
            Route("/orders/{order_id}/approve", shop.approve, methods=["POST"]),
            Route("/orders/{order_id}/reject", shop.reject, methods=["POST"]),
            Route("/orders/{order_id}/delivered", shop.delivered, methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes webhooks of finished checkouts.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", default="glue.db")
    options = parser.parse_args()
    shop = Shop(
        options.database,
        os.environ.get("SERVICES_URL", "http://127.0.0.1:8401"),
        os.environ.get("STRIPE_WEBHOOK_SECRET", "whsec_trial"),
    )
    uvicorn.run(create_app(shop), host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
