"""Handlers that harm their own process. Each first takes effect, which is recorded in a ledger."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path

CONTRACT = """
contract Rogue(does: str, threads: bool) key does version 1
action act(does: str) -> str { in doubt ask, timeout 4s }
action work(does: str) -> str { in doubt ask, timeout 4s }
initial state Begun -> Acting | Working {
  if threads { goto Working }
  goto Acting
}
state Acting -> Over {
  let said = commit act(does)
  goto Over(said)
}
state Working -> Over {
  let said = commit work(does)
  goto Over(said)
}
final state Over(said: str) success
"""

HELD_S = 1.6
"""How long the interpreter or the event loop is blocked: four leases."""


class Rogues:
    """One harmful handler for each run, named by what it does; every other run behaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def act(self, does: str, *, call: object) -> str:
        """Act on the event loop."""
        self._take_effect(does)
        if does.startswith("hang"):
            await asyncio.Event().wait()
        self._misbehave(does)
        await asyncio.sleep(0.02)
        return "well"

    def work(self, does: str, *, call: object) -> str:
        """Act on a thread."""
        self._take_effect(does)
        self._misbehave(does)
        return "well"

    def _take_effect(self, does: str) -> None:
        ledger = os.open(self.folder / "rogues", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(ledger, does.encode() + b"\n")
        os.fsync(ledger)
        os.close(ledger)

    def _misbehave(self, does: str) -> None:
        act = getattr(self, f"_{does.split()[0]}", None)
        if act is not None:
            act()

    def _exit(self) -> None:
        os._exit(7)

    def _killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short

    def _crash(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)

    def _closes(self) -> None:
        os.closerange(3, 256)

    def _moves(self) -> None:
        os.chdir("/")
        os.umask(0o777)

    def _forks(self) -> None:
        if os.fork() == 0:
            os._exit(0)  # as the child of a library does that forks to work

    def _files(self) -> None:
        """Open files until no more can be opened; others that need one have to wait."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
        held = []
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        finally:
            time.sleep(0.3)
            for one in held:
                os.close(one)

    def _memory(self) -> None:
        """Ask for more memory than the process may have."""
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, most))
        try:
            bytearray(8 << 30)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    def _blocks(self) -> None:
        time.sleep(HELD_S)  # on the event loop, which stops the whole process

    def _regex(self) -> None:
        """Hold the interpreter's lock, as a regular expression with long backtracking does."""
        end = time.monotonic() + HELD_S
        while time.monotonic() < end:
            re.match(r"(a+)+$", "a" * 24 + "b")

    def _deaf(self) -> None:
        with suppress(ValueError):  # not on this thread
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
