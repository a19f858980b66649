"""Shared by the tests of the API: a contract, an engine in this process, and a client of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

import opord
from opord.server import HttpApi, HttpLimits, Principal

REFUND = """
## Pays a customer back, once a clerk agrees.
contract Refund(order: str, cents: int) key order

require cents > 0 else "there is nothing to pay back"

failure BankError { Closed(reason: str) settles }
role clerk
role boss
event approve(note: str) by clerk | boss
event remark(text: str)

action pay(order: str, cents: int) -> str fails BankError { in doubt ask }

initial state Asked -> Paying | Declined {
  on approve(note) -> goto Paying
  on remark ignore
  on cancel(reason) -> goto Declined(reason)
}
state Paying -> Paid | Declined {
  match commit pay(order, cents) {
    ok number -> goto Paid(number)
    Closed(reason) -> goto Declined(reason)
  }
}
final state Paid(number: str) success
final state Declined(reason: str) failure
"""


class Bank:
    """Pays. An order called `lost` ends in doubt, and one called `broken` stalls nothing."""

    async def pay(self, order: str, cents: int, *, call: Any) -> str:
        if order == "lost":
            raise ConnectionError("the answer was lost")
        return f"t-{order}"


def load_refund(folder: Path, text: str = REFUND) -> Any:
    """Load the contract from a file in a folder."""
    (folder / "refund.opord").write_text(text)
    return opord.load(folder / "refund.opord").Refund


async def somebody(scope: Mapping[str, Any]) -> Principal | None:
    """Read who asks from the header `x-who`, as in `ann: clerk boss`. Without it: nobody."""
    said = dict(scope["headers"]).get(b"x-who")
    if said is None:
        return None
    name, _, roles = said.decode().partition(": ")
    return Principal(name, roles.split())


class Served:
    """An API over an engine in this process, and a client of it."""

    def __init__(self, engine: opord.Engine, web: httpx.AsyncClient) -> None:
        self.engine = engine
        self.web = web

    async def start(self, order: str, cents: int = 900) -> httpx.Response:
        """Start a refund."""
        return await self.web.post("/contracts/Refund/runs", json={"order": order, "cents": cents})

    async def send(self, order: str, event: str, **members: Any) -> httpx.Response:
        """Send a refund an event."""
        return await self.web.post(f"{at(order)}/events/{event}", json=members)

    async def until(self, order: str, status: str) -> dict[str, Any]:
        """Return a refund once it has a status."""
        async with asyncio.timeout(20):
            while True:
                view: dict[str, Any] = (await self.web.get(at(order))).json()
                if view["status"] == status:
                    return view
                await asyncio.sleep(0.005)


def at(order: str) -> str:
    """Return the address of a refund. Clients take dots away unless they are encoded."""
    return f"/runs/Refund/{quote(order, safe='').replace('.', '%2E')}"


@asynccontextmanager
async def served(
    flow: Any,
    *,
    handlers: bool = True,
    store: str = "sqlite://:memory:",
    limits: HttpLimits | None = None,
    **how: Any,
) -> AsyncIterator[Served]:
    """Serve a contract, and carry its runs with the handlers above."""
    async with opord.Engine(store, [flow(Bank()) if handlers else flow]) as engine:
        app = HttpApi(engine, limits=limits, **how)
        async with client_of(app) as web:
            yield Served(engine, web)


@asynccontextmanager
async def client_of(app: Any, base: str = "http://localhost/api/v1") -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an application in this process."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=base) as web:
        yield web


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test that is a coroutine."""

    async def main() -> None:
        await test()

    asyncio.run(main())
