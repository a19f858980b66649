"""The life of a forked worker: it carries runs on, acts as a client, and may die at a named point.

A life is plain data: `name` of the worker, `lease_s`, `url` of the store, `errands`, and `dies` =
[point, n]: it dies at the nth passing of that point. Its requests as a client, and their answers,
are appended to FOLDER/history: a line before, a line after.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import signal
from pathlib import Path
from typing import Any

from opord.backends.front import Engine  # now, because otherwise `opord` loads it in each worker
from opord.drive.errors import EngineError
from opord.engine.environment import Environment
from opord.generated import Workflow
from opord.loading import program_of
from opord.stores import open_store
from tests.kill.rogue import Rogues
from tests.kill.shared_clock import SharedClock
from tests.kill.worker import Handlers


class Death:
    """A hook that kills its own process."""

    def __init__(self, dies: tuple[str, int] | None, log: int) -> None:
        self.point, self.left = dies or ("", 0)
        self.log = log

    def __call__(self, point: str, run: str) -> None:
        if point != self.point:
            return
        self.left -= 1
        if self.left == 0:
            os.write(self.log, f"{os.getpid()} hook {point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


class Errands:
    """Requests of a client to an engine, with a history that outlives the process."""

    def __init__(self, engine: Engine, classes: dict[str, type[Workflow]], history: int) -> None:
        self.engine, self.classes, self.history = engine, classes, history

    async def run(self, number: int, errand: dict[str, Any]) -> None:
        """Do one errand, and record its result."""
        await asyncio.sleep(errand.get("wait_s", 0))
        name = f"{os.getpid()}.{number}"
        self._note(n=name, **{key: value for key, value in errand.items() if key != "wait_s"})
        try:
            answer = await self._ask(errand)
        except EngineError as refusal:
            self._note(n=name, end="refused", code=type(refusal).__name__)
        else:
            self._note(n=name, end="acked", answer=answer)

    async def _ask(self, errand: dict[str, Any]) -> list[Any]:
        client = self.engine.client
        if errand["op"] == "start":
            program = program_of(self.classes[errand["run"].split("/")[0]])
            value = program.input.accept(json.loads(errand["input"]))
            started = await client.start(program, value)
            return [started.run, started.created]
        args = json.loads(errand["args"])
        return list(await client.send(errand["run"], errand["event"], args, actor="ann"))

    def _note(self, **line: Any) -> None:
        os.write(self.history, json.dumps(line).encode() + b"\n")


def _handlers(module: Any, port: int, folder: Path) -> Any:
    return Rogues(folder) if module.workflow == "Rogue" else Handlers(module, port)


async def live(
    life: dict[str, Any],
    flows: list[tuple[Any, type[Workflow]]],
    port: int,
    folder: Path,
    clock: SharedClock,
    log: int,
) -> None:
    """Live until SIGTERM, or until a crash."""
    random.seed(os.getpid())
    logging.getLogger("opord").setLevel(logging.ERROR)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    store = open_store(life["url"], clock=lambda: clock.now() + life.get("skew_us", 0))
    environment = Environment(now=clock.now, worker=life["name"], poll_s=0.02)
    engine = Engine(
        store,
        [cls(_handlers(module, port, folder)) for module, cls in flows],
        lease_s=life["lease_s"],
        drain_s=2.0,
        environment=environment,
        hook=Death(life.get("dies"), log),
    )
    history = os.open(folder / "history", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with engine:
        os.write(log, f"{os.getpid()} up\n".encode())
        errands = Errands(engine, {cls.__name__: cls for _, cls in flows}, history)
        doing = [asyncio.create_task(errands.run(n, one)) for n, one in enumerate(life.get("errands", ()))]
        await stopped.wait()
        for task in doing:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*doing, return_exceptions=True)
    store.close()
