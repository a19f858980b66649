"""The orders on Temporal: a client, and a worker in a process of its own, with a server between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from bench.peers.provider import Provider, an_order
from bench.peers.temporal_orders import Bell, Customer, FourCalls, Loop, Order, Receipt

QUEUE = "orders"
AT_ONCE = 1000
"""Activities at once, as many as a worker of Opord carries runs. Temporal's default is 100."""


class Activities:
    """The calls of an order, and of a loop."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @activity.defn
    async def load_customer(self, id: str) -> Customer:
        return Customer(**await self._provider.load_customer(id))

    @activity.defn
    async def charge(self, order: Order, cents: int) -> Receipt:
        return Receipt(**await self._provider.charge(order.id))

    @activity.defn
    async def notify(self, customer: Customer, receipt: Receipt) -> None:
        await self._provider.notify(receipt.charge_id)

    @activity.defn
    async def work(self, name: str, at: int) -> int:
        return await self._provider.work(name, at)


class OrderClient:
    """Asks the server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def order(self, number: int) -> None:
        order = Order(**an_order(number))
        await self._client.execute_workflow(FourCalls.run, order, id=order.id, task_queue=QUEUE)

    async def start_held(self, number: int) -> None:
        order = Order(**an_order(number, held=True))
        await self._client.start_workflow(FourCalls.run, order, id=order.id, task_queue=QUEUE)

    async def start_waiting(self, number: int) -> None:
        await self._client.start_workflow(Bell.run, id=f"bell_{number:07d}", task_queue=QUEUE)

    async def loop(self, name: str, steps: int) -> None:
        await self._client.execute_workflow(Loop.run, args=[name, steps], id=name, task_queue=QUEUE)


@asynccontextmanager
async def client(setting: dict[str, Any], provider: Provider) -> AsyncIterator[OrderClient]:
    """A program that starts orders and waits for them."""
    yield OrderClient(await Client.connect(setting["address"]))


@asynccontextmanager
async def worker(setting: dict[str, Any], provider: Provider) -> AsyncIterator[None]:
    """A process that only carries orders. How many polls are open at once follows the load."""
    calls = Activities(provider)
    async with Worker(
        await Client.connect(setting["address"]),
        task_queue=QUEUE,
        workflows=[FourCalls, Bell, Loop],
        activities=[calls.load_customer, calls.charge, calls.notify, calls.work],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_activities=AT_ONCE,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    ):
        yield None
