"""Shared by the tests of telemetry: a contract, its handlers, and what a process says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

import opord
from opord.telemetry import Metrics, Monitor, TelemetryApp

PARCEL = """
contract Parcel(name: str) key name

failure Lost { Gone }
event sent(note: str)
effect weigh(name: str) -> int fails Lost
action ship(name: str) -> str fails Lost { in doubt ask }

initial state Packed -> Weighed | Late {
  on sent(note) -> goto Weighed
  after 50ms -> goto Late
}
state Weighed -> Shipped | Failed {
  match perform weigh(name) {
    ok grams -> {
      match commit ship(name) {
        ok number -> goto Shipped(number)
        Gone -> goto Failed
      }
    }
    Gone -> goto Failed
  }
}
final state Shipped(number: str) success
final state Failed failure
final state Late cancelled
"""


class Handlers:
    """Ships parcels. One called `heavy` is lost, and one called `cursed` is in doubt."""

    def __init__(self, lost: type[Exception] | None = None) -> None:
        self.lost = lost

    async def weigh(self, name: str) -> int:
        if name == "heavy":
            assert self.lost is not None
            raise self.lost
        return 5

    async def ship(self, name: str, *, call: Any) -> str:
        if name == "cursed":
            raise ConnectionError("the answer was lost")
        return f"N-{name}"


class Watched:
    """An engine with metrics, and the page on which they are shown."""

    def __init__(
        self, engine: opord.Engine, metrics: Metrics, monitor: Monitor, web: httpx.AsyncClient
    ) -> None:
        self.engine, self.metrics, self.monitor, self.web = engine, metrics, monitor, web

    async def numbers(self) -> dict[str, float]:
        """Return the samples of the page, by their names and labels."""
        return samples((await self.web.get("/metrics")).text)

    async def until(self, flow: Any, name: str, status: str) -> None:
        """Wait until a run has a status."""
        while (await self.engine.run(flow, name).status())["status"] != status:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def until_shown(self, name: str) -> None:
        """Wait until a sample is not 0."""
        while not (await self.numbers()).get(name):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def samples(text: str) -> dict[str, float]:
    """Return the samples of a page in the format of Prometheus, as in `name{label=value}`."""
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


@asynccontextmanager
async def watched(
    flow: Any, *, handlers: bool = True, store: str = "sqlite://:memory:"
) -> AsyncIterator[Watched]:
    """Carry runs with metrics."""
    metrics = Metrics()
    workflow = flow.Parcel(Handlers(flow.Lost.Gone)) if handlers else flow.Parcel
    async with opord.Engine(store, [workflow], observer=metrics) as engine:
        monitor = Monitor(engine, metrics)
        transport = httpx.ASGITransport(TelemetryApp(monitor))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
            yield Watched(engine, metrics, monitor, web)
        monitor.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test that is a coroutine."""

    async def main() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(main())
