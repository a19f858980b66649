"""A card provider on its own: charges and refunds on a ledger, customers, and a chat, over HTTP.

It behaves like real ones. It honours idempotency keys for a day. It can be slow or out of order,
limits rates and declines cards. It can book a charge and lose the connection before it answers, and
it lists a charge only after a while. `provider.json` says which order meets what, so that two
demonstrations with the same orders go alike.

    python -m opord.examples.orders.provider --port 8401 --ledger ledger.jsonl
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from opord.examples.orders.ledger import Entry, Ledger

SCRIPT = Path(__file__).with_name("provider.json")

KEY_WINDOW = timedelta(hours=24)
"""How long an idempotency key is remembered; after that the same key is a new request."""


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the charges of one order meet.

    `first_answers`: statuses (429, 503) that the first requests get, with nothing booked.
    `declines`: the reason why the card is declined.
    `first_answer_after_ms`: how long the answer to the first booking takes. The booking is on the
        ledger before that.
    `drops_answer`: book the first time, and close the connection instead of answering.
    `settles_after_ms`: how long it takes until a charge is listed.
    """

    first_answers: list[int] = []
    declines: str | None = None
    first_answer_after_ms: int = 0
    drops_answer: bool = False
    settles_after_ms: int = 0


class Customer(msgspec.Struct, frozen=True):
    """What the customer service knows about a customer."""

    vip: bool


class Script(msgspec.Struct, frozen=True):
    """The provider's world: its customers by id, and the orders that meet something special."""

    customers: dict[str, Customer] = {}
    orders: dict[str, Behaviour] = {}


class ChargeRequest(msgspec.Struct, frozen=True):
    order_id: str
    amount_cents: int
    card: str


class RefundRequest(msgspec.Struct, frozen=True):
    charge_id: str


class Message(msgspec.Struct, frozen=True):
    text: str


