"""Two order desks with one interface: the one on Opord, and the one of glue code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx

from opord.examples.orders.stage import HERE, START_S, Actor, Stage, free_port

LEASE_S = 2
"""How soon a dead worker's runs are taken over, in seconds. The default, ten, is dull to watch."""

OPORD = ("-c", "import sys; sys.argv[0] = 'opord'; from opord.cli import main; main()")

# One process for all of them: most of the time of a command is its start.
HISTORIES = """\
import sys
from opord.cli.program import run
for number, name in enumerate(sys.argv[2:]):
    if number:
        print(flush=True)
    run(["runs", "history", name, "--store", sys.argv[1]])
"""


class Standing(NamedTuple):
    """Where an order is.

    That is the state in the desk's own words, whether it is final, and whom it waits for.
    """

    state: str
    ended: bool = False
    waits_for: str | None = None


class Desk(Protocol):
    """A desk takes webhooks and carries out orders."""

    name: str
    url: str

    async def open(self) -> None:
        """Start its processes."""
        ...

    async def die(self) -> tuple[str, int]:
        """Kill the process that carries orders out; return its description and its number."""
        ...

    async def revive(self) -> None:
        """Start another process in place of the killed one."""
        ...

    async def standing(self, order_id: str) -> Standing | None:
        """Say where an order is; None if the desk does not know the order."""
        ...

    async def on_record(self, order_id: str) -> str:
        """Say what the desk's disk has about an order, while no process works on it."""
        ...

    async def approve(self, order_id: str, note: str) -> str:
        """Approve an order that waits for a manager; return how that was done."""
        ...

    async def delivered(self, order_id: str, tracking: str) -> None:
        """Say that the parcel of an order has arrived."""
        ...


class OpordDesk:
    """The desk on Opord.

    The shop's app takes webhooks and starts runs; a worker on the same store carries them out.
    """

    name = "Opord"

    def __init__(self, stage: Stage, http: httpx.AsyncClient, store: str | None = None) -> None:
        """Keep the runs in `store`, or in a file of the stage."""
        self.stage = stage
        self.http = http
        self.port: int = free_port()
        self.url: str = f"http://127.0.0.1:{self.port}"
        self.store: str = store or f"sqlite:///{stage.folder / 'orders.db'}"
        self.workers: list[Actor] = []

    async def open(self) -> None:
        module = "opord.examples.orders.app"
        await self.stage.start_server("app", self.port, "-m", module, "--store", self.store)
        await self.revive()

        async def works() -> bool:
            return self.workers[-1].speaks

        await self.stage.until(works, "the worker to begin", START_S)

    async def die(self) -> tuple[str, int]:
        return "worker", await self.stage.kill(self.workers[-1])

    async def revive(self) -> None:
        worker = await self.stage.start(
            f"worker-{len(self.workers) + 1}",
            *(*OPORD, "worker", "--store", self.store, "--lease", str(LEASE_S)),
            *("--contract", str(contract_file())),
            *("--handlers", "opord.examples.orders.handlers:OrderHandlers"),
        )
        self.workers.append(worker)

    async def standing(self, order_id: str) -> Standing | None:
        answer = await self.http.get(f"{self.url}/orders/{order_id}")
        if answer.status_code == 404:
            return None
        run = answer.raise_for_status().json()
        waits_for = None
        if run["status"] == "waiting":
            waits_for = {"Review": "manager", "Shipping": "warehouse"}.get(run["state"])
        elif run["status"] in ("stalled", "in_doubt"):
            return Standing(f"{run['state']} ({run['status']}: {run['reason']})")
        reason = (run["data"] or {}).get("reason")
        state = f"{run['state']}: {reason}" if reason else run["state"]
        return Standing(state, run["status"] == "ended", waits_for)

    async def on_record(self, order_id: str) -> str:
        last = (await self.history(order_id))[-1]
        return f"record {last['seq']}, {last['kind']} of {last['call']}, with the key {last['key']}, and no outcome"

    async def approve(self, order_id: str, note: str) -> str:
        command = f"opord runs send {self.run_of(order_id)} approve --as ann --role manager"
        await self.runs(
            *("send", self.run_of(order_id), "approve"),
            *("--input", json.dumps({"note": note}), "--as", "ann", "--role", "manager"),
        )
        return command

    async def delivered(self, order_id: str, tracking: str) -> None:
        answer = await self.http.post(f"{self.url}/orders/{order_id}/delivered", json={"tracking": tracking})
        answer.raise_for_status()

    # --- what only this desk can answer ---

    async def history(self, order_id: str) -> list[dict[str, Any]]:
        """Return the journal of an order's run, record by record."""
        records: list[dict[str, Any]] = json.loads(
            await self.runs("history", self.run_of(order_id), "--json")
        )
        return records

    async def tell(self, orders: list[str]) -> None:
        """Let `opord runs history` print the story of each of these orders."""
        await self.stage.show("-c", HISTORIES, self.store, *(self.run_of(order_id) for order_id in orders))

    async def verify(self) -> bool:
        """Let `opord runs verify` print the verdict on every run; return whether all are legal."""
        return await self.stage.show(*OPORD, "runs", "verify", "--store", self.store) == 0

    async def runs(self, *command: str) -> str:
        """Run `opord runs …` and return what it prints."""
        status, printed = await self.stage.run(*OPORD, "runs", *command, "--store", self.store)
        if status != 0:
            raise RuntimeError(f"opord runs {' '.join(command)} ended with {status}: {printed}")
        return printed

    def run_of(self, order_id: str) -> str:
        """Return the name of an order's run."""
        return f"OrderFulfilment/{order_id}"


