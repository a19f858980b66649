"""The surroundings of a demonstration: processes, free ports, and the webhooks."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import httpx

from opord.examples.orders.stripe_events import sign
from opord.values.vault import KEY_BYTES, write_key

T = TypeVar("T")

HERE = Path(__file__).parent
WEBHOOKS = HERE / "webhooks"
LOOK_S = 0.02
"""The pause between two checks of a condition, in seconds; short against the waits."""

START_S = 30.0
"""How long a process may take to answer, in seconds; a slow machine under load needs a few."""


class StageError(Exception):
    """The demonstration cannot go on.

    The message says what was waited for, and what the processes wrote.
    """


@dataclass(frozen=True)
class Delivery:
    """The result of one webhook: the file, and the answer."""

    file: str
    status: int
    answer: str


@dataclass
class Actor:
    """A process of the demonstration; its output goes to a file."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    killed: bool = False

    @property
    def ended(self) -> bool:
        """Say whether it has ended, by itself or by a signal."""
        return self.process.returncode is not None

    @property
    def speaks(self) -> bool:
        """Say whether it has written anything yet."""
        return self.log.stat().st_size > 0

    def last_words(self) -> str:
        """Return the end of its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()


class Stage:
    """Starts processes, and leaves none behind."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir()
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPORD_")}
        # A key of this stage alone encrypts the stored card tokens of the orders.
        key = write_key(secrets.token_bytes(KEY_BYTES))
        self.environment: dict[str, str] = {**inherited, "OPORD_SECRET_KEYS": key, **settings}
        self.actors: list[Actor] = []

    async def start(self, name: str, *command: str) -> Actor:
        """Start a Python program; `command` is what follows `python`."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as written:
            process = await self._spawn(command, written, written)
        actor = Actor(name, process, log)
        self.actors.append(actor)
        return actor

    async def start_server(self, name: str, port: int, *command: str) -> Actor:
        """Start a program that serves on a port of this machine, and wait until it does."""
        actor = await self.start(name, *command, "--port", str(port))

        await self.until(lambda: _listens(port), f"{name} to answer on port {port}", START_S)
        return actor

    async def kill(self, actor: Actor) -> int:
        """End a process by SIGKILL, as a lost machine would; return the number of the process."""
        actor.killed = True
        actor.process.send_signal(signal.SIGKILL)
        await actor.process.wait()
        return actor.process.pid

    async def run(self, *command: str) -> tuple[int, str]:
        """Run a Python program to its end; return its exit status and its output."""
        process = await self._spawn(command, asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT)
        written, _ = await process.communicate()
        return process.returncode or 0, written.decode()

    async def show(self, *command: str) -> int:
        """Run a Python program to its end, with its output on ours; return its exit status."""
        process = await self._spawn(command, None, None)
        return await process.wait()

    async def _spawn(
        self, command: tuple[str, ...], stdout: int | IO[bytes] | None, stderr: int | IO[bytes] | None
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            # A Ctrl-C is for the demonstration, which then stops the processes in order.
            start_new_session=True,
        )

    async def until(self, happened: Callable[[], Awaitable[T]], what: str, limit_s: float) -> T:
        """Wait until `happened` returns something true, and return it.

        Raises:
            StageError: it did not within `limit_s` seconds, or a process ended that the stage did
                not kill.
        """
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    result = await happened()
                    if result:
                        return result
                    for actor in self.actors:
                        if actor.ended and not actor.killed:
                            raise StageError(f"{actor.name} ended by itself:\n{actor.last_words()}")
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            words = "\n".join(f"--- {actor.name}\n{actor.last_words()}" for actor in self.actors)
            raise StageError(f"waited {limit_s:g} s for {what}, in vain\n{words}") from None

    async def close(self) -> None:
        """Stop every process that still runs: first with SIGTERM, then with SIGKILL."""
        for actor in self.actors:
            if not actor.ended:
                actor.process.terminate()
        for actor in self.actors:
            try:
                await asyncio.wait_for(actor.process.wait(), 3)
            except TimeoutError:
                await self.kill(actor)


@asynccontextmanager
async def open_stage(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Open a stage in a folder of its own, and clear it at the end."""
    stage = Stage(folder, settings)
    try:
        yield stage
    finally:
        await stage.close()


def free_port() -> int:
    """Return a port of this machine that is not in use now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def deliver(http: httpx.AsyncClient, url: str, files: list[str], secret: str) -> list[Delivery]:
    """Deliver webhooks all at the same time, as their sender does.

    Answers are in the order of `files`.
    """

    async def one(file: str) -> Delivery:
        payload = (WEBHOOKS / file).read_bytes()
        headers = {"Stripe-Signature": sign(payload, secret), "Content-Type": "application/json"}
        answer = await http.post(f"{url}/webhook", content=payload, headers=headers)
        return Delivery(file, answer.status_code, _answer_text(answer))

    return await asyncio.gather(*(one(file) for file in files))


def _answer_text(answer: httpx.Response) -> str:
    members = answer.json()
    error = members.get("error")
    if isinstance(error, dict):
        return str(error.get("message"))
    return (
        str(error) if error is not None else ", ".join(f"{name} {value}" for name, value in members.items())
    )


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
