"""A storm: forked workers on one file are killed at named points and at random, and replaced.

Some are stopped and continued, or asked to stop. Each worker is a client as well, so that starts
and events are cut off, too. All choices come from the seed. Timing comes from the machine, so a
seed repeats the story, but not to the microsecond.
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
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, get_args

import opord
from opord.drive.errors import NotInDoubt
from opord.drive.hooks import Point
from opord.engine.environment import Environment
from opord.kernel.needs import held_back
from opord.kernel.rows import RunRow
from opord.loading import program_of
from opord.stores import open_store
from opord.stores.base import RunFilter, Store
from tests.kill.contracts import write_all
from tests.kill.judge import Broken, Charge, judge
from tests.kill.shared_clock import SharedClock
from tests.kill.worker import workflows
from tests.support.stores import store_url

HERE = Path(__file__).parent
POINTS: tuple[str, ...] = get_args(Point)
LEASE_S = 0.4
STOP_S = 3 * LEASE_S
ERRANDS = 6
"""The number of errands of each worker as a client."""

LONGEST_LIFE_S = 0.6
"""How long a worker lives at most, in seconds, unless its death is waited for."""

SELDOM = (
    "timer fires",
    "doubt written",
    "check answered",
    "before evidence",
    "before event",
    "event written",
)
"""Points that few workers pass.

