"""Explores one run: starts it, sends it events, kills its engine at random, until it ends.

The engine is the real one (worker, flights, client) on the memory store, in virtual time, on one
thread. All randomness comes from the run's seed, so the same seed gives the same story.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from random import Random
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from opord.drive.calls import Handler, bind_handlers
from opord.drive.errors import EngineError, InputInvalid, StartRefused
from opord.drive.hooks import Hook, nothing
from opord.drive.starts import refusal
from opord.drive.verbs import RunVerbs
from opord.engine.environment import Environment
from opord.engine.process import Carried, Process
from opord.engine.programs import Programs, stored_form
from opord.engine.protection import Protection
from opord.kernel.program import EventProgram, Program
from opord.kernel.rows import RecordRow, RunRow, StoredContract, ValueRow, has_ended, is_held
from opord.kernel.run import Run, RunBody
from opord.kernel.taking import fitting, handlers_now
from opord.language.spelling import spell
from opord.simulate.drawn import PureOrigins
from opord.simulate.outside import Outside
from opord.simulate.values import Chosen, Constants
from opord.stores.memory import MemoryStore
from opord.stores.values import read_run
from opord.testing.clock import VirtualClock, VirtualLoop, virtual_environment
from opord.testing.crashing import CrashPlan, MortalStore, kill_process, leave_leases
from opord.values.types import Instant, RunId

LEASE_S = 1e9
"""The lease of a living worker, and its longest sleep, in seconds: for ever.

Nothing has to be renewed or looked for, so virtual time jumps over days in which nothing happens.
Whatever is sent wakes the worker. One that dies leaves `LEASE_LEFT_S`.
"""

LEASE_LEFT_S = 30.0
CALL_LIMIT_S = 300.0
A_TICK_S = 2e-6
"""The virtual time in which everything happens that needs no waiting."""

MOVES_MAX = 120
"""The number of moves after which a run is left alone: it could go round for ever."""

TURNS_MAX = 3000
"""The number of turns after which a run is left alone: it could try a call for ever."""

QUIET_TURNS_MAX = 60
"""The number of turns in which nothing at all happens to a run before it counts as stuck.

While a call is under way, each of these turns is twice as long as the one before.
"""

VAIN_EVENTS_MAX = 60
"""The number of events without effect after which a waiting run without a timer counts as stuck.

Each event has other values.
"""

INPUTS_MAX = 50
FITTING_INPUTS_MAX = 2000
"""How many inputs are drawn to find one that fits every `require` of the contract."""

DRAWS_MAX = 40
"""How many values are drawn for an event to find some that fit its handler's condition."""

POINTS_BEFORE_CRASH = 24

_body = msgspec.json.Decoder(RunBody).decode

ExplorationEnd: TypeAlias = Literal["ended", "stalled", "stuck", "cut off"]


class NoInput(Exception):
    """The contract refuses every drawn input; the message says why it refuses the last one."""


class Explored(NamedTuple):
    """The result of one explored run."""

    seed: int
    end: ExplorationEnd
    why: str
    row: RunRow
    records: list[RecordRow]
    values: list[ValueRow]
    crashes: int
    happenings: Counter[str]


