"""Shared by the tests of webhooks: a contract that a provider's deliveries move, and its routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

import opord
from opord.server import HttpApi
from tests.server import signing

ORDER = """
contract Order(id: str, cents: int, note: str?) key id
require cents > 0 else "there is nothing to pay"
role cashier
record Charge { id: str, cents: int, paid_at: datetime? }
event paid(charge: str, cents: int)
event checked(charge: Charge, tags: list[str], weight: float = 1.0) by cashier
event remark(text: str)
event settled(ref: str, cents: int) key ref
initial state Waiting -> Paid | Checked | Waiting | Cancelled {
  on paid(charge, cents) if cents > 0 -> goto Paid(charge, cents)
  on checked(charge, tags, weight) -> goto Checked(charge.id)
  on settled(ref, cents) -> goto Waiting
  on remark ignore
  on cancel(reason) -> goto Cancelled
}
state Paid(charge: str, cents: int) -> Shipped {
  on remark(text) -> goto Shipped
}
state Checked(charge: str) -> Shipped {
  on remark(text) -> goto Shipped
}
final state Shipped success
final state Cancelled cancelled
"""

ENVIRONMENT = {"STRIPE": signing.STRIPE, "STANDARD": signing.STANDARD, "GITHUB": signing.GITHUB}

PAID: dict[str, Any] = {
    "path": "/hooks/stripe",
    "scheme": "stripe",
    "secrets": ["env:STRIPE"],
    "when": {"body": {"type": "charge.succeeded"}},
    "event": "Order.paid",
    "run": "body.data.object.metadata.order",
    "args": {"charge": "body.data.object.id", "cents": "body.data.object.amount"},
}
PLACED: dict[str, Any] = {
    "path": "/hooks/shop",
    "scheme": "standard",
    "secrets": ["env:STANDARD"],
    "start": "Order",
    "args": {"id": "body.order", "cents": "body.cents", "note": "headers.x-note"},
}
REMARKED: dict[str, Any] = {
    "path": "/hooks/github",
    "scheme": "github",
    "secrets": ["env:GITHUB"],
    "when": {"headers.x-github-event": "issue_comment", "body.action": ["created", "edited"]},
    "event": "Order.remark",
    "run": "body.issue.number",
    "args": {"text": "body.comment.body"},
}


def load_order(folder: Path, text: str = ORDER) -> Any:
    """Load the contract from a file in a folder."""
    (folder / "order.opord").write_text(text)
    return opord.load(folder / "order.opord").Order


def charge(order: Any, id: str = "evt_1", cents: Any = 900, **more: Any) -> dict[str, Any]:
    """Return a delivery of Stripe about an order."""
    obj = {"id": "ch_1", "amount": cents, "metadata": {"order": order}, **more}
    return {"id": id, "type": "charge.succeeded", "data": {"object": obj}}


class Hooked:
    """An API with webhooks over an engine in this process, and a client outside of it."""

    def __init__(self, engine: opord.Engine, flow: Any, app: HttpApi, web: httpx.AsyncClient) -> None:
        self.engine, self.flow, self.app, self.web = engine, flow, app, web

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        return await self.web.post(path, content=body, headers=dict(headers))

    async def stripe(self, payload: Any, path: str = "/hooks/stripe", **how: Any) -> httpx.Response:
        body = signing.as_body(payload)
        return await self.post(path, body, signing.stripe(body, **how))

    async def standard(
        self, payload: Any, id: str = "msg_1", path: str = "/hooks/shop", extra: Mapping[str, str] | None = None, **how: Any
    ) -> httpx.Response:  # fmt: skip
        body = signing.as_body(payload)
        return await self.post(path, body, {**signing.standard(body, id, **how), **(extra or {})})

    async def github(self, payload: Any, id: str = "g-1", **how: Any) -> httpx.Response:
        body = signing.as_body(payload)
        return await self.post("/hooks/github", body, signing.github(body, id, **how))

    async def start(self, id: str, cents: int = 900) -> None:
        await self.engine.start(self.flow, id=id, cents=cents)

    async def state(self, id: str) -> str:
        return (await self.engine.backend.row(f"Order/{id}")).head.state  # type: ignore[arg-type]

    async def records(self, id: str) -> list[str]:
        """Return the kinds of the records of an order."""
        return [one.kind async for one in self.engine.backend.records(f"Order/{id}")]  # type: ignore[arg-type]


@asynccontextmanager
async def hooked(
    flow: Any, routes: Mapping[str, Any], *, store: str = "sqlite://:memory:", mount: str = "", **how: Any
) -> AsyncIterator[Hooked]:
    """Serve routes of webhooks; nobody is signed in."""

    async def nobody(scope: Any) -> None:
        return None

    async with opord.Engine(store, [flow]) as engine:
        app = HttpApi(engine, who=nobody, webhooks=routes, **how)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://hooks.example"
        ) as web:
            yield Hooked(engine, flow, app, web)
        await app.close()