class GlueDesk:
    """One process that takes webhooks and carries orders out in background tasks."""

    name = "glue.py"

    def __init__(self, stage: Stage, http: httpx.AsyncClient) -> None:
        self.stage = stage
        self.http = http
        self.port: int = free_port()
        self.url: str = f"http://127.0.0.1:{self.port}"
        self.database: Path = stage.folder / "glue.db"
        self.apps: list[Actor] = []

    async def open(self) -> None:
        await self.revive()

    async def die(self) -> tuple[str, int]:
        return "process", await self.stage.kill(self.apps[-1])

    async def revive(self) -> None:
        app = await self.stage.start_server(
            f"glue-{len(self.apps) + 1}",
            self.port,
            *("-m", "opord.examples.orders.glue", "--database", str(self.database)),
        )
        self.apps.append(app)

    async def standing(self, order_id: str) -> Standing | None:
        answer = await self.http.get(f"{self.url}/orders/{order_id}")
        if answer.status_code == 404:
            return None
        order = answer.raise_for_status().json()
        status = order["status"]
        waits_for = {"review": "manager", "shipping": "warehouse"}.get(status)
        state = f"{status}: {order['note']}" if order["note"] else status
        return Standing(state, status in ("delivered", "rejected", "failed"), waits_for)

    async def on_record(self, order_id: str) -> str:
        with closing(sqlite3.connect(self.database)) as database:
            query = "SELECT status, charge_id FROM orders WHERE id = ?"
            status, charge_id = database.execute(query, (order_id,)).fetchone()
        return f"status {status!r}, charge {charge_id or 'none'}"

    async def approve(self, order_id: str, note: str) -> str:
        answer = await self.http.post(f"{self.url}/orders/{order_id}/approve", json={"note": note})
        answer.raise_for_status()
        return f"POST /orders/{order_id}/approve"

    async def delivered(self, order_id: str, tracking: str) -> None:
        answer = await self.http.post(f"{self.url}/orders/{order_id}/delivered", json={"tracking": tracking})
        answer.raise_for_status()


def contract_file() -> Path:
    """Return the file of the contract that the demonstration runs."""
    return HERE / "order_demo.opord"
