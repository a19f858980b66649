"""The shop's side: takes webhooks, starts runs, and answers where an order is.

It has no handlers and carries out no runs; a worker on the same store does that. A webhook is
answered with a 2xx only once the start of its run is on disk, so that the sender may forget it.

    python -m opord.examples.orders.app --port 8400 --store sqlite:///orders.db
"""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import opord
from opord.drive.errors import (
    EngineError,
    EventConflict,
    EventRefused,
    InputInvalid,
    RunEnded,
    RunUnknown,
    StartConflict,
    StartRefused,
)
from opord.examples.orders.order_fulfilment import Line, Order, OrderFulfilment
from opord.examples.orders.stripe_events import BadEvent, Session, construct_event, parse_cart

CURRENCY = "usd"
SECRET_FOR_TRIALS = "whsec_trial"  # noqa: S105 - made up; the demonstration signs with it
TAKEN = "checkout.session.completed"

_STATUS_OF: dict[type[Exception], int] = {
    BadEvent: 400,
    InputInvalid: 400,
    StartRefused: 400,
    RunUnknown: 404,
    StartConflict: 409,
    EventConflict: 409,
    EventRefused: 409,
    RunEnded: 409,
}


class Parcel(msgspec.Struct, frozen=True):
    """The warehouse's report that a parcel has arrived."""

    tracking: str


class Shop:
    """The endpoints; `engine` starts runs and sends events."""

    def __init__(self, engine: opord.Engine, signing_secret: str) -> None:
        self.engine = engine
        self.signing_secret = signing_secret

    async def webhook(self, request: Request) -> Response:
        """Start the run of a finished checkout. The same order again is the same run."""
        event = construct_event(
            await request.body(), request.headers.get("stripe-signature", ""), self.signing_secret
        )
        if event.type != TAKEN:
            return JSONResponse({"ignored": event.type})
        run = await self.engine.start(OrderFulfilment, order=order_of(event.session()))
        return JSONResponse({"run": run.id})

    async def order(self, request: Request) -> Response:
        """Say where an order is and what it waits for."""
        return JSONResponse(dict(await self.engine.run_status(_run_of(request))))

    async def delivered(self, request: Request) -> Response:
        """Take the warehouse's report that a parcel has arrived."""
        try:
            parcel = msgspec.json.decode(await request.body(), type=Parcel)
        except msgspec.DecodeError as error:
            raise BadEvent(str(error)) from error
        sent = await self.engine.send_event(
            _run_of(request), "delivered", {"tracking": parcel.tracking}, actor="warehouse", role="warehouse"
        )
        return JSONResponse({"status": sent.status, "state": sent.state})


def order_of(session: Session) -> Order:
    """Read the order from a finished checkout.

    Raises:
        BadEvent: something that an order needs is missing or has another form.
    """
    if session.currency != CURRENCY:
        raise BadEvent(f"expected a checkout in {CURRENCY}, got: {session.currency!r}")
    total_cents = _required(session.amount_total, "amount_total")
    if total_cents <= 0:
        raise BadEvent(f"expected an amount_total above 0, got: {total_cents}")
    return Order(
        id=_required(session.client_reference_id, "client_reference_id"),
        customer=_required(session.customer, "customer"),
        total_cents=total_cents,
        lines=[
            Line(sku=sku, quantity=quantity)
            for sku, quantity in parse_cart(_required(session.metadata.get("cart"), "metadata.cart"))
        ],
        card_token=opord.Secret(_required(session.payment_intent, "payment_intent")),
    )


def create_app(engine: opord.Engine, signing_secret: str) -> Starlette:
    """Serve the shop over HTTP, on an engine that is open."""
    shop = Shop(engine, signing_secret)
    return Starlette(
        routes=[
            Route("/webhook", shop.webhook, methods=["POST"]),
            Route("/orders/{order_id}", shop.order),
            Route("/orders/{order_id}/delivered", shop.delivered, methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys((BadEvent, EngineError), _refuse),
    )


async def serve(port: int, store: str, signing_secret: str) -> None:
    """Serve until stopped."""
    async with opord.Engine(store, [OrderFulfilment]) as engine:
        app = create_app(engine, signing_secret)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
        await uvicorn.Server(config).serve()


def main() -> None:
    """Read the settings and serve."""
    parser = argparse.ArgumentParser(description="Takes webhooks of finished checkouts.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", default="sqlite:///orders.db")
    options = parser.parse_args()
    signing_secret = os.environ.get("STRIPE_WEBHOOK_SECRET", SECRET_FOR_TRIALS)
    asyncio.run(serve(options.port, options.store, signing_secret))


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer a refusal with its reason.

    With status 500 the sender tries again; a 4xx says that trying again does not help.
    """
    status = next((status for kind, status in _STATUS_OF.items() if isinstance(error, kind)), 500)
    code = getattr(error, "code", "bad_event")
    return JSONResponse({"error": {"code": code, "message": str(error)}}, status)


def _run_of(request: Request) -> str:
    return f"OrderFulfilment/{request.path_params['order_id']}"


def _required(value: Any, name: str) -> Any:
    if value is None or value == "":
        raise BadEvent(f"the checkout has no {name}")
    return value


if __name__ == "__main__":
    main()
