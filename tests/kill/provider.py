"""The card provider: a process of its own with a ledger on disk, and bad habits drawn from a seed.

    python provider.py LEDGER SEED TROUBLE SLOW_S

It prints its port. One JSON line comes in on a connection, one goes out, or the connection is dropped. A charge is a line
in the ledger, synced before anything is answered. Keys are honoured for charges of `Repeat` and `Raced` alone.
TROUBLE is the share of calls, from 0 to 1, that do not go well; each takes at least SLOW_S.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from typing import Any

KEYED = ("Repeat", "Raced")


class Provider:
    """Charges cards, sometimes badly."""

    def __init__(self, path: str, seed: int, trouble: float, slow_s: float) -> None:
        self.ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.random = random.Random(seed)
        self.trouble = trouble
        self.slow_s = slow_s
        self.charges: dict[str, str] = {}
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            asked = json.loads(await reader.readline())
            said = await (self.find(asked) if asked["do"] == "find" else self.act(asked))
            if said is not None:
                writer.write(json.dumps(said).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the caller is dead
        finally:
            writer.close()

    async def find(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Say whether a charge of that key is in the ledger."""
        if self.random.random() < self.trouble / 2:
            return {"odd": "try later"}
        return {"id": self.charges.get(asked["key"])}

    async def act(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Charge, or do not, and answer, or do not."""
        key, run = asked["key"], asked["run"]
        keyed = run.split("/")[0] in KEYED and asked["do"] == "charge"
        await asyncio.sleep(self.slow_s + self.random.uniform(0, 0.1))
        if keyed and key in self.charges:
            if self.random.random() < self.trouble / 2:
                return {"busy": True}  # a 429 for a key that has taken effect
            return {"id": self.charges[key]}
        habit = "good"
        if self.random.random() < self.trouble:
            habit = self.random.choice(["busy", "late busy", "declined", "lost", "cut", "slow", "late"])
        if habit == "busy":
            return {"busy": True}
        if habit == "late busy":
            await asyncio.sleep(self.random.uniform(0.2, 0.8))
            return {"busy": True}
        if habit == "declined":
            return {"declined": "no funds"}
        if habit == "cut":
            return None
        if habit == "slow":
            await asyncio.sleep(self.random.uniform(0.1, 0.5))
        if keyed and key in self.charges:
            return {"id": self.charges[key]}
        self.count += 1
        charge = f"c{self.count}"
        if asked["do"] == "charge":
            self.charges[key] = charge
        os.write(
            self.ledger,
            json.dumps({"run": run, "do": asked["do"], "key": key, "id": charge}).encode() + b"\n",
        )
        os.fsync(self.ledger)
        if habit == "lost":
            return None
        if habit == "late":
            await asyncio.sleep(self.random.uniform(0.3, 1.3))
        return {"id": charge}


async def main() -> None:
    """Serve until killed."""
    provider = Provider(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