class Driver:
    """Explores runs of one program, one after the other.

    `pures` are real handlers of pures, by the name of the call; answers of the others are drawn.
    """

    def __init__(
        self, program: Program, constants: Constants, pures: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self.program: Program = Protection(insecure=True).of(program)
        self.constants = constants
        self.outside: Outside = Outside(self.program, pures or {})
        self.handlers: dict[str, Handler] = bind_handlers(self.program, self.outside.handlers)
        self.stored: StoredContract = stored_form(self.program)

    @cached_property
    def origins(self) -> PureOrigins:
        """Where answers of pures go in the contract."""
        return PureOrigins(self.program.contract)

    def explore(self, seed: int) -> Explored:
        """Explore the run of a seed.

        Raises:
            NoInput: the contract refuses every input that was drawn.
        """
        return _OneRun(self, seed).go()


class _OneRun:
    def __init__(self, driver: Driver, seed: int) -> None:
        self.driver, self.seed = driver, seed
        self.program = driver.program
        self.rng = Random(f"drive {seed}")
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock.now)
        self.store.put_contract(driver.stored)
        self.loop = VirtualLoop(self.clock)
        self.loop.set_exception_handler(lambda *_: None)
        self.values = Chosen(
            self.program.contract, driver.constants, self.clock.now, Random(f"values {seed}")
        )
        calm = self.rng.random() < 0.25
        self.patience = self.rng.choice((0.1, 0.35, 0.35, 0.9))
        self.crashes_left = 0 if calm else self.rng.choice((0, 0, 1, 1, 2))
        driver.outside.begin(self.values, self.clock, Random(f"outside {seed}"), calm=calm)
        driver.outside.intent_now = self._intent_now
        self.happenings: Counter[str] = Counter()
        self.sent: list[tuple[str, Any, str, str | None]] = []
        self.run: str = ""
        self.lives = 0
        self.crashes = 0
        self.quiet = 0

    def go(self) -> Explored:
        """Drive the run in an event loop of its own."""
        asyncio.set_event_loop(None)
        try:
            end, why = self.loop.run_until_complete(self._drive())
        finally:
            self._close()
        row = self._row()
        records = self.store.journal(RunId(self.run), limit=100_000)
        return Explored(
            self.seed,
            end,
            why,
            row,
            records,
            self.store.values(RunId(self.run)),
            self.crashes,
            self.happenings,
        )

    def _close(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        self.mortal.dead = True
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(BaseException):
                self.loop.run_until_complete(task)
        self.loop.close()

    # --- the engine ------------------------------------------------------------------------------

    async def _come_up(self) -> None:
        """Open an engine; after a crash it is a new one."""
        self.lives += 1
        kill_at = self.rng.randrange(1, POINTS_BEFORE_CRASH) if self.crashes_left else None
        self.mortal = MortalStore(self.store, CrashPlan(kill_at))
        environment = virtual_environment(
            self.clock, seed=self.seed + self.lives, worker=f"worker-{self.lives}"
        )
        environment.poll_s = LEASE_S
        self.process = self._process(self.mortal, environment, self.mortal.hook)
        self.worker = await self.process.carry(
            [Carried(self.program, self.driver.handlers)],
            lease_s=LEASE_S,
            call_limit_s=CALL_LIMIT_S,
            concurrency=10,
        )

    def _process(self, store: Any, environment: Environment, hook: Hook = nothing) -> Process:
        programs = Programs(Protection(insecure=True), [self.program])
        process = Process(store, programs=programs, environment=environment, hook=hook)
        process.open()
        return process

    async def _replace_crashed(self) -> None:
        """End the engine that has crashed, as SIGKILL would, and start another one."""
        self.crashes += 1
        self.crashes_left -= 1
        await kill_process(self.process)
        self.happenings["crash"] += 1
        leave_leases(self.store, f"worker-{self.lives}", seconds=LEASE_LEFT_S)
        await self._come_up()

    def _outside_client(self) -> RunVerbs:
        """Return a client in another process, which no crash of the worker touches."""
        environment = virtual_environment(self.clock, seed=self.seed, worker="client")
        return self._process(self.store, environment).client

    # --- the story -------------------------------------------------------------------------------

    async def _drive(self) -> tuple[ExplorationEnd, str]:
        self.client = self._outside_client()
        await self._come_up()
        await self._start()
        entered, vain = -1, 0
        last: RunRow | None = None
        for _ in range(TURNS_MAX):
            await asyncio.sleep(A_TICK_S)
            if self.mortal.dead:
                await self._replace_crashed()
                continue
            row = self._row()
            self.quiet = self.quiet + 1 if row == last else 0
            last = row
            if has_ended(row.head.status):
                return "ended", ""
            run = read_run(self.store, self.program, row)
            if is_held(run.status):
                return "stalled", run.reason or ""
            if run.body.entered != entered:
                entered, vain = run.body.entered, 0
                if entered > MOVES_MAX:
                    return "cut off", f"after {MOVES_MAX} moves it had not ended"
            if run.status == "waiting" and run.wake_at is None:
                vain += 1
                if vain > VAIN_EVENTS_MAX:
                    return "stuck", self._why_stuck(run)
            elif self.quiet > QUIET_TURNS_MAX and not run.waits:
                return (
                    "stuck",
                    f"it is {run.status.replace('_', ' ')} in {run.state}, and nothing happens",
                )
            await self._turn(run)
        return "cut off", f"after {TURNS_MAX} turns it had not ended"

    def _why_stuck(self, run: Run) -> str:
        events = ", ".join(handlers_now(run))
        if not events:
            return f"it waits in {run.state}, and nothing can move it"
        return f"it waits in {run.state}, no timer runs, and none of {VAIN_EVENTS_MAX} events ({events}) moved it"

    async def _turn(self, run: Run) -> None:
        """Do one thing from outside, or let time pass."""
        if run.waits:
            await self._while_it_waits(run)
        elif run.status == "in_doubt" and run.intent is not None and run.intent.asking:
            await self._person(run)
        else:
            if self.rng.random() < 0.1 / 2**self.quiet:
                await self._any_event(run)
            await self._pass(self._until(run))

    def _until(self, run: Run) -> float:
        """Return how long to let a run go on by itself, in seconds."""
        if self.worker.busy:
            return float(self.rng.choice((0.01, 0.3, 2.0, 15.0)) * 2**self.quiet)
        due = (run.wake_at or self.clock.now_us) - self.clock.now_us
        return max(due / 1e6, 0.001)

    async def _while_it_waits(self, run: Run) -> None:
        rng = self.rng
        due_s = None if run.wake_at is None else max((run.wake_at - self.clock.now_us) / 1e6, 0.001)
        events = sorted(handlers_now(run))
        if due_s is not None and (not events or rng.random() < self.patience):
            await self._pass(due_s)
            self.happenings["timer"] += 1
            return
        drawn = rng.random()
        if self.sent and drawn < 0.05:
            await self._send(*rng.choice(self.sent), what="event again")
        elif drawn < 0.1:
            await self._any_event(run)
        else:
            others = [event for event in events if event != "cancel"]
            if others and ("cancel" not in events or rng.random() < 0.85):
                await self._fitting_event(run, rng.choice(others))
            elif events:
                await self._new_event("cancel", "event")
        longest = 3600.0 if due_s is None else due_s
        await self._pass(longest * rng.random() ** 6)

    async def _any_event(self, run: Run) -> None:
        """Send an event that may come too early or too late for the state.

        Half of the time, send one that the state handles.
        """
        handled = sorted(handlers_now(run))
        if handled and self.rng.random() < 0.5:
            await self._new_event(self.rng.choice(handled), "event")
        elif self.program.events:
            await self._new_event(self.rng.choice(sorted(self.program.events)), "event out of time")

    async def _person(self, run: Run) -> None:
        """Resolve a doubt truthfully, or let its time pass."""
        intent = run.intent
        assert intent is not None
        if run.wake_at is not None and self.rng.random() < 0.4:
            await self._pass(max((run.wake_at - self.clock.now_us) / 1e6, 0.001))
            return
        await self._pass(3600.0 * self.rng.random() ** 3)
        done = self.driver.outside.happened(intent.call, intent.key)
        self.happenings["resolve"] += 1
        with contextlib.suppress(EngineError):
            await self.client.resolve(
                self.run, happened=done is not None, result=done.result if done is not None else None,
                actor="olga", reason="looked it up",
            )  # fmt: skip
        self.worker.nudge()

    # --- what comes in ---------------------------------------------------------------------------

    async def _start(self) -> None:
        why = ""
        for _ in range(INPUTS_MAX):
            try:
                members, accepted = self._fitting_input()
                started = await self.client.start(self.program, accepted)
            except (InputInvalid, ValueError) as error:
                why = str(error)
                continue
            self.run = started.run
            self.values.learn(members)
            if self.rng.random() < 0.1:
                await self._any_event(read_run(self.store, self.program, self._row()))
            self.worker.nudge()
            return
        raise NoInput(why)

    def _fitting_input(self) -> tuple[dict[str, Any], Any]:
        """Draw an input that fits every `require`; return it plain and as the contract accepts it.

        Raises:
            NoInput: none that was drawn fits.
        """
        refused: StartRefused | None = None
        for _ in range(FITTING_INPUTS_MAX):
            members = self.values.fields(self.program.contract.params)
            accepted = self.program.input.accept(members)
            refused = refusal(self.program, accepted)
            if refused is None:
                return members, accepted
        assert refused is not None
        asked = refused.requirement
        by = f"by `require {spell(asked.condition)}`" if asked is not None else f"because {refused.why}"
        raise NoInput(f"{FITTING_INPUTS_MAX:,} were tried, and the last one was refused {by}")

    async def _fitting_event(self, run: Run, name: str) -> None:
        """Send an event, mostly with values that fit a handler's condition if some are found."""
        event = self.program.events[name]
        role = self.rng.choice(event.declaration.roles) if event.declaration.roles else None
        draws = DRAWS_MAX if self.rng.random() < 0.75 else 1
        args, actor = self._drawn(event), self.values.actor()
        while draws > 1 and not self._fits(run, name, args, actor):
            args, actor = self._drawn(event), self.values.actor()
            draws -= 1
        await self._send(name, args, actor, role, what="event")

    def _drawn(self, event: EventProgram) -> dict[str, Any]:
        return {one.name: self.values.value(one.type, one.name) for one in event.declaration.params}

    def _fits(self, run: Run, name: str, args: Any, actor: str) -> bool:
        event = self.program.events[name]
        try:
            rest = event.args.dump(event.args.accept(args))
            return fitting(run, name, rest, actor, Instant(self.clock.now_us)).handler is not None
        except ValueError:
            return False

    async def _new_event(self, name: str, what: str) -> None:
        event = self.program.events[name]
        args = self._drawn(event)
        role = self.rng.choice(event.declaration.roles) if event.declaration.roles else None
        await self._send(name, args, self.values.actor(), role, what=what)

    async def _send(self, name: str, args: Any, actor: str, role: str | None, *, what: str) -> None:
        self.happenings[what] += 1
        if what == "event":
            self.sent.append((name, args, actor, role))
        with contextlib.suppress(EngineError):
            await self.client.send(self.run, name, args, actor=actor, role=role)
        self.worker.nudge()

    # --- time and store --------------------------------------------------------------------------

    async def _pass(self, seconds: float) -> None:
        """Let time pass: in one jump if nothing is under way, else at most until that has ended."""
        flights = [flight.landed for flight in self.worker.flights.values()]
        if flights and not self.mortal.dead:
            await asyncio.wait(flights, timeout=seconds)
            return
        if self.worker.busy or self.mortal.dead:
            await asyncio.sleep(seconds)
            return
        self.clock.advance(seconds)
        self.worker.nudge()

    def _row(self) -> RunRow:
        row = self.store.load(RunId(self.run))
        if row is None:
            raise RuntimeError(f"{self.run} has gone from a store that only exploring has")
        return row

    def _intent_now(self) -> int:
        pending = _body(self._row().head.body).pending
        return pending.intent.seq if pending is not None and pending.intent is not None else 0
