"""What happens to a desk: webhooks, a kill between the charge and its record, and a restart.

Both desks go through the same plot. The provider's ledger decides when to kill: when the orders
with slow answers have been charged, and the others have gone as far as they can.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from opord.examples.orders.desks import Desk, Standing
from opord.examples.orders.ledger import Entry, read_ledger
from opord.examples.orders.provider import Script, read_script
from opord.examples.orders.stage import WEBHOOKS, Delivery, Stage, deliver

REPEATED = ["ord_1001.json"] * 5
STUCK = ["ord_1010_late.json"]
"""The webhooks that come after the kill."""

AFTERWARDS = ["ord_1001_again_late.json", "ord_1002_other_amount.json"]
"""The webhooks that come when every order has ended."""

PATIENCE_S = 45.0
"""How long a wait may take, in seconds. A wait that succeeds takes a few."""

CALM_S = 3.0
"""How long the other orders get to come to rest, in seconds.

It is well below the time of the slow answers, which must still be under way.
"""


@dataclass
class Played:
    """What happened, as seen from outside."""

    script: Script
    deliveries: list[Delivery] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    in_flight: list[str] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)
    finals: dict[str, Standing] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def charges(self, order_id: str) -> list[Entry]:
        """Return the charges of an order on the provider's ledger."""
        return [entry for entry in self.ledger if entry.kind == "charge" and entry.order_id == order_id]


class Provider:
    """The provider's process, as the plot sees it: its address, and its ledger on disk."""

    def __init__(self, stage: Stage, port: int) -> None:
        self.stage = stage
        self.port = port
        self.url: str = f"http://127.0.0.1:{port}"
        self.path: Path = stage.folder / "ledger.jsonl"

    async def open(self) -> None:
        """Start it."""
        module = "opord.examples.orders.provider"
        await self.stage.start_server("provider", self.port, "-m", module, "--ledger", str(self.path))

    def ledger(self) -> list[Entry]:
        """Read the ledger as it is on disk now."""
        return list(read_ledger(self.path)) if self.path.exists() else []


Tell = Callable[[str], None]


async def play(desk: Desk, provider: Provider, http: httpx.AsyncClient, *, secret: str, tell: Tell) -> Played:
    """Take a desk through the whole plot, and return what happened.

    Raises:
        StageError: something did not happen in time.
    """
    played = Played(read_script())
    stage = provider.stage
    played.in_flight = sorted(
        order for order, meets in played.script.orders.items() if meets.first_answer_after_ms
    )
    await asyncio.gather(provider.open(), desk.open())

    first = first_wave()
    tell(f"{len(first)} webhooks arrive at once, that of {REPEATED[0].removesuffix('.json')} five times.")
    played.deliveries += await deliver(http, desk.url, first, secret)

    async def charged() -> bool:
        booked = {entry.order_id for entry in provider.ledger()}
        return booked.issuperset(played.in_flight)

    await stage.until(charged, "the charges on the ledger that are still unanswered", PATIENCE_S)
    played.orders = await _accepted_orders(desk, first)
    await _others_rest(desk, played)
    what, pid = await desk.die()
    tell(
        f"The ledger shows {' and '.join(played.in_flight)} charged, the answers are still on their way: "
        f"SIGKILL to {what} {pid}."
    )

    for order in played.in_flight:
        tell(f"What {desk.name} itself has on record of {order}: {await desk.on_record(order)}")
    tell(f"Another {what} starts, and a webhook that was stuck for three days comes through.")
    await desk.revive()
    played.deliveries += await deliver(http, desk.url, STUCK, secret)
    played.orders += await _accepted_orders(desk, STUCK)
    await stage.until(lambda: _see_through(desk, played, tell), "every order to come to its end", PATIENCE_S)

    tell("When all is over, a webhook of a delivered order comes again, and one with another amount.")
    played.deliveries += await deliver(http, desk.url, AFTERWARDS, secret)
    played.ledger = provider.ledger()
    played.messages = (await http.get(f"{provider.url}/chat/messages")).json()["messages"]
    return played


def first_wave() -> list[str]:
    """List the webhooks that are delivered at once."""
    later = {*STUCK, *AFTERWARDS, *REPEATED}
    others = [path.name for path in WEBHOOKS.glob("*.json") if path.name not in later]
    return [*REPEATED, *sorted(others, key=lambda name: (not name.startswith("ord_"), name))]


async def _accepted_orders(desk: Desk, files: list[str]) -> list[str]:
    """List the orders of these webhooks that the desk has accepted, rightly or not."""
    matches = (re.search(r'"client_reference_id": "(\w+)"', _text_of(file)) for file in files)
    orders = sorted({match.group(1) for match in matches if match is not None})
    return [order for order in orders if await desk.standing(order) is not None]


def _text_of(file: str) -> str:
    return (WEBHOOKS / file).read_text(encoding="utf-8")


async def _others_rest(desk: Desk, played: Played) -> None:
    """Wait for a short time until the orders with fast answers wait for a person or have ended."""
    others = [order for order in played.orders if order not in played.in_flight]
    with suppress(TimeoutError):
        async with asyncio.timeout(CALM_S):
            while True:
                standings = [await desk.standing(order) for order in others]
                if all(one is not None and (one.ended or one.waits_for) for one in standings):
                    return
                await asyncio.sleep(0.1)


async def _see_through(desk: Desk, played: Played, tell: Tell) -> bool:
    """Act as manager and warehouse for the orders that wait; say whether every order has ended."""
    for order in played.orders:
        if order in played.finals:
            continue
        standing = await desk.standing(order)
        assert standing is not None
        if standing.ended:
            played.finals[order] = standing
        elif standing.waits_for == "manager" and order not in played.approved:
            how = await desk.approve(order, "known to us")
            played.approved.append(order)
            tell(f"{order} waits for a manager. Ann approves it: {how}")
        elif standing.waits_for == "warehouse":
            await desk.delivered(order, f"1Z{order.removeprefix('ord_')}")
    await asyncio.sleep(0.05)
    return len(played.finals) == len(played.orders)
