"""The language of the engine's specification: a contract, scripted handlers, and one run of it.

    sim = Sim(CONTRACT, charge=[fails("Problem.Busy"), {"id": "r1"}])
    sim.tell(lambda here: here.rests())
    assert (sim.calls("charge"), sim.state) == (2, "Charged")

A script lists the answers of a handler, call by call. Its last answer is used for all further
calls.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

from opord.backends.front import Engine
from opord.engine.protection import protection_with
from opord.generated.handlers import handler_names
from opord.generated.handles import Sent
from opord.kernel.needs import held_back
from opord.kernel.requests import Call
from opord.kernel.run import Run, load_run
from opord.kernel.views import details_view, run_view
from opord.loading import program_of
from opord.values.duration import parse_duration
from tests.support.contracts import workflow_of
from tests.support.kit import Kit


class Made(NamedTuple):
    """A call as the handler saw it. `at` is in seconds since the clock began."""

    at: float
    args: tuple[Any, ...]
    call: Call | None


class Fails(NamedTuple):
    """A declared failure, by its name in the contract."""

    name: str
    fields: dict[str, Any]


class After(NamedTuple):
    """An answer that comes only after some seconds."""

    seconds: float
    answer: Any


def fails(name: str, **fields: Any) -> Fails:
    """Answer with a declared failure."""
    return Fails(name, fields)


def after(seconds: float, answer: Any = None) -> After:
    """Answer late."""
    return After(seconds, answer)


NEVER = After(10**9, None)
"""An answer that does not come."""


class Desk:
    """Handlers that answer by their scripts and remember their calls."""

    def __init__(self, scripts: dict[str, Sequence[Any]]) -> None:
        self.scripts = {name: list(script) for name, script in scripts.items()}
        self.made: dict[str, list[Made]] = {}
        self.now: Callable[[], float] = lambda: 0.0
        self._module: Any = None

    def handlers(self, module: Any) -> object:
        """Make an object with a handler for each call of the contract."""
        self._module = module
        program = program_of(workflow_of(module))
        methods: dict[str, Any] = {}
        for name, form in handler_names(program).items():
            self.made[name] = []
            methods[form] = self._pure(name) if program.calls[name].kind == "pure" else self._call(name)
        return type("Handlers", (), methods)()

    def _pure(self, name: str) -> Any:
        def answer(_: object, *args: Any) -> Any:
            return self._outcome(self._next(name, args, None), args)

        return answer

    def _call(self, name: str) -> Any:
        async def answer(_: object, *args: Any, call: Call | None = None) -> Any:
            said = self._next(name, args, call)
            while isinstance(said, After):
                await asyncio.sleep(said.seconds)
                said = said.answer
            found = self._outcome(said, args)
            return await found if isinstance(found, Awaitable) else found

        return answer

    def answer_at_once(self, name: str, args: tuple[Any, ...], call: Call | None) -> Any:
        """Answer a call as a plain handler does."""
        return self._outcome(self._next(name, args, call), args)

    def _next(self, name: str, args: tuple[Any, ...], call: Call | None) -> Any:
        self.made[name].append(Made(self.now(), args, call))
        script = self.scripts.get(name, [None])
        return script.pop(0) if len(script) > 1 else script[0]

    def _outcome(self, said: Any, args: tuple[Any, ...]) -> Any:
        if isinstance(said, Fails):
            found = self._module
            for part in said.name.split("."):
                found = getattr(found, part)
            raise found(**said.fields)
        if isinstance(said, BaseException):
            # A new one each time, as handlers raise them.
            raise copy.copy(said)
        if callable(said):
            return said(*args)
        return said


class Fixed(random.Random):
    """A random source that always returns the same number."""

    def __init__(self, drawn: float) -> None:
        super().__init__(0)
        self._drawn = drawn

    def random(self) -> float:
        return self._drawn


class Threads(Executor):
    """Runs each call after as many virtual seconds as the handler says."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self.seconds = list(seconds)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()

        def call() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        asyncio.get_running_loop().call_later(self.seconds.pop(0) if self.seconds else 0.0, call)
        return future


