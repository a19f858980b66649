"""Supervise the process of `opord dev`, and start it again when a file changes.

The new process first loads contracts and handlers, and says that it is ready. Only then is the
process before told to stop, and the new one to carry runs. So what cannot be loaded never ends what
works. Both get the same port, on which requests wait meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opord.cli.changed_files import ChangedFiles
from opord.cli.stopping import ENDING_S, SAME_ORDER_S

log: logging.Logger = logging.getLogger("opord.dev")

LOOK_S: Final = 0.25
"""How often files are looked at, in seconds."""

TURN_S: Final = 0.05
"""How often processes are looked at, in seconds."""

HOPELESS: Final = (2, 3)
"""The exit statuses that no change of a file mends: wrong usage, and a store out of reach."""

READY: Final = b"ready\n"
GO: Final = b"go\n"


class _Process:
    """A process that loads the code, and carries runs once it is told to."""

    def __init__(
        self, command: Sequence[str], sockets: Sequence[socket.socket], environment_name: str
    ) -> None:
        self._report, theirs_to_write = os.pipe()
        theirs_to_read, self._order = os.pipe()
        files = [theirs_to_write, theirs_to_read, *(one.fileno() for one in sockets)]
        # No compiled file: one of a file that was written twice in a second could be an older one.
        environment = os.environ | {
            environment_name: ",".join(map(str, files)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        # Until it hears orders itself, Ctrl-C is for the supervisor alone.
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.process = subprocess.Popen(  # noqa: S603 - this program, with its own arguments
                [sys.executable, "-P", "-m", "opord", *command], pass_fds=files, env=environment
            )
        finally:
            signal.signal(signal.SIGINT, heard)
        os.close(theirs_to_write)
        os.close(theirs_to_read)

    @property
    def is_ready(self) -> bool:
        """Say whether it has loaded the code. The end of the file is no word of it."""
        readable, _, _ = select.select([self._report], [], [], 0)
        return bool(readable) and os.read(self._report, 100) == READY

    @property
    def status(self) -> int | None:
        """Its exit status; None while it lives."""
        return self.process.poll()

    def go(self) -> None:
        """Tell it to carry runs. If it has died meanwhile, its status says so."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._order, GO)

    def close(self) -> None:
        """Forget it. A process that still lives hears that, and ends."""
        os.close(self._report)
        os.close(self._order)


class Supervisor:
    """Keeps one process at work, that of the newest code that could be loaded.

    `command` are the arguments of this program; the process gets the same.
    """

    def __init__(
        self,
        command: Sequence[str],
        sockets: Sequence[socket.socket],
        contracts: Sequence[str],
        *,
        drain_s: float,
        environment_name: str,
    ) -> None:
        self._command = command
        self._sockets = sockets
        self._environment_name = environment_name
        self._end_s = drain_s + ENDING_S
        here = Path.cwd()
        outside = [Path(one).resolve().parent for one in contracts if Path(one).exists()]
        self._files = ChangedFiles([here, *(one for one in outside if not one.is_relative_to(here))])
        self._working: _Process | None = None
        self._coming: _Process | None = None
        self._orders: list[float] = []
        self._hopeless: int | None = None

    def run(self) -> int:
        """Supervise until Ctrl-C or SIGTERM, and return the exit status."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._coming = self._start()
            looked = time.monotonic()
            while not self._orders:
                time.sleep(TURN_S)
                if self._coming is not None:
                    self._turn(self._coming)
                self._notice_an_end()
                if self._hopeless is not None:
                    return self._hopeless
                if time.monotonic() - looked >= LOOK_S:
                    self._look()
                    looked = time.monotonic()
            return 0
        finally:
            self._end(self._coming, self._working)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: object) -> None:
        self._orders.append(time.monotonic())

    def _start(self) -> _Process:
        return _Process(self._command, self._sockets, self._environment_name)

    def _turn(self, coming: _Process) -> None:
        """Let a process that is ready take its place; say so if it cannot."""
        if coming.is_ready:
            self._coming = None
            self._end(self._working)
            self._working = coming
            if not self._orders:
                coming.go()
        elif (status := coming.status) is not None:
            self._coming = None
            coming.close()
            if self._working is not None:
                log.error("this code cannot be used; the process before goes on until a file is changed")
            elif status in HOPELESS:
                self._hopeless = status
            else:
                log.error("this code cannot be used; nothing is served until a file is changed")

    def _notice_an_end(self) -> None:
        working = self._working
        if working is None or (status := working.status) is None or self._orders:
            return
        working.close()
        self._working = None
        if status in HOPELESS:
            self._hopeless = status
        else:
            log.error("the process has ended with status %s; it starts again when a file is changed", status)

    def _look(self) -> None:
        changed = self._files.look()
        if not changed:
            return
        while later := self._files.look():  # an editor that saves several files
            changed += later
            time.sleep(TURN_S)
        names = ", ".join(_shown(path) for path in changed[:3]) + (", …" if len(changed) > 3 else "")
        log.info("changed: %s", names)
        if self._coming is not None:
            self._end(self._coming)
        self._coming = self._start()

    def _end(self, *processes: _Process | None) -> None:
        """End processes: they may drain. An order to stop that comes again ends them at once."""
        left = [one for one in processes if one is not None]
        for one in left:
            if one.status is None:
                one.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._end_s
        while any(one.status is None for one in left):
            again = bool(self._orders) and self._orders[-1] - self._orders[0] >= SAME_ORDER_S
            if again or time.monotonic() > deadline:
                for one in left:
                    one.process.kill()
            time.sleep(TURN_S)
        for one in left:
            one.close()


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
