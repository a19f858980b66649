"""A parent that has Opord and the contracts loaded, and forks workers: hundreds a minute.

    python nursery.py FOLDER PORT

A JSON line on its standard input is either the life of a new worker (see `life.py`), answered with
its process id, or `{"signal": [pid, number]}`. Only the parent reaps its dead children, so that no
signal hits a reused process id. Events are appended to FOLDER/log: `PID up`, `PID hook POINT`, `PID
dead STATUS`. At the end of its input it kills all workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.kill.life import live
from tests.kill.shared_clock import SharedClock
from tests.kill.worker import workflows


class Nursery:
    """Forks, signals and reaps workers."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.flows = workflows(folder / "contracts")
        self.clock = SharedClock(folder / "clock")
        self.log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.errors = os.open(folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.children: set[int] = set()
        self.woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> None:
        """Obey requests until the input ends."""
        rest = b""
        while True:
            ready, _, _ = select.select([0, self.woken], [], [])
            if self.woken in ready:
                os.read(self.woken, 4096)
                self.reap()
            if 0 in ready:
                said = os.read(0, 65536)
                if not said:
                    break
                *lines, rest = (rest + said).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))
        for child in self.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def obey(self, asked: dict[str, Any]) -> None:
        """Fork a worker, or send one a signal if it still lives."""
        if "signal" in asked:
            pid, number = asked["signal"]
            if pid in self.children:
                os.kill(pid, number)
            return
        pid = os.fork()
        if pid == 0:
            self.be(asked)
        self.children.add(pid)
        os.write(1, b"%d\n" % pid)

    def be(self, life: dict[str, Any]) -> None:
        """Become the worker; never return."""
        status = 70
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((nothing, 0), (self.errors, 1), (self.errors, 2)):
                os.dup2(source, target)
            asyncio.run(live(life, self.flows, self.port, self.folder, self.clock, self.log))
            status = 0
        except KeyboardInterrupt:
            status = 130
        except BaseException:
            traceback.print_exc()
        os._exit(status)

    def reap(self) -> None:
        """Reap the dead children."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.children.discard(pid)
                os.write(self.log, b"%d dead %d\n" % (pid, os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    nursery = Nursery(Path(sys.argv[1]), int(sys.argv[2]))
    gc.freeze()
    os.write(1, b"ready\n")
    nursery.serve()
