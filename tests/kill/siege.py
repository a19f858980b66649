"""A siege: a few real workers on a real file, each controlled by a test, and a provider."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import opord
from opord.kernel.needs import held_back
from opord.kernel.rows import RunRow
from opord.loading import program_of
from opord.stores.base import RunFilter
from tests.kill.contracts import write_all
from tests.kill.judge import Broken, Charge, judge
from tests.kill.worker import workflows
from tests.progress.look import look
from tests.support.stores import store_url

HERE = Path(__file__).parent
LEASE_S = 1.0


class Siege:
    """A provider, workers, and a client that starts, cancels and decides."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        trouble: float = 0.5,
        timeout: str | None = None,
        slow_s: float = 0,
        lease_s: float = LEASE_S,
        url: str = "",
    ) -> None:
        self.folder = folder
        self.lease_s = lease_s
        self.contracts = folder / "contracts"
        self.contracts.mkdir()
        write_all(self.contracts, timeout)
        self.flows = workflows(self.contracts)
        self.programs = {program_of(cls).digest: program_of(cls) for _, cls in self.flows}
        self.url = url or store_url(folder)
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.living: list[subprocess.Popen[str]] = []
        self.kills = 0
        self.provider = self._spawn("provider.py", str(self.ledger), str(seed), str(trouble), str(slow_s))
        self.port = self._line(self.provider)

    # --- processes -------------------------------------------------------------------------------

    def _spawn(self, program: str, *args: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        log = (self.folder / f"{Path(program).stem}.log").open("a")
        command = [sys.executable, str(HERE / program), *args]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def worker(self) -> subprocess.Popen[str]:
        """Start a worker; it may take a moment until it is up."""
        process = self._spawn("worker.py", self.url, str(self.contracts), self.port, str(self.lease_s))
        self.living.append(process)
        return process

    async def is_up(self, process: subprocess.Popen[str]) -> None:
        """Wait until a worker works."""
        said = await asyncio.to_thread(self._line, process)
        assert said == "up", (self.folder / "worker.log").read_text()[-3000:]

    def kill(self, process: subprocess.Popen[str]) -> None:
        """End a worker as a power cut would."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.living.remove(process)
        self.kills += 1

    def close(self) -> None:
        """End all processes."""
        for process in [*self.living, self.provider]:
            process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self.living.clear()

    # --- reading ---------------------------------------------------------------------------------

    def charges(self) -> list[Charge]:
        """Read the ledger."""
        return [Charge(**json.loads(line)) for line in self.ledger.read_text().splitlines()]

    def client(self) -> opord.Engine:
        """Return an engine without handlers: it starts, cancels and decides."""
        return opord.Engine(self.url, [cls for _, cls in self.flows])

    def rows(self, engine: opord.Engine) -> list[RunRow]:
        """Return all runs."""
        return engine.store.runs(RunFilter(), limit=1_000_000)

    def rests(self, row: RunRow) -> bool:
        """Say whether only a person can move the run."""
        if row.head.worker is not None:
            return False
        return row.head.status == "ended" or held_back(row.head.needs)

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait, on the real clock, until a condition holds; raise Broken if it takes too long."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Broken("stuck", f"{what}: not within {seconds:g} s")
            await asyncio.sleep(0.05)

    # --- the judgement ---------------------------------------------------------------------------

    def judge(self, engine: opord.Engine, runs: int) -> Counter[str]:
        """Check every run against the ledger; count the ends of the runs."""
        rows = self.rows(engine)
        if len(rows) != runs:
            raise Broken("lost", f"{runs} runs were started, {len(rows)} are there")
        file = self.url.removeprefix("sqlite:///")
        stuck = look(file).problems if file != self.url else []  # that judge reads files only
        if stuck:
            raise Broken("stuck", f"runs wait for nothing that will come: {stuck}")
        return judge(engine.store, self.programs, rows, self.charges())