The storm waits `SELDOM_S` for a worker that is to die at one of these.
"""

SELDOM_S = 2.5


class Alive(NamedTuple):
    """A worker as its killer sees it."""

    pid: int
    name: str
    point: str | None
    lasts: float
    ends: float
    errands: list[dict[str, Any]]


class Nest:
    """The nursery, and its reports about its children."""

    def __init__(self, folder: Path, port: str) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, str(HERE / "nursery.py"), str(folder), port]
        errors = (folder / "worker.log").open("a")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
        errors.close()
        self.told: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self.dead: set[int] = set()
        self.up: set[int] = set()
        self._log = folder / "log"
        self._read = 0
        said = self._answer()
        if said != "ready":
            raise RuntimeError((folder / "worker.log").read_text()[-3000:])

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def _say(self, what: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def fork(self, life: dict[str, Any]) -> int:
        """Have a worker forked; return its process id."""
        self._say(life)
        return int(self._answer())

    def signal(self, pid: int, number: int) -> None:
        """Have a signal sent to a worker, if it still lives."""
        self._say({"signal": [pid, number]})
        self.told[signal.Signals(number).name] += 1

    def listen(self) -> None:
        """Read what has happened."""
        with self._log.open() as file:
            file.seek(self._read)
            said = file.read()
        complete = said[: said.rfind("\n") + 1]
        self._read += len(complete.encode())
        for line in complete.splitlines():
            pid, what, *rest = line.split(" ", 2)
            if what == "up":
                self.up.add(int(pid))
            elif what == "hook":
                self.points[rest[0]] += 1
            else:
                self.dead.add(int(pid))
                self.told["killed" if rest[0] == "-9" else f"exit {rest[0]}"] += 1

    def close(self) -> None:
        """Close the nursery, which ends its children."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Storm:
    """A file, a provider, a nursery, and a seed."""

    def __init__(self, folder: Path, *, seed: int, trouble: float = 0.5, jumps: bool = False) -> None:
        self.folder, self.jumps = folder, jumps
        self.random = random.Random(seed)
        (folder / "contracts").mkdir()
        write_all(folder / "contracts")
        if jumps:
            leave_out_those_that_wait_for_the_provider(folder / "contracts")
        self.classes = {cls.__name__: cls for _, cls in workflows(folder / "contracts")}
        self.programs = {program_of(cls).digest: program_of(cls) for cls in self.classes.values()}
        self.clock = SharedClock(folder / "clock")
        self.url = store_url(folder)
        self.ledger = folder / "ledger"
        self.ledger.touch()
        (folder / "history").touch()
        command = [sys.executable, str(HERE / "provider.py"), str(self.ledger), str(seed), str(trouble), "0"]
        self.provider = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.provider.stdout is not None
        self.nest = Nest(folder, self.provider.stdout.readline().strip())
        self.crew: dict[int, Alive] = {}
        self.errands: deque[dict[str, Any]] = deque()
        self.born = 0
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        """End all processes."""
        self.nest.close()
        self.provider.kill()
        self.provider.wait()
        if self.provider.stdout is not None:
            self.provider.stdout.close()

    # --- workers ---------------------------------------------------------------------------------

    def give_birth(self, *, dies: bool) -> None:
        """Fork a worker with errands.

        One in five dies at a random moment, the others at a point that has killed few.
        """
        self.born += 1
        name = f"w{self.born}"
        if self.crew and self.random.random() < 0.1:
            name = self.random.choice([*self.crew.values()]).name  # two workers of one name, by mistake
            self.counts["two of a name"] += 1
        point = self._point() if dies and self.random.random() < 0.8 else None
        errands = [self.errands.popleft() for _ in range(min(ERRANDS, len(self.errands)))]
        life: dict[str, Any] = {"name": name, "lease_s": LEASE_S, "errands": errands, "url": self.url}
        if point is not None:
            life["dies"] = [point, 1 if point in SELDOM else self.random.choice([1, 1, 2, 3, 5])]
        pid = self.nest.fork(life)
        lasts = self.random.uniform(0.02, LONGEST_LIFE_S) if point is None else LONGEST_LIFE_S
        lasts = SELDOM_S if point in SELDOM else lasts
        self.crew[pid] = Alive(pid, name, point, lasts if dies else 9e9, 0.0, errands)

    def _point(self) -> str:
        """Choose a point to die at among those that have killed least."""
        coming = Counter(one.point for one in self.crew.values())
        order = sorted(
            POINTS, key=lambda point: (self.nest.points[point] + coming[point], self.random.random())
        )
        return self.random.choice(order[:5])

    def record_dead(self) -> None:
        """Record the dead; the next workers repeat their unanswered requests."""
        self.nest.listen()
        gone = [pid for pid in self.crew if pid in self.nest.dead]
        if not gone:
            return
        told = {one["n"]: one for one in self.history() if one["end"] != "lost"}
        for pid in gone:
            for number, errand in enumerate(self.crew.pop(pid).errands):
                if f"{pid}.{number}" not in told:
                    again = {**errand, "wait_s": self.random.uniform(0, 0.1)}
                    self.errands.insert(min(len(self.errands), self.random.randrange(8)), again)
                    self.counts[f"{errand['op']}s asked again"] += 1

    def kills(self) -> int:
        """Return how many were killed so far, by a point or by a signal."""
        return self.nest.told["killed"]

    # --- reading ---------------------------------------------------------------------------------

    def history(self) -> list[dict[str, Any]]:
        """Return the clients' requests and their results; `lost` for those without an answer."""
        found: dict[str, dict[str, Any]] = {}
        for line in (self.folder / "history").read_text().splitlines():
            one = json.loads(line)
            found.setdefault(one["n"], {"end": "lost"}).update(one)
        return [*found.values()]

    def charges(self) -> list[Charge]:
        """Read the ledger."""
        return [Charge(**json.loads(line)) for line in self.ledger.read_text().splitlines()]

    def rows(self, store: Any) -> list[RunRow]:
        """Return all runs."""
        found: list[RunRow] = store.runs(RunFilter(), limit=1_000_000)
        return found

    def rests(self, row: RunRow) -> bool:
        """Say whether only a person can move the run."""
        if row.head.worker is not None:
            return False
        return row.head.status == "ended" or held_back(row.head.needs)

    # --- the story -------------------------------------------------------------------------------

    async def tell(self, *, kills: int, crew: int = 4, runs: int | None = None) -> Counter[str]:
        """Kill workers until so many are dead; then let all runs rest, and judge."""
        runs = runs if runs is not None else kills + kills // 2
        self._plan(runs)
        began = time.monotonic()
        while True:
            self.record_dead()
            over = self.kills() >= kills
            if time.monotonic() > began + 60 + 3 * kills:
                raise Broken(
                    "stuck", f"after {self.kills()} kills, {len(self.errands)} errands get no answer"
                )
            while len(self.crew) < (self.random.choice([crew, crew, crew + 2]) if not over else 2):
                self.give_birth(dies=not over)
            self._strike()
            if over and not self.errands and all(one.point is None for one in self.crew.values()):
                break
            await asyncio.sleep(0.01)
        self.counts["storm s"] = int(time.monotonic() - began)
        return await self._calm()

    def _plan(self, runs: int) -> None:
        """Write down the clients' errands.

        They are each start, some twice; cancels; and approvals and cancels as a timer falls due.
        """
        for number in range(runs):
            name = [*self.classes][number % len(self.classes)]
            run, start = f"{name}/o{number}", {"id": f"o{number}", "cents": 100 + number}
            about = {"op": "start", "run": run, "input": json.dumps(start, sort_keys=True)}
            self.errands.append({**about, "wait_s": self.random.uniform(0, 0.05)})
            if self.random.random() < 0.2:
                self.errands.append({**about, "wait_s": self.random.uniform(0, 0.3)})
            cancel = {"op": "event", "run": run, "event": "cancel", "args": '{"reason": "changed my mind"}'}
            approve = {"op": "event", "run": run, "event": "approve", "args": '{"note": "fine"}'}
            if name == "Raced":
                self.errands.append({**cancel, "wait_s": self.random.uniform(0, 0.7)})
            if name == "Decided":
                due = self.random.choice([0.1, 0.4, self.random.uniform(0.38, 0.45)])
                self.errands.append({**approve, "wait_s": due})
                self.errands.append({**approve, "wait_s": due})  # a webhook that comes twice
                self.errands.append({**cancel, "wait_s": due + self.random.choice([0, 0, 0.3])})

    def _strike(self) -> None:
        """Do something to a worker, most often nothing."""
        now = time.monotonic()
        for one in [*self.crew.values()]:
            if one.pid not in self.nest.up:
                continue
            if not one.ends:
                self.crew[one.pid] = one._replace(ends=now + one.lasts)  # its time begins when it is up
            elif now > one.ends:
                self.nest.signal(one.pid, signal.SIGKILL)
                self.crew[one.pid] = one._replace(ends=9e9)
        fate = self.random.random()
        living = [one.pid for one in self.crew.values() if 0 < one.ends < 9e9]
        if not living:
            return
        victim = self.random.choice(living)
        if fate < 0.003:
            self._stop(victim)
        elif fate < 0.006:
            self.nest.signal(victim, signal.SIGTERM)
        elif fate < 0.008:
            self.nest.signal(victim, signal.SIGINT)
            asyncio.get_running_loop().call_later(0.02, self.nest.signal, victim, signal.SIGINT)
        elif fate < 0.011 and self.jumps:
            self._jump()

    def _stop(self, victim: int) -> None:
        """Stop a worker for three leases; it continues after that, and lives on for a while."""
        self.nest.signal(victim, signal.SIGSTOP)
        back = time.monotonic() + STOP_S
        self.crew[victim] = self.crew[victim]._replace(ends=back + self.random.uniform(0.1, 0.6))
        asyncio.get_running_loop().call_later(STOP_S, self.nest.signal, victim, signal.SIGCONT)

    def _jump(self) -> None:
        seconds = self.random.choice([3600.0, -3600.0, 90_000.0, 0.5, -0.5, 365 * 86_400.0])
        self.counts[f"clock {seconds:+g} s"] += 1
        self.clock.jump(seconds)

    async def _calm(self) -> Counter[str]:
        """End the storm and judge.

        Two healthy workers carry on, and a person decides half of the doubts.
        """
        for pid in [*self.crew]:
            self.nest.signal(pid, signal.SIGCONT)
            self.nest.signal(pid, signal.SIGKILL)
        await self._until(
            lambda: not self.crew, "the last of the storm is dead", seconds=20, look=self.record_dead
        )
        if self.jumps:
            self.clock.jump(7200.0)  # do not wait for runs that wait because the clock went back
        for _ in range(2):
            self.give_birth(dies=False)
        store = open_store(self.url, clock=self.clock.now)
        environment = Environment(now=self.clock.now, worker="the siege")
        async with opord.Engine(store, [*self.classes.values()], environment=environment) as engine:
            await self._rest(store)
            for row in self.rows(store):
                if row.head.status == "in_doubt" and self.random.random() < 0.5:
                    await self._decide(engine, row.run)
            await self._rest(store)
            for pid in [*self.crew]:
                self.nest.signal(pid, signal.SIGTERM)
            await self._until(
                lambda: not self.crew, "workers end on SIGTERM", seconds=20, look=self.record_dead
            )
            rows = self.rows(store)
            self._starts(rows)
            counts = judge(store, self.programs, rows, self.charges(), self.history(), clock_set=self.jumps)
        store.close()
        return counts + self.counts + self._told()

    async def _rest(self, store: Store) -> None:
        def at_rest() -> bool:
            return all(self.rests(row) for row in self.rows(store))

        await self._until(at_rest, "every run has ended, or is in doubt for a person", seconds=60)
        await asyncio.sleep(1.5)  # the provider completes its pending charges
        await self._until(at_rest, "it stays so", seconds=60)

    async def _until(
        self,
        condition: Callable[[], bool],
        what: str,
        *,
        seconds: float,
        look: Callable[[], None] | None = None,
    ) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Broken("stuck", f"{what}: not within {seconds:g} s")
            await asyncio.sleep(0.05)
            if look is not None:
                look()

    async def _decide(self, engine: opord.Engine, run: str) -> None:
        charge = next((one for one in self.charges() if one.run == run and one.do == "charge"), None)
        result = None if run.startswith("Skipped") or charge is None else {"id": charge.id}
        with suppress(NotInDoubt):  # evidence came first
            await engine.client.resolve(run, happened=charge is not None, result=result, actor="ops")

    def _starts(self, rows: list[RunRow]) -> None:
        """Assert that each confirmed start is stored."""
        there = {row.run for row in rows}
        acked = {one["run"] for one in self.history() if one["op"] == "start" and one["end"] == "acked"}
        if lost := acked - there:
            raise Broken("lost", f"confirmed and not there: {sorted(lost)}")
        if invented := there - {one["run"] for one in self.history() if one["op"] == "start"}:
            raise Broken("invented", f"nobody asked for {sorted(invented)}")

    def _told(self) -> Counter[str]:
        ends = Counter(f"{one['op']}s {one['end']}" for one in self.history())
        points = Counter({f"at {point}": self.nest.points[point] for point in POINTS})
        return Counter(self.nest.told) + ends + points


def leave_out_those_that_wait_for_the_provider(contracts: Path) -> None:
    """Leave out the contracts with checks.

    A jump of the clock can end the delay before a check early, which no clock can prevent.
    """
    for name in ("checked", "decided"):
        (contracts / f"{name}.opord").unlink()
