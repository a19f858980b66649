"""The orders on DBOS: async workflows and steps in one process, under the id of the order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.peers.provider import Provider, an_order, parse

PROVIDER: Provider
"""What steps call. DBOS finds workflows and steps by their names in the module."""


@DBOS.step()
async def load_customer(id: str) -> dict[str, str]:
    return await PROVIDER.load_customer(id)


@DBOS.step()
async def charge(order: dict[str, Any], cents: int) -> dict[str, str]:
    return await PROVIDER.charge(order["id"])


@DBOS.step()
async def notify(customer: dict[str, str], receipt: dict[str, str]) -> None:
    await PROVIDER.notify(receipt["charge_id"])


@DBOS.step()
async def work(name: str, at: int) -> int:
    return await PROVIDER.work(name, at)


@DBOS.workflow()
async def four_calls(order: dict[str, Any]) -> dict[str, str]:
    cents = parse(order)
    customer = await load_customer(order["customer"])
    receipt = await charge(order, cents)
    await notify(customer, receipt)
    return receipt


@DBOS.workflow()
async def bell() -> bool:
    return await DBOS.recv_async("ring", timeout_seconds=720 * 3600) is not None


@DBOS.workflow()
async def loop(name: str, steps: int) -> int:
    at = 0
    while at < steps:
        at = await work(name, at) + 1
    return at


class OrderClient:
    """Starts workflows in this process."""

    async def order(self, number: int) -> None:
        order = an_order(number)
        with SetWorkflowID(order["id"]):
            await four_calls(order)

    async def start_held(self, number: int) -> None:
        order = an_order(number, held=True)
        with SetWorkflowID(order["id"]):
            await DBOS.start_workflow_async(four_calls, order)

    async def start_waiting(self, number: int) -> None:
        with SetWorkflowID(f"bell_{number:07d}"):
            await DBOS.start_workflow_async(bell)

    async def loop(self, name: str, steps: int) -> None:
        with SetWorkflowID(name):
            await loop(name, steps)


@asynccontextmanager
async def both(setting: dict[str, Any], provider: Provider) -> AsyncIterator[OrderClient]:
    """A program that starts orders and carries them itself."""
    global PROVIDER
    PROVIDER = provider
    url: str = setting["url"]
    if url.startswith("sqlite:///"):
        _log_ahead(url.removeprefix("sqlite:///"))
    config: DBOSConfig = {
        "name": "orders",
        "system_database_url": url,
        "application_version": "1",  # so that the next process recovers what this one leaves
        # Each process recovers its own workflows at its start.
        "executor_id": f"worker-{setting['number']}",
        # More threads at the database than this cost more than they bring.
        "max_executor_threads": 8,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield OrderClient()
    finally:
        await asyncio.to_thread(DBOS.destroy)


def _log_ahead(file: str) -> None:
    """Let the database use a write-ahead log, which the file remembers."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
