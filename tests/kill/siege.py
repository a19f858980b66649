"""A siege: real workers on a real file, killed at random moments, and a provider that remembers what it did.

Everything random comes from the seed; moments come from the machine, so a seed tells the story but not to the microsecond.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import opord
from opord.engine.errors import NotInDoubt, Refused
from opord.kernel.legality import verify
from opord.kernel.rows import RunRow
from opord.kernel.run import load_run
from opord.kernel.views import needs_person
from opord.loading import program_of
from opord.stores.base import RunFilter
from tests.kill.contracts import write_all
from tests.kill.worker import workflows

HERE = Path(__file__).parent
LEASE_S = 1.0


class Broken(AssertionError):
    """A promise was broken."""


class Charge(NamedTuple):
    """A line of the ledger."""

    run: str
    do: str
    key: str
    id: str


class Siege:
    """A provider, workers, and who starts, cancels and decides."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        trouble: float = 0.5,
        timeout: str | None = None,
        slow_s: float = 0,
        lease_s: float = LEASE_S,
    ) -> None:
        self.folder = folder
        self.lease_s = lease_s
        self.random = random.Random(seed)
        self.contracts = folder / "contracts"
        self.contracts.mkdir()
        write_all(self.contracts, timeout)
        self.flows = workflows(self.contracts)
        self.programs = {program_of(cls).digest: program_of(cls) for _, cls in self.flows}
        self.url = f"sqlite:///{folder}/siege.db"
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
        """End a worker as a power cut would end it."""
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

    # --- what there is ---------------------------------------------------------------------------

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
        """Whether nothing but a person moves the run."""
        if row.head.worker is not None:
            return False
        return row.head.status == "ended" or needs_person(load_run(self.programs[row.contract], row))

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Wait, on the real clock, until something holds; Broken if it does not within so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Broken(f"{what}: not within {seconds:g} s")
            await asyncio.sleep(0.05)

    # --- the story -------------------------------------------------------------------------------

    async def storm(self, *, runs: int, kills: int, workers: int = 2) -> Counter[str]:
        """Start runs, cancel some, kill workers all the while; then let it calm down, and judge."""
        async with self.client() as engine:
            crew = [self.worker() for _ in range(workers)]
            for process in crew:
                await self.is_up(process)
            starting = asyncio.create_task(self._start(engine, runs))
            for _ in range(kills):
                await asyncio.sleep(self.random.uniform(0.05, 0.6))
                victim = self.random.choice(crew)
                self.kill(victim)
                crew[crew.index(victim)] = self.worker()
            await starting
            await self._calm(engine)
            # A person looks into the provider's books for half of the doubts; the others stay.
            for row in self.rows(engine):
                if row.head.status == "in_doubt" and self.random.random() < 0.5:
                    await self._decide(engine, row.run)
            await self._calm(engine)
            return self.judge(engine, runs)

    async def _start(self, engine: opord.Engine, runs: int) -> None:
        names = [cls for _, cls in self.flows]
        cancels = []
        for number in range(runs):
            cls = names[number % len(names)]
            run = await engine.start(cls, id=f"o{number}", cents=100 + number)
            again = await engine.start(cls, id=f"o{number}", cents=100 + number)
            assert again.id == run.id
            if cls.__name__ == "Raced":
                cancels.append(asyncio.create_task(self._cancel(engine, run.id)))
            await asyncio.sleep(self.random.uniform(0, 0.02))
        await asyncio.gather(*cancels)

    async def _cancel(self, engine: opord.Engine, run: str) -> None:
        await asyncio.sleep(self.random.uniform(0, 1.5))
        with suppress(Refused):  # it had ended
            await engine.send_event(run, "cancel", {"reason": "changed my mind"}, actor="ann")

    async def _decide(self, engine: opord.Engine, run: str) -> None:
        charge = next((one for one in self.charges() if one.run == run and one.do == "charge"), None)
        result = None if run.startswith("Skipped") or charge is None else {"id": charge.id}
        with suppress(NotInDoubt):  # evidence came first
            await engine.client.resolve(run, happened=charge is not None, result=result, actor="ops")

    async def _calm(self, engine: opord.Engine) -> None:
        await self.until(
            lambda: all(self.rests(row) for row in self.rows(engine)),
            "every run has ended, or is in doubt for a person",
            seconds=90,
        )
        # What the provider is still about to do, it does.
        await asyncio.sleep(1.5)
        await self.until(lambda: all(self.rests(row) for row in self.rows(engine)), "it stays so", seconds=90)

    # --- the judgement ---------------------------------------------------------------------------

    def judge(self, engine: opord.Engine, runs: int) -> Counter[str]:
        """Hold every run against the ledger; count what became of them."""
        ledger = self.charges()
        charged = Counter(one.run for one in ledger if one.do == "charge")
        told = Counter(one.run for one in ledger if one.do == "tell")
        ids = {(one.run, one.id) for one in ledger}
        rows = self.rows(engine)
        if len(rows) != runs:
            raise Broken(f"{runs} runs were started, {len(rows)} are there")
        counts: Counter[str] = Counter(runs=runs, kills=self.kills, charges=charged.total())
        for row in rows:
            records = engine.store.journal(row.run, limit=10_000)
            self._judge_run(
                row, charged[row.run], told[row.run], ids, [json.loads(one.body) for one in records]
            )
            problems = verify(self.programs[row.contract], row, records)
            if problems:
                raise Broken(f"{row.run}: its journal is broken: {problems}")
            counts[row.head.state if row.head.status == "ended" else row.head.status] += 1
            counts.update(f"{one.kind}s" for one in records if one.kind in ("doubt", "evidence", "unhandled"))
        for run in charged:
            if run not in {row.run for row in rows}:
                raise Broken(f"{run} was charged and is not there")
        return counts

    def _judge_run(
        self, row: RunRow, charged: int, told: int, ids: set[tuple[str, str]], records: list[dict[str, Any]]
    ) -> None:
        where = f"{row.run} is {row.head.status} in {row.head.state}, charged {charged} times"
        policy, head = row.name, row.head
        data = json.loads(head.body)["data"]
        if charged > 1 or told > 1:
            raise Broken(f"{where}, told {told} times: twice")
        if charged and not any(one["kind"] == "intent" for one in records):
            raise Broken(f"{where}: charged without an intent")
        if head.status not in ("ended", "in_doubt"):
            raise Broken(f"{where}: stuck ({head.reason})")
        if head.status == "in_doubt" and policy in ("Skipped", "Reported"):
            raise Broken(f"{where}: its rule asks nobody")
        if head.state == "Done" and policy != "Skipped" and (row.run, data["receipt"]) not in ids:
            raise Broken(f"{where}: an invented charge {data}")
        if head.state in ("Failed", "Cancelled") and charged:
            raise Broken(f"{where}: {data}")
