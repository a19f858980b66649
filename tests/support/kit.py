"""A kit: engines in virtual time that live and die over one store, with one contract and handlers.

A crash is at a named point of the step protocol. From then on the engine can write nothing, as if
its process had been killed there. Then another engine is opened on the same store.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from opord.backends.front import Engine
from opord.drive.hooks import Point
from opord.engine.protection import protection_with
from opord.kernel.legality import verify_kept
from opord.loading import program_of
from opord.stores.base import RunFilter, Store
from opord.testing.clock import VirtualClock, run_virtually
from opord.testing.crashing import CrashPlan, Killed
from opord.testing.engines import kill, virtual_engine
from tests.support.contracts import compiled, workflow_of
from tests.support.store import FaultyStore
from tests.support.stores import new_store

T = TypeVar("T")


class Kit:
    """A store, a clock and a contract with handlers, on which engines live and die."""

    def __init__(
        self, text: str, handlers: Callable[[Any], Any], *, lease_s: float = 10.0, seed: int = 0
    ) -> None:
        self.module = compiled(text)
        self.workflow = workflow_of(self.module)
        self.clock = VirtualClock()
        self.store: Store = new_store(self.clock.now)
        self.handlers = handlers(self.module)
        self.lease_s = lease_s
        self.seed = seed
        self.engines = 0
        self.hits: Counter[str] = Counter()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the kit's virtual time."""
        logging.getLogger("opord").setLevel(logging.CRITICAL + 1)  # pytest keeps what a record tells of
        return run_virtually(main, self.clock)

    def engine(self, *, hook: Any = None, serve: bool = True, store: Any = None, **options: Any) -> Engine:
        """Return an engine that is not yet open; each has its own worker name."""
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
        """Let virtual time pass until a condition holds."""
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
        program = protection_with(None).of(program_of(self.workflow))
        for row in self.store.runs(RunFilter(), limit=1000):
            problems = verify_kept(program, self.store.kept(row.run), now=self.clock.now_us)
            assert not problems, (row.run, problems, self.kinds(row.run))


async def crash_at(kit: Kit, at: int | Point, story: Callable[[Engine], Awaitable[Any]]) -> str | None:
    """Run a story with an engine that dies at a point, given by its name or number.

    Return the point at which it died, or None if it lived.
    """
    plan = CrashPlan(at if isinstance(at, int) else None)
    if not isinstance(at, int):
        plan.kill_at_named(at, 1)
    store = FaultyStore(kit.store, crash_plan=plan)
    engine = kit.engine(hook=store.hook, store=store)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    await engine.__aenter__()

    async def tell() -> None:
        try:
            await story(engine)
        except Killed:
            await asyncio.sleep(10**8)

    telling = loop.create_task(tell())
    dying = loop.create_task(store.died.wait())
    await asyncio.wait([telling, dying], return_when=asyncio.FIRST_COMPLETED)
    for task in (telling, dying):
        if not task.done():
            task.cancel()
    results = await asyncio.gather(telling, dying, return_exceptions=True)
    await kill(engine)
    if plan.point is None:
        for result in results:
            if isinstance(result, Exception):
                raise result
    return plan.point
