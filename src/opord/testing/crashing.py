"""Crash points: where an engine can be made to die, and how its store and tasks end then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from opord.drive.hooks import Point
from opord.engine.process import Process
from opord.kernel.rows import Start, Write
from opord.stores.base import Permits, RunFilter, Store, StoreTransaction
from opord.values.types import Duration, RunId

RUNS_MAX = 10_000
"""The largest number of runs that a store of a test or a simulation holds."""


class Killed(BaseException):
    """The process is dead: nothing of it runs any more."""


class CrashPlan:
    """Counts the crash points that engines pass, and says at which of them one dies.

    The crash points are those of `opord.drive.hooks` and both sides of each write. `kill_at` is the
    number of the point (from 1) at which an engine dies. `point` is that point once it has
    happened, and `at` describes it together with the run.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.passed: int = 0
        self.kill_at = kill_at
        self.point: str | None = None
        self.at: str | None = None
        self._named: dict[str, int] = {}

    def kill_at_named(self, point: Point, nth: int) -> None:
        """Let an engine die at the nth passing of a named point, counted from now."""
        self._named[point] = nth

    def passes(self, point: str, run: str) -> bool:
        """Count a point; say whether the engine dies there."""
        self.passed += 1
        passes_left = self._named.get(point)
        if passes_left is not None:
            self._named[point] = passes_left - 1
            if passes_left == 1:
                del self._named[point]
        dies = self.passed == self.kill_at or passes_left == 1
        if dies:
            self.point = point
            self.at = f"`{point}` of {run}" if run else f"`{point}`"
        return dies


class MortalStore:
    """The store and the hook of one engine.

    Once the engine is dead, every verb and every point raises `Killed`.
    """

    def __init__(self, store: Store, crash_plan: CrashPlan) -> None:
        self._store = store
        self._crash_plan = crash_plan
        self.dead: bool = False

    def hook(self, point: Point, run: str) -> None:
        """Pass a named point."""
        self._pass(point, run)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._store, name)
        if name == "transaction":
            return self.begin
        if name == "permits":
            return MortalPermits(self, value)
        return partial(self.call, name, value) if callable(value) else value

    def begin(self, held: tuple[RunId, int, int] | None = None) -> MortalTransaction | None:
        """Begin a transaction; see `Store.transaction`. It is undone if the engine dies."""
        begun: StoreTransaction | None = None

        def verb(held: tuple[RunId, int, int] | None) -> StoreTransaction | None:
            nonlocal begun
            begun = self._store.transaction(held)
            return begun

        try:
            self.call("transaction", verb, held)
        except BaseException:
            if begun is not None:
                begun.roll_back()
            raise
        return None if begun is None else MortalTransaction(self, begun)

    def call(self, name: str, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a verb of the store.

        At a write the engine may die just before it, and just after.
        """
        if self.dead:
            raise Killed
        if name in ("admit", "enqueue", "exchange"):
            self._pass("before a write", "")
            answer = verb(*args, **kwargs)
            self._pass("after a write", "")
            return answer
        if name not in ("apply", "commit") or (args and not args[0]):
            return verb(*args, **kwargs)
        batch: Sequence[Start | Write] = args[0] if args else ()
        first = batch[0] if batch else None
        run = "" if first is None else first.row.run if isinstance(first, Start) else first.run
        self._pass("before a write", run)
        results = verb(*args, **kwargs)
        self._pass("after a write", run)
        return results

    def die(self) -> None:
        """Be dead from now on."""
        self.dead = True

    def _pass(self, point: str, run: str) -> None:
        if self.dead or self._crash_plan.passes(point, run):
            self.die()
            raise Killed


class MortalPermits:
    """The permits of a store whose engine may die at each write of theirs."""

    def __init__(self, store: MortalStore, inner: Permits) -> None:
        self._store, self._inner = store, inner

    def __getattr__(self, name: str) -> Any:
        return partial(self._store.call, name, getattr(self._inner, name))


class MortalTransaction:
    """A transaction of a store whose engine may die: at its writes, and at its end."""

    def __init__(self, store: MortalStore, inner: StoreTransaction) -> None:
        self._store, self._inner = store, inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return partial(self._store.call, name, value) if name in ("apply", "commit") else value


async def kill_process(process: Process) -> None:
    """End all that a process has under way, as SIGKILL would.

    Nothing more is written, and nobody is notified.
    """
    tasks = [process.writer._pump, process.waiters._looking]
    flights = []
    worker = process.worker
    if worker is not None:
        tasks += [*worker._loops, *worker._side]
        flights = list(worker.flights.values())
    living = [task for task in tasks if task is not None]
    for task in living:
        task.cancel()
    for flight in flights:
        flight.cancel()
    ends = [flight.landed for flight in flights]
    await asyncio.gather(*living, *ends, return_exceptions=True)


def leave_leases(store: Store, worker: str, *, seconds: float) -> None:
    """Let the leases of a worker that has died end after some seconds from now.

    A worker in virtual time may hold longer ones than it could in the world, so that nothing has to
    renew them. This is what its last renewal would have left.
    """
    rows = store.runs(RunFilter(), limit=RUNS_MAX)
    held = [(row.run, row.epoch) for row in rows if row.head.worker == worker]
    store.renew(worker, held, ttl_us=Duration(int(seconds * 1_000_000)))
