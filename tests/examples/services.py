"""The provider in the test's own process, under a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from opord.examples.orders.ledger import Ledger
from opord.examples.orders.provider import Behaviour, Customer, Provider, Script, create_provider


@dataclass
class Clock:
    """Stands still until it is moved."""

    instant: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.instant

    def move(self, by: timedelta) -> None:
        self.instant += by


@dataclass
class Services:
    """A provider, its ledger and a client of it."""

    provider: Provider
    http: httpx.AsyncClient
    clock: Clock = field(default_factory=Clock)

    @property
    def booked(self) -> list[tuple[str, str, int]]:
        """What is on the ledger: kind, order and amount of each entry."""
        return [(entry.kind, entry.order_id, entry.amount_cents) for entry in self.provider.ledger.entries]

    async def charge(
        self, order_id: str = "o-1", amount_cents: int = 500, *, key: str | None = None
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        request = {"order_id": order_id, "amount_cents": amount_cents, "card": "pi_1"}
        return await self.http.post("/charges", json=request, headers=headers)

    async def refund(self, charge_id: str, *, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post("/refunds", json={"charge_id": charge_id}, headers=headers)

    async def listed(self, order_id: str = "o-1") -> list[str]:
        answer = await self.http.get("/charges", params={"order_id": order_id})
        return [charge["charge_id"] for charge in answer.json()["charges"]]


@asynccontextmanager
async def services(folder: Path, **orders: Behaviour) -> AsyncIterator[Services]:
    """Open the services; `orders` says what the charges of `o_1`, … meet."""
    clock = Clock()
    script = Script(
        {"ada": Customer(vip=True)}, {name.replace("_", "-"): meets for name, meets in orders.items()}
    )
    with Ledger(folder / "ledger.jsonl") as ledger:
        provider = Provider(ledger, script, now=clock)
        transport = httpx.ASGITransport(create_provider(provider))
        async with httpx.AsyncClient(transport=transport, base_url="http://services.example") as http:
            yield Services(provider, http, clock)
