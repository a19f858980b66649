"""Two workers that are killed and replaced, while runs of a contract go to their ends."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.postgres import AnyServer

MOST_S = 90
"""How long the runs may take, in seconds."""


def url_of(kind: str, folder: Path, server: AnyServer) -> str:
    """Return the URL of a store that does not exist yet, on SQLite or PostgreSQL."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'orders.db'}"
    return server.url(schema=f"s_{uuid.uuid4().hex[:12]}")


class Besieged:
    """Two workers of `order.opord` with the handlers of `shop.py`, both in a folder."""

    def __init__(self, url: str, folder: Path, draw: random.Random, *options: str) -> None:
        self._command = [
            sys.executable, "-m", "opord", "worker", "--contract", "order.opord", "--handlers", "shop:Handlers",
            "--store", url, "--lease", "1.5", "--drain", "1", *options,
        ]  # fmt: skip
        self._folder, self._draw = folder, draw
        self._workers: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    def __enter__(self) -> Besieged:
        self._workers = [self._start(), self._start()]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._workers:
            one.kill()
            one.wait()

    async def until_ended(
        self, ends: asyncio.Future[Any], *, kills: int, after: Callable[[], Awaitable[Any]] | None = None
    ) -> None:
        """Kill one of them now and then until the runs have ended. `after` runs after each kill."""
        until = time.monotonic() + MOST_S
        while not ends.done() and time.monotonic() < until:
            await asyncio.wait([ends], timeout=self._draw.uniform(1.0, 2.2))
            if self.kills < kills and not ends.done():
                self._kill_one()
                if after is not None:
                    await after()
        assert ends.done(), self._log.read_text()[-3000:]

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _kill_one(self) -> None:
        victim = self._workers.pop(self._draw.randrange(len(self._workers)))
        victim.kill()
        victim.wait()
        self.kills += 1
        self._workers.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=self._folder, env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
