"""A server on a port of this machine, in the event loop of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

import opord
from opord.server import HttpApi, HttpLimits, serving
from tests.server.kit import Bank


class Address:
    """A server that runs."""

    def __init__(self, port: int, stop: asyncio.Event, serving: asyncio.Task[None]) -> None:
        self.port, self.stop, self.serving = port, stop, serving

    def client(self) -> httpx.AsyncClient:
        """Return a client of the API."""
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=20)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, request: bytes) -> bytes:
        """Send bytes, and return all that comes until the server closes the connection."""
        reader, writer = await self.connect()
        writer.write(request)
        async with asyncio.timeout(20):
            said = await reader.read()
        writer.close()
        return said


@asynccontextmanager
async def running(
    refund: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    limits: HttpLimits | None = None,
    handlers: bool = False,
    store: str = "sqlite://:memory:",
    **connection: Any,
) -> AsyncIterator[Address]:
    """Run a server on a free port."""
    monkeypatch.setattr(serving, "LIMITS", replace(serving.LIMITS, **connection))
    async with opord.Engine(store, [refund(Bank()) if handlers else refund]) as engine:
        listening = serving.listen("127.0.0.1", 0)
        port, stop = listening.getsockname()[1], asyncio.Event()
        app = HttpApi(engine, limits=limits)
        task = asyncio.create_task(serving.serve(app, listening, stop.wait(), drain_s=1))
        yield Address(port, stop, task)
        stop.set()
        await task
