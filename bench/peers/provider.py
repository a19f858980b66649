"""What the orders call, on every engine: handlers that do nothing but answer, and count.

It imports the standard library alone, so that it runs in the environment of each engine.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import defaultdict
from typing import Any

HELD = "cus_held"
"""The customer whose look-up takes until the worker is killed, if the worker holds orders."""


def an_order(number: int, *, held: bool = False) -> dict[str, Any]:
    """Return the order of a number, the same on every engine."""
    return {
        "id": f"ord_{number:07d}",
        "customer": HELD if held else f"cus_{number % 97}",
        "total_cents": 1999 + number,
        "lines": ["sku_1", "sku_2"],
    }


def parse(order: dict[str, Any]) -> int:
    """The pure call: no effect, no record."""
    return int(order["total_cents"])


class Provider:
    """The other side of an effect and two actions, and of the steps of a loop."""

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds
        self.held = 0
        self.ended: set[str] = set()
        self.first_end: float | None = None
        self.last_end: float | None = None
        self._steps: dict[str, list[float]] = defaultdict(list)

    async def load_customer(self, id: str) -> dict[str, str]:
        """The effect."""
        if self._holds and id == HELD:
            self.held += 1
            try:
                await asyncio.sleep(3600)
            finally:
                self.held -= 1
        return {"id": id, "email": "ann@example.com"}

    async def charge(self, order_id: str) -> dict[str, str]:
        """The first action. Its key is the order's id."""
        return {"charge_id": f"ch_{order_id}"}

    async def notify(self, charge_id: str) -> None:
        """The second action, the last call of an order."""
        self.ended.add(charge_id)
        self.last_end = time.time()
        self.first_end = self.first_end or self.last_end

    async def work(self, loop: str, at: int) -> int:
        """One step of a loop."""
        self._steps[loop].append(time.perf_counter())
        return at

    def counts(self) -> dict[str, Any]:
        """Return how many calls are held and how many orders had their last call, and when."""
        return {
            "held": self.held,
            "ended": len(self.ended),
            "first_end": self.first_end,
            "last_end": self.last_end,
        }

    def pace(self, loop: str, around: int) -> dict[str, Any]:
        """Return the steps of a loop so far, and the median ms from step to step: early, and over the last ones."""
        times = self._steps[loop]
        gaps = [(after - before) * 1e3 for before, after in itertools.pairwise(times)]
        early, late = gaps[:around], gaps[-around:]
        return {
            "steps": len(times),
            "early_ms": statistics.median(early) if early else None,
            "late_ms": statistics.median(late) if late else None,
        }
