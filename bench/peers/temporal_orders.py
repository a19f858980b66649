"""The workflows of the orders on Temporal. A file of their own, as its sandbox loads it for itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow

TIMEOUT = timedelta(seconds=10)
"""How long an activity may take: as long as a lease of Opord lasts. Temporal learns of a dead worker by it."""

FOREVER = timedelta(hours=720)


@dataclass
class Order:
    id: str
    customer: str
    total_cents: int
    lines: list[str]


@dataclass
class Customer:
    id: str
    email: str


@dataclass
class Receipt:
    charge_id: str


@workflow.defn
class FourCalls:
    """An order. The pure call is code of the workflow, the others are activities."""

    @workflow.run
    async def run(self, order: Order) -> Receipt:
        cents = int(order.total_cents)
        customer = await workflow.execute_activity(
            "load_customer", order.customer, result_type=Customer, start_to_close_timeout=TIMEOUT
        )
        receipt: Receipt = await workflow.execute_activity(
            "charge", args=[order, cents], result_type=Receipt, start_to_close_timeout=TIMEOUT
        )
        await workflow.execute_activity("notify", args=[customer, receipt], start_to_close_timeout=TIMEOUT)
        return receipt


@workflow.defn
class Bell:
    """Waits for a signal or a timer."""

    def __init__(self) -> None:
        self._rung = False

    @workflow.signal
    def ring(self) -> None:
        self._rung = True

    @workflow.run
    async def run(self) -> bool:
        await workflow.wait_condition(lambda: self._rung, timeout=FOREVER)
        return self._rung


@workflow.defn
class Loop:
    """Makes one call after the other."""

    @workflow.run
    async def run(self, name: str, steps: int) -> int:
        at = 0
        while at < steps:
            done = await workflow.execute_activity(
                "work", args=[name, at], result_type=int, start_to_close_timeout=TIMEOUT
            )
            at = done + 1
        return at