class ConnectionLost(Response):
    """An answer that never arrives whole: the connection is closed in the middle of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


class Provider:
    """The provider's rules; each process has one."""

    def __init__(
        self,
        ledger: Ledger,
        script: Script,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.ledger = ledger
        self.script = script
        self.now = now
        self.requests: Counter[str] = Counter()
        self.chat: list[str] = []

    async def charge(self, request: Request) -> Response:
        """Charge a card, at most once for a key."""
        try:
            charge_request = msgspec.json.decode(await request.body(), type=ChargeRequest)
        except msgspec.DecodeError as error:
            return _problem(400, "malformed", str(error))
        if charge_request.amount_cents <= 0:
            return _problem(
                400, "malformed", f"expected an amount above 0, got: {charge_request.amount_cents}"
            )
        key = request.headers.get("idempotency-key")
        earlier = self._booked_under(key)
        if earlier is not None:
            if (earlier.order_id, earlier.amount_cents) != (
                charge_request.order_id,
                charge_request.amount_cents,
            ):
                return _problem(422, "key_reused", f"the key {key!r} was used for another charge")
            return JSONResponse(_charge(earlier), headers={"idempotent-replayed": "true"})

        behaviour = self.script.orders.get(charge_request.order_id, Behaviour())
        request_number = self.requests[charge_request.order_id]
        self.requests[charge_request.order_id] += 1
        if request_number < len(behaviour.first_answers):
            return _problem(behaviour.first_answers[request_number], "try_later", "nothing was booked")
        if behaviour.declines is not None:
            return _problem(402, "card_declined", behaviour.declines)

        # Nothing awaits between the check of the keys and here: two requests with one key book
        # once.
        first = not self.ledger.charges(charge_request.order_id)
        booked = self._book("charge", f"ch_{len(self.ledger.entries) + 1:06}", charge_request, key)
        if first and behaviour.drops_answer:
            return ConnectionLost()
        if first and behaviour.first_answer_after_ms:
            await asyncio.sleep(behaviour.first_answer_after_ms / 1000)
        return JSONResponse(_charge(booked), 201)

    async def charges(self, request: Request) -> Response:
        """List the charges of an order that are old enough to be listed."""
        order_id = request.query_params.get("order_id", "")
        delay = timedelta(
            milliseconds=self.script.orders.get(order_id, Behaviour()).settles_after_ms,
        )
        listed = [one for one in self.ledger.charges(order_id) if one.at + delay <= self.now()]
        return JSONResponse({"charges": [_charge(one) for one in listed]})

    async def refund(self, request: Request) -> Response:
        """Refund a charge, once."""
        try:
            refund_request = msgspec.json.decode(await request.body(), type=RefundRequest)
        except msgspec.DecodeError as error:
            return _problem(400, "malformed", str(error))
        key = request.headers.get("idempotency-key")
        charge = next(
            (
                e
                for e in self.ledger.entries
                if e.kind == "charge" and e.charge_id == refund_request.charge_id
            ),
            None,
        )
        if charge is None:
            return _problem(404, "charge_unknown", f"there is no charge {refund_request.charge_id!r}")
        refund = self.ledger.refund_of(refund_request.charge_id)
        if refund is not None and (key is None or refund.idempotency_key != key):
            return _problem(
                409, "already_refunded", f"{refund_request.charge_id} was given back at {refund.at}"
            )
        if refund is None:
            refund = self._book("refund", charge.charge_id, charge, key)
        return JSONResponse(_charge(refund), 201)

    async def customer(self, request: Request) -> Response:
        """Return what is known about a customer."""
        customer_id = request.path_params["customer_id"]
        customer = self.script.customers.get(customer_id)
        if customer is None:
            return _problem(404, "customer_unknown", f"there is no customer {customer_id!r}")
        return JSONResponse({"id": customer_id, "vip": customer.vip})

    async def say(self, request: Request) -> Response:
        """Post a message in the shop's chat."""
        try:
            message = msgspec.json.decode(await request.body(), type=Message)
        except msgspec.DecodeError as error:
            return _problem(400, "malformed", str(error))
        self.chat.append(message.text)
        return JSONResponse({"messages": len(self.chat)}, 201)

    async def chat_messages(self, request: Request) -> Response:
        """List the messages of the chat."""
        return JSONResponse({"messages": self.chat})

    def _booked_under(self, key: str | None) -> Entry | None:
        if key is None:
            return None
        since = self.now() - KEY_WINDOW
        return next(
            (
                entry
                for entry in self.ledger.entries
                if entry.kind == "charge" and entry.idempotency_key == key and entry.at > since
            ),
            None,
        )

    def _book(self, kind: Any, charge_id: str, of: ChargeRequest | Entry, key: str | None) -> Entry:
        entry = Entry(kind, charge_id, of.order_id, of.amount_cents, self.now(), key)
        self.ledger.append(entry)
        return entry


def create_provider(provider: Provider) -> Starlette:
    """Serve a provider over HTTP."""
    return Starlette(
        routes=[
            Route("/charges", provider.charge, methods=["POST"]),
            Route("/charges", provider.charges, methods=["GET"]),
            Route("/refunds", provider.refund, methods=["POST"]),
            Route("/customers/{customer_id}", provider.customer),
            Route("/chat/messages", provider.say, methods=["POST"]),
            Route("/chat/messages", provider.chat_messages, methods=["GET"]),
        ]
    )


def read_script(path: Path = SCRIPT) -> Script:
    """Read what each order meets."""
    return msgspec.json.decode(path.read_bytes(), type=Script)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="A card provider with bad days.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--script", type=Path, default=SCRIPT)
    options = parser.parse_args()
    with Ledger(options.ledger) as ledger:
        app = create_provider(Provider(ledger, read_script(options.script)))
        # The provider drops connections on purpose, so these are not errors to log.
        uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="critical")


def _charge(entry: Entry) -> dict[str, Any]:
    return {
        "charge_id": entry.charge_id,
        "order_id": entry.order_id,
        "amount_cents": entry.amount_cents,
        "charged_at": entry.at.isoformat().replace("+00:00", "Z"),
    }


def _problem(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


if __name__ == "__main__":
    main()
