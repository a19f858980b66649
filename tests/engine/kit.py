"""What the engine's tests share: a world in virtual time, a provider that no crash touches, and crashes.

A crash is at a named point of the step protocol: from that moment on the engine can write nothing, as if its
process had been killed there. Then another engine is opened on the same store.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from opord.backends.front import Engine
from opord.engine.protection import protection_with
from opord.kernel.legality import verify
from opord.kernel.run import Run
from opord.loading import load
from opord.stores.base import RunFilter, Store
from opord.stores.memory import MemoryStore
from opord.testing.clock import VirtualClock, run_virtually
from opord.testing.engines import virtual_engine

T = TypeVar("T")


def compiled(text: str) -> Any:
    """Compile a contract from its text and return its module."""
    folder = Path(tempfile.gettempdir()) / "opord-tests"
    folder.mkdir(exist_ok=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.opord"
    if not path.exists():
        fresh = path.with_suffix(f".{id(text)}")
        fresh.write_text(text)
        fresh.replace(path)
    return load(path)


def workflow_of(module: Any) -> Any:
    """Return the contract's class in a module."""
    from opord.generated import Workflow

    (found,) = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Workflow) and value is not Workflow
    }
    return found


class Killed(BaseException):
    """The process is dead: nothing of it runs any more."""


class Mortal:
    """A store as seen by a process that may die: afterwards no verb does anything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            if self.dead:
                raise Killed
            return verb(*args, **kwargs)

        return guarded


@dataclass
class Provider:
    """The outside world with its ledger. `script` says how it answers each call of an action, in order.

    `ok`; `busy` a transient failure, nothing happened; `declined` a final failure; `lost` it happened and the
    answer was lost; `broken` nothing happened, and nobody can know; `hang` it happened, the answer never comes.
    After the script it answers `ok`. With `honours_keys` a repeated key is answered from the ledger.
    """

    script: dict[str, list[str]] = field(default_factory=dict)
    honours_keys: bool = True
    ledger: list[tuple[str, str]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def took_effect(self, action: str) -> int:
        """Return how often an action took effect."""
        return sum(1 for name, _ in self.ledger if name == action)

    async def act(self, action: str, key: str, failures: Any = None) -> str:
        """Answer one call."""
        self.calls[action] += 1
        if self.honours_keys and (action, key) in self.ledger:
            return f"{action}:{key}"
        steps = self.script.get(action, [])
        what = steps.pop(0) if steps else "ok"
        if what == "busy":
            raise failures.Busy()
        if what == "declined":
            raise failures.Declined(reason="no funds")
        if what == "broken":
            raise ConnectionError("connection refused after the request was sent")
        self.ledger.append((action, key))
        if what == "lost":
            raise ConnectionError("the answer was lost")
        if what == "hang":
            await asyncio.sleep(10**6)
        return f"{action}:{key}"


class Kit:
    """A store, a clock and a contract with handlers, on which engines live and die."""

    def __init__(
        self, text: str, handlers: Callable[[Any], Any], *, lease_s: float = 10.0, seed: int = 0
    ) -> None:
        self.module = compiled(text)
        self.workflow = workflow_of(self.module)
        self.clock = VirtualClock()
        self.store: Store = MemoryStore(self.clock.now)
        self.handlers = handlers(self.module)
        self.lease_s = lease_s
        self.seed = seed
        self.engines = 0
        self.hits: Counter[str] = Counter()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the kit's virtual time."""
        logging.getLogger("opord").setLevel(logging.CRITICAL)
        return run_virtually(main, self.clock)

    def engine(self, *, hook: Any = None, serve: bool = True, store: Any = None, **options: Any) -> Engine:
        """Return an engine that is not yet open; each has a worker's name of its own."""
        self.engines += 1
        flow = self.workflow(self.handlers) if serve else self.workflow

        def count(point: str, run: str) -> None:
            self.hits[point] += 1
            if hook is not None:
                hook(point, run)

        return virtual_engine(
            store or self.store,
            [flow],
            self.clock,
            seed=self.seed + self.engines,
            worker=f"w{self.engines}",
            hook=count,
            lease_s=self.lease_s,
            **options,
        )

    async def until(self, condition: Callable[[], bool], *, seconds: float = 10**7) -> None:
        """Let virtual time pass until something holds."""
        end = self.clock.now_us + seconds * 1e6
        while not condition():
            if self.clock.now_us > end:
                raise AssertionError("it did not come about")
            await asyncio.sleep(0.5)

    def row(self, run: str) -> Any:
        """Return the stored row of a run."""
        return self.store.load(run)

    def kinds(self, run: str) -> list[str]:
        """Return the kinds of a run's records."""
        return [record.kind for record in self.store.journal(run)]

    def records(self, run: str) -> list[dict[str, Any]]:
        """Return a run's records as data."""
        return [json.loads(record.body) for record in self.store.journal(run)]

    def states(self, run: str) -> list[str]:
        """Return the states that a run has entered."""
        return [record["to"] for record in self.records(run) if record["kind"] in ("started", "transition")]

    def check(self) -> None:
        """Assert that every journal is unbroken and legal."""
        from opord.loading import program_of

        program = protection_with(None).of(program_of(self.workflow))
        for row in self.store.runs(RunFilter(), limit=1000):
            problems = verify(
                program, row, self.store.journal(row.run, limit=10_000), (), self.store.values(row.run)
            )
            assert not problems, (row.run, problems, self.kinds(row.run))


class Crash:
    """Kills the engine that it hooks at the k-th point that it passes (from 1); `at` says which point that was."""

    def __init__(self, store: Mortal, k: int) -> None:
        self.store = store
        self.k = k
        self.passed = 0
        self.at: str | None = None
        self.happened = asyncio.Event()

    def __call__(self, point: str, run: str) -> None:
        if self.store.dead:
            raise Killed
        self.passed += 1
        if self.passed == self.k:
            self.at = point
            self.store.dead = True
            self.happened.set()
            raise Killed


async def kill(engine: Engine) -> None:
    """End an engine as SIGKILL would: nothing more is written, nobody is told."""
    if engine._open is None:
        return
    opened, engine._open = engine._open.process, None
    tasks = [opened.writer._pump, opened.waiters._polling]
    if opened.worker is not None:
        tasks += opened.worker._loops
        tasks += [flight.task for flight in opened.worker.flights.values()]
        tasks += list(opened.worker._side)
    living = [task for task in tasks if task is not None]
    for task in living:
        task.cancel()
    await asyncio.gather(*living, return_exceptions=True)


async def crash_at(kit: Kit, k: int, story: Callable[[Engine], Awaitable[Any]]) -> str | None:
    """Tell a story to an engine that dies at its k-th point; return which point that was, None if it lived."""
    mortal = Mortal(kit.store)
    crash = Crash(mortal, k)
    engine = kit.engine(hook=crash, store=mortal)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    await engine.__aenter__()

    async def tell() -> None:
        try:
            await story(engine)
        except Killed:
            await asyncio.sleep(10**8)

    telling = loop.create_task(tell())
    dying = loop.create_task(crash.happened.wait())
    await asyncio.wait([telling, dying], return_when=asyncio.FIRST_COMPLETED)
    for task in (telling, dying):
        if not task.done():
            task.cancel()
    results = await asyncio.gather(telling, dying, return_exceptions=True)
    await kill(engine)
    if crash.at is None:
        for result in results:
            if isinstance(result, Exception):
                raise result
    return crash.at


def ends_well(run: Run) -> bool:
    """Whether a run has ended, or waits for a person."""
    return run.status in ("ended", "in_doubt")