class Here:
    """An open engine and the run of a story."""

    def __init__(self, sim: Sim, engine: Engine) -> None:
        self.sim = sim
        self.engine = engine
        self.client = engine.client

    async def start(self, **members: Any) -> str:
        """Start the run, with the sim's input unless another is given."""
        self.sim.id = await self.engine.start_run(self.sim.program, members or self.sim.input)
        return self.sim.id

    async def send(
        self, event: str, *, actor: str = "ann", role: str | None = None, delivery: str = "", **members: Any
    ) -> Sent:
        """Send an event to the run."""
        return await self.client.send(self.sim.id, event, members, actor=actor, role=role, delivery=delivery)

    async def resume(self) -> None:
        await self.client.resume(self.sim.id, actor="ops")

    async def resolve(self, happened: bool, result: Any = None) -> None:
        await self.client.resolve(self.sim.id, happened=happened, result=result, actor="ops")

    async def terminate(self) -> None:
        await self.client.terminate(self.sim.id, actor="root", reason="enough")

    async def rests(self) -> None:
        """Let time pass until the run waits, has ended, or needs a person."""
        await self.until(lambda: self.sim.rests)

    async def until(self, condition: Callable[[], bool], seconds: float = 4000) -> None:
        """Let time pass until a condition holds."""
        await self.sim.kit.until(condition, seconds=seconds)

    async def reaches(self, state: str) -> None:
        """Let time pass until the run is in a state."""
        await self.until(lambda: self.sim.state == state)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def leap(self, span: str) -> None:
        """Let much time pass at once, as on a machine that was asleep.

        Then let one more second pass, in which all tasks run.
        """
        self.sim.kit.clock.advance(parse_duration(span).total_seconds())
        await asyncio.sleep(1)


class Sim:
    """A contract with scripted handlers, in virtual time.

    `n=1` is the input unless another is given.
    """

    def __init__(
        self, text: str, *, input: dict[str, Any] | None = None, lease_s: float = 10, **scripts: Sequence[Any]
    ) -> None:
        self.desk = Desk(scripts)
        self.kit = Kit(text, self.desk.handlers, lease_s=lease_s)
        self.desk.now = self.kit.clock.monotonic
        self.module = self.kit.module
        self.program = protection_with(None).of(program_of(self.kit.workflow))
        self.input = input if input is not None else {"n": 1}
        self.id = ""

    # --- telling it ------------------------------------------------------------------------------

    def tell(
        self,
        *stories: Callable[[Here], Awaitable[Any]],
        started: bool = False,
        drawn: float | None = None,
        **options: Any,
    ) -> Sim:
        """Start the run and tell each story to an engine of its own, one after another.

        Then verify the journals.

        `drawn` is the number that engines draw from [0, 1) for the jitter of retries.
        """

        async def main() -> None:
            for number, story in enumerate(stories):
                engine = self.kit.engine(**options)
                if drawn is not None and engine._environment is not None:
                    engine._environment.random = Fixed(drawn)
                async with engine:
                    here = Here(self, engine)
                    if number == 0 and not started and not self.id:
                        await here.start()
                    await story(here)

        self.kit.run(main())
        self.kit.check()
        return self

    def rest(self, **options: Any) -> Sim:
        """Start the run and let time pass until it rests."""
        return self.tell(lambda here: here.rests(), **options)

    def on_threads(self, threads: Threads) -> Sim:
        """Give each engine these threads for its plain handlers."""
        engine = self.kit.engine

        def with_threads(**options: Any) -> Engine:
            made = engine(**options)
            assert made._environment is not None
            made._environment.threads = threads
            return made

        self.kit.engine = with_threads  # type: ignore[method-assign]
        return self

    def advance(self, span: str) -> None:
        """Let time pass while no engine is open."""
        self.kit.clock.advance(parse_duration(span).total_seconds())

    # --- what became of it -----------------------------------------------------------------------

    @property
    def run(self) -> Run:
        return load_run(self.program, self.kit.row(self.id))

    @property
    def rests(self) -> bool:
        row = self.kit.row(self.id)
        if row is None or row.head.worker is not None:
            return False
        if row.head.status == "waiting":
            return not self.run.between_attempts
        return row.head.status in ("ended", "stalled") or held_back(row.head.needs)

    @property
    def state(self) -> str:
        return self.kit.row(self.id).head.state if self.id else ""

    @property
    def status(self) -> str:
        return self.kit.row(self.id).head.status

    @property
    def ending(self) -> tuple[str, Any]:
        """The state and its data."""
        run = self.run
        return run.state, run.data

    @property
    def view(self) -> dict[str, Any]:
        """The run as `opord runs show` shows it."""
        return run_view(self.run)

    @property
    def details(self) -> dict[str, Any]:
        """What `show` tells beside the view."""
        return details_view(self.run.body, self.kit.store.inbox(self.id))

    @property
    def states(self) -> list[str]:
        return self.kit.states(self.id)

    @property
    def kinds(self) -> list[str]:
        return self.kit.kinds(self.id)

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the run's records, of these kinds if any are named."""
        return [one for one in self.kit.records(self.id) if not kinds or one["kind"] in kinds]

    def record(self, kind: str) -> dict[str, Any]:
        """The one record of that kind."""
        (found,) = self.records(kind)
        return found

    def made(self, call: str) -> list[Made]:
        return self.desk.made[call]

    def calls(self, call: str) -> int:
        return len(self.desk.made[call])

    def keys(self, call: str) -> list[str]:
        return [made.call.key for made in self.desk.made[call] if made.call is not None]

    def pauses(self, call: str) -> list[float]:
        """Return the seconds between one call and the next."""
        times = [made.at for made in self.desk.made[call]]
        return [later - earlier for earlier, later in itertools.pairwise(times)]
