"""A client of Opord's HTTP API. It needs nothing of Opord's, and runs in the environment of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bench.peers.provider import Provider, an_order

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.005, 0.1
"""Between two looks at a run: the API has no request that waits for a result."""


class OrderClient:
    """Starts runs over HTTP, and looks at them until they have ended."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def order(self, number: int) -> None:
        order = an_order(number)
        await self._start("FourCalls", {"order": order})
        await self._end_of("FourCalls", order["id"])

    async def start_held(self, number: int) -> None:
        await self._start("FourCalls", {"order": an_order(number, held=True)})

    async def start_waiting(self, number: int) -> None:
        await self._start("Bell", {"id": f"bell_{number:07d}", "wait": "720h"})

    async def loop(self, name: str, steps: int) -> None:
        await self._start("Loop", {"id": name, "steps": steps})
        await self._end_of("Loop", name)

    async def _start(self, contract: str, values: dict[str, Any]) -> None:
        async with self._session.post(f"/api/v1/contracts/{contract}/runs", json=values) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise RuntimeError(f"expected a new run, got: {answer.status} {text[:300]}")

    async def _end_of(self, contract: str, key: str) -> None:
        pause = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(pause)
            async with self._session.get(f"/api/v1/runs/{contract}/{key}") as answer:
                if (await answer.json())["status"] == "ended":
                    return
            pause = min(pause * 2, LONGEST_PAUSE_S)


@asynccontextmanager
async def client(setting: dict[str, Any], provider: Provider) -> AsyncIterator[OrderClient]:
    """A program that starts orders over HTTP and asks for their ends."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(setting["api"], connector=connector, timeout=timeout) as session:
        yield OrderClient(session)
