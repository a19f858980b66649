"""A worker as a user might write it: an engine, handlers that call the provider, and SIGTERM.

python worker.py STORE FOLDER PORT LEASE_S
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import opord
from opord.generated import Workflow


class Handlers:
    """Handlers of any of the siege's contracts."""

    def __init__(self, module: Any, port: int) -> None:
        self.module = module
        self.port = port

    async def ask(self, **said: Any) -> dict[str, Any]:
        """Send a request to the provider; a dropped connection is an undeclared exception."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
            answer: dict[str, Any] = json.loads(await reader.readline())
            return answer
        finally:
            writer.close()

    async def load(self, id: str) -> str:
        await asyncio.sleep(0.01)
        return f"customer of {id}"

    async def find(self, key: str) -> Any:
        found = await self.ask(do="find", key=key)
        if self.module.workflow == "Skipped":
            return found["id"] is not None
        return {"id": found["id"]} if found["id"] is not None else None

    async def charge(self, id: str, cents: int, *, call: opord.Call) -> Any:
        said = await self.ask(do="charge", run=call.run_id, key=call.key)
        if "busy" in said:
            raise self.module.PaymentError.Busy()
        if "declined" in said:
            raise self.module.PaymentError.Declined(reason=said["declined"])
        return None if self.module.workflow == "Skipped" else {"id": said["id"]}

    def tell(self, text: str, *, call: opord.Call) -> None:
        """Send it from a thread, which may return after the timeout."""
        with socket.create_connection(("127.0.0.1", self.port)) as wire:
            wire.sendall(json.dumps({"do": "tell", "run": call.run_id, "key": call.key}).encode() + b"\n")
            if "id" not in (answer := json.loads(wire.makefile().readline())):
                raise RuntimeError(f"the provider says {answer}")


def workflows(folder: Path) -> list[tuple[Any, type[Workflow]]]:
    """Load all contracts of a folder: the module and the class of each."""
    found = []
    for path in sorted(folder.glob("*.opord")):
        module: Any = opord.load(path)
        cls = getattr(module, path.stem.capitalize())
        module.workflow = path.stem.capitalize()
        found.append((module, cls))
    return found


async def main(store: str, folder: str, port: str, lease_s: str) -> None:
    """Work until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    flows = [cls(Handlers(module, int(port))) for module, cls in workflows(Path(folder))]
    async with opord.Engine(store, flows, lease_s=float(lease_s)):
        print("up", flush=True)
        await stopped.wait()
    print("drained", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
