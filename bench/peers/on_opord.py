"""The orders on Opord: in one process, or with the worker in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import opord
from bench.peers.provider import Provider, an_order, parse

BENCH = Path(__file__).resolve().parent.parent
ORDERS = opord.load(BENCH / "four_calls.opord").FourCalls
BELL = opord.load(BENCH / "bell.opord").Bell
LOOP = opord.load(BENCH / "peers" / "loop.opord").Loop


class OrderHandlers:
    """The calls of an order."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def parse(self, order: Any) -> int:
        return parse({"total_cents": order.total_cents})

    async def load_customer(self, id: str) -> dict[str, str]:
        return await self._provider.load_customer(id)

    async def charge(self, order: Any, cents: int, *, call: opord.Call) -> dict[str, str]:
        return await self._provider.charge(order.id)

    async def notify(self, customer: Any, receipt: Any, *, call: opord.Call) -> None:
        await self._provider.notify(receipt.charge_id)


class LoopHandlers:
    """The call of a loop."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def work(self, id: str, at: int, *, call: opord.Call) -> int:
        return await self._provider.work(id, at)


class NoHandlers:
    """There is nothing to call."""


class OrderClient:
    """Asks an engine, which may carry runs itself or not."""

    def __init__(self, engine: opord.Engine) -> None:
        self._engine = engine

    async def order(self, number: int) -> None:
        run = await self._engine.start(ORDERS, order=an_order(number))
        await run.result()

    async def start_held(self, number: int) -> None:
        await self._engine.start(ORDERS, order=an_order(number, held=True))

    async def start_waiting(self, number: int) -> None:
        await self._engine.start(BELL, id=f"bell_{number:07d}", wait="720h")

    async def loop(self, name: str, steps: int) -> None:
        run = await self._engine.start(LOOP, id=name, steps=steps)
        await run.result()


def _carried(provider: Provider) -> list[Any]:
    return [ORDERS(OrderHandlers(provider)), BELL(NoHandlers()), LOOP(LoopHandlers(provider))]


@asynccontextmanager
async def both(setting: dict[str, Any], provider: Provider) -> AsyncIterator[OrderClient]:
    """A program that starts orders and carries them itself."""
    async with opord.Engine(setting["url"], _carried(provider)) as engine:
        yield OrderClient(engine)


@asynccontextmanager
async def worker(setting: dict[str, Any], provider: Provider) -> AsyncIterator[None]:
    """A process that only carries orders."""
    async with opord.Engine(setting["url"], _carried(provider)):
        yield None


@asynccontextmanager
async def client(setting: dict[str, Any], provider: Provider) -> AsyncIterator[OrderClient]:
    """A program that starts orders and waits for them."""
    async with opord.Engine(setting["url"], [ORDERS, BELL, LOOP]) as engine:
        yield OrderClient(engine)
