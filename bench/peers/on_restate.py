"""The orders on Restate: a client over HTTP, and a service that the server calls, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import hypercorn
import hypercorn.asyncio
import restate

from bench.peers.provider import Provider, an_order, parse

STREAMS = 2147483647
"""The limits that the documents of Restate ask for in a production server."""

SUSPEND = timedelta(seconds=1)
"""When a workflow that waits leaves the memory of the service. The default is a minute, with 1,000 at once."""


def _services(provider: Provider) -> list[restate.Workflow]:
    orders, bell, loop = (
        restate.Workflow("FourCalls"),
        restate.Workflow("Bell", inactivity_timeout=SUSPEND),
        restate.Workflow("Loop"),
    )

    async def load_customer(id: str) -> dict[str, str]:
        return await provider.load_customer(id)

    async def charge(order: dict[str, Any], cents: int) -> dict[str, str]:
        return await provider.charge(order["id"])

    async def notify(customer: dict[str, str], receipt: dict[str, str]) -> None:
        await provider.notify(receipt["charge_id"])

    async def work(name: str, at: int) -> int:
        return await provider.work(name, at)

    @orders.main("run")
    async def run_order(ctx: restate.WorkflowContext, order: dict[str, Any]) -> dict[str, str]:
        cents = parse(order)
        customer = await ctx.run_typed("load_customer", load_customer, id=order["customer"])
        receipt = await ctx.run_typed("charge", charge, order=order, cents=cents)
        await ctx.run_typed("notify", notify, customer=customer, receipt=receipt)
        return receipt

    @bell.main("run")
    async def run_bell(ctx: restate.WorkflowContext, wait: str) -> str:
        return await ctx.promise("ring", type_hint=str).value()

    @bell.handler("ring")
    async def ring(ctx: restate.WorkflowSharedContext) -> None:
        await ctx.promise("ring", type_hint=str).resolve("rung")

    @loop.main("run")
    async def run_loop(ctx: restate.WorkflowContext, steps: int) -> int:
        at = 0
        while at < steps:
            at = await ctx.run_typed("work", work, name=ctx.key(), at=at) + 1
        return at

    return [orders, bell, loop]


class OrderClient:
    """Asks the ingress of the server."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def order(self, number: int) -> None:
        order = an_order(number)
        await self._call(f"/FourCalls/{order['id']}/run", order)

    async def start_held(self, number: int) -> None:
        order = an_order(number, held=True)
        await self._call(f"/FourCalls/{order['id']}/run/send", order)

    async def start_waiting(self, number: int) -> None:
        await self._call(f"/Bell/bell_{number:07d}/run/send", "720h")

    async def loop(self, name: str, steps: int) -> None:
        await self._call(f"/Loop/{name}/run", steps)

    async def _call(self, path: str, value: object) -> None:
        async with self._session.post(path, json=value) as answer:
            text = await answer.text()
            if answer.status not in (200, 202):
                raise RuntimeError(f"expected an order to be taken, got: {answer.status} {text[:300]}")


@asynccontextmanager
async def client(setting: dict[str, Any], provider: Provider) -> AsyncIterator[OrderClient]:
    """A program that starts orders over HTTP and waits for them. A connection carries one request at a time."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(setting["ingress"], connector=connector, timeout=timeout) as session:
        yield OrderClient(session)


@asynccontextmanager
async def worker(setting: dict[str, Any], provider: Provider) -> AsyncIterator[None]:
    """The service, on the HTTP server of Restate's own examples, with HTTP/2."""
    config = hypercorn.Config()
    config.bind = [setting["service"]]
    config.h2_max_concurrent_streams = STREAMS
    config.keep_alive_max_requests = STREAMS
    config.keep_alive_timeout = STREAMS
    config.loglevel = "WARNING"
    app = restate.app(services=_services(provider))
    over = asyncio.Event()
    serving = asyncio.ensure_future(hypercorn.asyncio.serve(app, config, shutdown_trigger=over.wait))
    await asyncio.sleep(1.0)
    await asyncio.to_thread(_register, setting["admin"], f"http://{setting['service']}")
    try:
        yield None
    finally:
        serving.cancel()


def _register(admin: str, service: str) -> None:
    """Tell the server where the service is. It answers the same if it knows that."""
    body = json.dumps({"uri": service, "force": True}).encode()
    asked = urllib.request.Request(f"{admin}/deployments", body, {"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        answer.read()
