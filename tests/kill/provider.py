"""The card provider: a process with a ledger on disk, and faults drawn from a seed.

    python provider.py LEDGER SEED TROUBLE SLOW_S

It prints its port. On each connection one JSON line comes in, and one goes out or the connection is
dropped. A charge is a line in the ledger, synced before the answer. Keys are honoured only for
charges of the contracts in KEYED, and those of `Windowed` only for a few seconds. TROUBLE is the
share of calls, from 0 to 1, with a fault; each takes at least SLOW_S.

The faults:

- `busy` and `declined` charge nothing and say so. A declined key stays declined.
- `cut` charges nothing and drops the connection; `lost` charges and drops it.
- `slow` charges late; `late` answers too late.
- `late busy`, and the answer for a key in use, say nothing about the charge.
- `cached` fails before or after the charge, and answers that key with the same error for ever, as
  some providers do.

A charge can be found only a moment after it was made.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from typing import Any

KEYED = ("Repeat", "Raced", "Windowed", "Decided")
FORGETS_S = {"Windowed": 6.0}
"""How long keys are remembered; longer than the contract says, since a call takes its time."""

UNLISTED_S = 0.4
"""How long after a charge it cannot be found yet, at most."""

HABITS = ("busy", "late busy", "declined", "lost", "cut", "slow", "late", "cached")


class Provider:
    """Charges cards, sometimes badly."""

    def __init__(self, path: str, seed: int, trouble: float, slow_s: float) -> None:
        self.ledger = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.random = random.Random(seed)
        self.trouble = trouble
        self.slow_s = slow_s
        self.charges: dict[str, str] = {}
        self.found_from: dict[str, float] = {}
        self.forgets: dict[str, float] = {}
        self.broken: set[str] = set()
        self.declined: set[str] = set()
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
        key = asked["key"]
        return {"id": self.charges[key] if time.monotonic() >= self.found_from.get(key, 9e9) else None}

    async def act(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Charge or not, and answer or not, as the seed decides."""
        key, run = asked["key"], asked["run"]
        keyed = run.split("/")[0] in KEYED and asked["do"] == "charge"
        await asyncio.sleep(self.slow_s + self.random.uniform(0, 0.1))
        if keyed and key in self.broken:
            return {"odd": "internal error"}
        if keyed and key in self.declined:
            return {"declined": "no funds"}
        if keyed and self.knows(key):
            if self.random.random() < self.trouble / 2:
                return {"busy": True}  # a 429 for a key that has taken effect
            return {"id": self.charges[key]}
        habit = "good"
        if self.random.random() < self.trouble:
            habit = self.random.choice(HABITS)
        if habit == "busy":
            return {"busy": True}
        if habit == "late busy":
            await asyncio.sleep(self.random.uniform(0.2, 0.8))
            return {"busy": True}
        if habit == "declined":
            self.declined.add(key)
            return {"declined": "no funds"}
        if habit == "cut":
            return None
        if habit == "slow":
            await asyncio.sleep(self.random.uniform(0.1, 0.5))
        if keyed and key in self.declined:
            return {"declined": "no funds"}
        if habit == "cached" and keyed:
            self.broken.add(key)
            if self.random.random() < 0.5:
                return {"odd": "internal error"}
        if keyed and self.knows(key):
            return {"id": self.charges[key]}
        charge = self.book(asked["do"], run, key)
        if habit == "cached":
            return {"odd": "internal error"}
        if habit == "lost":
            return None
        if habit == "late":
            await asyncio.sleep(self.random.uniform(0.3, 1.3))
        return {"id": charge}

    def knows(self, key: str) -> bool:
        """Say whether a key is still remembered."""
        return key in self.charges and time.monotonic() < self.forgets.get(key, 9e9)

    def book(self, do: str, run: str, key: str) -> str:
        """Write a charge to the ledger; return its name."""
        self.count += 1
        charge = f"c{self.count}"
        if do == "charge":
            self.charges[key] = charge
            self.found_from[key] = time.monotonic() + self.random.uniform(0, UNLISTED_S) * self.trouble
            if (policy := run.split("/")[0]) in FORGETS_S:
                self.forgets[key] = time.monotonic() + FORGETS_S[policy]
        os.write(self.ledger, json.dumps({"run": run, "do": do, "key": key, "id": charge}).encode() + b"\n")
        os.fsync(self.ledger)
        return charge


async def main() -> None:
    """Serve until killed."""
    provider = Provider(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
