"""A world for tests: virtual time, a store of its own, and an engine that may die and restart.

Everything is synchronous. After each verb all runs have gone on as far as they can: calls are made,
tried again and checked, and virtual time passes for that. But a wait that the contract declares
(`after`, `at`, `ask within`) ends only by `advance`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_args

from opord.backends.front import LEASE_S, Engine
from opord.backends.misuse import labels_of, start_of
from opord.drive.errors import EngineError
from opord.drive.hooks import Point
from opord.drive.verbs import RunVerbs
from opord.engine.reaper import LONGEST_LEASE_S
from opord.engine.restoring import mark_restored
from opord.generated.handles import Sent, Start
from opord.generated.workflow import Workflow
from opord.kernel.instants import from_datetime, to_datetime
from opord.kernel.legality import verify_kept
from opord.kernel.needs import held_back
from opord.kernel.program import Program
from opord.kernel.rows import RecordRow, RunRow
from opord.kernel.run import Run as Stored
from opord.language.diagnostics.suggest import nearest
from opord.loading import program_of
from opord.stores.base import RunFilter, Store
from opord.stores.memory import MemoryStore
from opord.stores.values import read_run
from opord.testing.canary import LogLines, SecretRevealed, revealed
from opord.testing.clock import START_US, VirtualClock
from opord.testing.crashing import RUNS_MAX, CrashPlan, MortalStore, leave_leases
from opord.testing.engines import virtual_engine
from opord.testing.fakes import Fakes
from opord.testing.lone_store import OwnSchema, new_store
from opord.testing.run import Run
from opord.testing.script import ScriptError, TimeSpan, span_us
from opord.testing.sources import ContractSource, workflow_of
from opord.testing.stepping import Stepper, Stop
from opord.values.names import python_names
from opord.values.types import RunId

T = TypeVar("T")


NEVER_POLL_S = 3600.0
LEAKS_TOLD = 5
"""At most this many places of secrets in plain are told for a run."""


class StillMoving(AssertionError):
    """A run goes on and on without coming to rest."""


class World:
    """A place where runs live in virtual time.

    Args:
        seed: the seed of all randomness: the spread of retries, and the ids of runs without a key.
        start: the instant at which its time begins; by default an ordinary day in 2026.
        patience: how much virtual time one verb may take until everything rests.
        kill_at: the number of the point at which an engine dies; see `crash_everywhere`.
        watch_secrets: whether `verify` and `close` look for secrets in plain.
        store: the URL of a PostgreSQL database, such as `postgresql:///shop_test`. The world makes
            a schema of its own there, and drops it at its end. By default it is in memory.
        labels: the labels whose runs its engine takes, as `Engine` has them. By default it takes
            the runs without a label, and those of each label that it starts a run with.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        start: datetime | None = None,
        patience: TimeSpan = timedelta(days=2),
        kill_at: int | None = None,
        watch_secrets: bool = True,
        store: str | None = None,
        limits: Mapping[str, Any] | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        self.seed = seed
        self._limits = limits
        self.crash_plan: CrashPlan = CrashPlan(kill_at)
        self.crashes: int = 0
        self._clock = VirtualClock(START_US if start is None else from_datetime(start.astimezone(UTC)))
        self._start = start
        self._patience_us = span_us(patience)
        self._url = store
        self._labels_given = labels is not None
        self._labels = labels_of(labels or ())
        self.store: Store = new_store(store, self._clock.now)
        self._stepper = Stepper(self._clock)
        self._served: dict[type[Workflow], Any] = {}
        self._fakes: dict[type[Workflow], Fakes] = {}
        self._engine: Engine | None = None
        self._mortal: MortalStore | None = None
        self._engines = 0
        self._task: Any = None
        self._watch_secrets = watch_secrets
        self._log = LogLines()
        self._held = False
        self._problem: Exception | None = None

    # --- time ------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The present instant, in UTC."""
        return to_datetime(self._clock.now_us)

    def advance(self, span: TimeSpan) -> None:
        """Let time pass: what becomes due on the way happens at its time."""
        self._advance_to(self._clock.now_us + span_us(span))

    def advance_to(self, instant: datetime) -> None:
        """Let time pass until an instant."""
        if instant.tzinfo is None:
            raise ScriptError(
                f"advance_to needs a time zone, as in datetime(…, tzinfo=UTC), got: {instant!r}"
            )
        target = from_datetime(instant.astimezone(UTC))
        if target < self._clock.now_us:
            raise ScriptError(f"time does not go back: it is {self.now:%Y-%m-%d %H:%M:%S} UTC already")
        self._advance_to(target)

    @contextmanager
    def time_stands_still(self) -> Iterator[None]:
        """Let time pass only by `advance`, also for calls and retries.

        So a test can act in the middle of these.
        """
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before
        self._come_to_rest()

    # --- contracts -------------------------------------------------------------------------------

    def fakes(self, contract: ContractSource, *, real: Any = None) -> Fakes:
        """Return a fake for each call of a contract.

        With `real` handlers, each fake that is not scripted passes its calls on to them, and keeps
        the ledger.
        """
        workflow, _ = workflow_of(contract)
        fakes = Fakes(program_of(workflow), self, real)
        self._fakes[workflow] = fakes
        return fakes

    def start(
        self,
        contract: ContractSource | Start[Any],
        members: Mapping[str, Any] | None = None,
        /,
        *,
        handlers: Any = None,
        **input: Any,
    ) -> Run:
        """Start a run, and let everything go on as far as it can.

        Args:
            contract: the contract to start; or a start that it prepared, as in
                `OrderFulfilment.prepare(order=order)`, beside which only `handlers`, `priority` and
                `label` are given.
            members: the input by the names in the contract, if keywords cannot give it.
            handlers: fakes, or handlers as an engine takes them. By default those given before for
                this contract, or the fakes made for it. Others are a new deployment: they carry all
                its runs from now on.
            input: a value for each parameter of the contract, typed or as plain data.

        Raises:
            opord.Refused: the input does not fit, or a run of this key has another.
        """
        scheduling: dict[str, Any] = {}
        if isinstance(contract, Start):
            prepared, given = start_of(contract, (), input)
            contract, members, input = prepared.workflow, prepared.members, {}
            scheduling = {"priority": given.priority, "label": given.label or None}
            self._take(given.label)
        workflow, joined = workflow_of(contract)
        program = program_of(workflow)
        self._serve(workflow, handlers if handlers is not None else joined)
        forms = {form: name for name, form in python_names(p.name for p in program.contract.params).items()}
        members_by_name = {
            **(members or {}),
            **{forms.get(form, form): value for form, value in input.items()},
        }
        before = {row.run for row in self._rows()}

        def landed() -> str | None:
            return next((row.run for row in self._rows() if row.run not in before), None)

        run = self._do(lambda engine: engine.start_run(program, members_by_name, **scheduling), landed)
        return Run(self, program, run)

    def _take(self, label: str) -> None:
        """Let the engine take the runs of a label, if the world was not given its labels."""
        if not self._labels_given and label not in self._labels:
            self._labels = (*self._labels, label)
            self._end_engine()

    def serve(self, contract: ContractSource, handlers: Any = None) -> None:
        """Let the engine carry runs of a contract, before anything is started.

        Without `handlers`, those that `contract` comes with, or the fakes that were made for it.
        """
        workflow, own = workflow_of(contract)
        self._serve(workflow, handlers if handlers is not None else own)

    def ask(self, job: Callable[[Engine], Awaitable[T]]) -> T:
        """Do asynchronous work with the engine, such as a request to a web application on it.

        Its time is the world's. Contracts with fakes are served. Everything has gone on as far as
        it can when this returns. After a crash the work is done once more, as a client would.
        """
        if not callable(job):
            raise ScriptError(f"expected an async function of the engine, as in world.ask(job), got: {job!r}")
        for workflow in self._fakes:
            self._serve(workflow, self._served.get(workflow))
        return self._do(job, lambda: None)

    def run(self, run: str) -> Run:
        """Return a run by its name, such as `OrderFulfilment/o1`."""
        row = self.store.load(RunId(run))
        if row is None:
            raise ScriptError(f"there is no run {run!r}; there are {', '.join(self._names()) or 'none'}")
        return Run(self, self._program(row), run)

    @property
    def runs(self) -> list[Run]:
        """All runs, in the order in which they were started."""
        return [Run(self, self._program(row), row.run) for row in reversed(self._rows())]

    # --- crashes ---------------------------------------------------------------------------------

    def restart(self) -> None:
        """Kill the engine, as SIGKILL would, and let a new one take over on the same store."""
        self._end_engine()
        self._come_to_rest()

    def backup(self) -> MemoryStore:
        """Return a copy of the store as it is now, for `restore`; it has to be in memory."""
        if not isinstance(self.store, MemoryStore):
            raise ScriptError("a world in PostgreSQL makes no copy; test a restore in memory: World()")
        return self.store.copy()

    def restore(self, backup: MemoryStore) -> None:
        """Lose the store and put a copy in its place, marked as `opord db restored` does it.

        A new engine goes on with the copy.
        """
        self._end_engine()
        self.store = backup.copy()
        for _ in mark_restored(self.store, actor="operator"):
            pass
        self._come_to_rest()

    def crash_at(self, point: Point, *, nth: int = 1) -> None:
        """Let the engine die the nth time that it passes a point from now on.

        A new one takes over at once.
        """
        points = get_args(Point)
        if point not in points:
            near = nearest(point, points)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(points)}"
            raise ScriptError(f"there is no point {point!r} to crash at; {hint}")
        self.crash_plan.kill_at_named(point, nth)

    # --- the end ---------------------------------------------------------------------------------

    def verify(self) -> None:
        """Assert that every journal is unbroken, and that every move in it was legal.

        Also assert that no handler revealed a secret into a plain part of a result or failure, or
        into a log line; `watch_secrets=False` leaves that out.

        Raises:
            SecretRevealed: one did.
        """
        for row in self._rows():
            whole_run = self.store.kept(row.run)
            assert whole_run is not None, row.run
            problems = verify_kept(self._program(row), whole_run, now=self._clock.now_us)
            if problems:
                listed = "\n".join(f"  - {problem}" for problem in problems)
                raise self.run(row.run).wrong(f"its journal is not legal:\n{listed}")
            if self._watch_secrets:
                self._look_for_secrets(row)

    def _look_for_secrets(self, row: RunRow) -> None:
        found = revealed(self.stored(row.run), self.journal(row.run), self._log.lines)
        leaks = list(dict.fromkeys(found))
        if leaks:
            listed = "\n".join(f"  - {leak}" for leak in leaks[:LEAKS_TOLD])
            raise SecretRevealed(f"{row.run}: secrets were revealed:\n{listed}")

    def close(self) -> None:
        """End this world: its engine dies, and every journal is verified."""
        try:
            self._end()
            self.verify()
        finally:
            self.discard()

    def discard(self) -> None:
        """End this world without verifying it."""
        self._end()
        if isinstance(self.store, OwnSchema):
            self.store.drop()

    def _end(self) -> None:
        if not self._stepper.loop.is_closed():
            self._end_engine()
            self._stepper.close()

    def again(self, *, kill_at: int | None = None) -> World:
        """Return a new world like this one at its beginning."""
        patience = timedelta(microseconds=self._patience_us)
        return World(
            seed=self.seed,
            start=self._start,
            patience=patience,
            kill_at=kill_at,
            watch_secrets=self._watch_secrets,
            store=self._url,
            labels=self._labels if self._labels_given else None,
        )

    # --- what runs and fakes ask for -------------------------------------------------------------

    def send(self, run: str, event: str, members: Mapping[str, Any], *, actor: str, role: str | None) -> Sent:
        """Send a run an event; see `Run.send`."""
        before = self._receptions(run, event)

        def landed() -> Sent | None:
            now = self._receptions(run, event)
            return Sent("taken", self.stored(run).state) if now > before else None

        with self._telling(run):
            return self._do(
                lambda engine: engine.send_event(run, event, members, actor=actor, role=role), landed
            )

    def act(self, run: str, verb: Callable[[RunVerbs], Awaitable[None]]) -> None:
        """Do what a person can do to a run: resume, resolve, terminate."""
        before = len(self.journal(run))

        def landed() -> bool | None:
            return True if len(self.journal(run)) > before else None

        async def go(engine: Engine) -> bool:
            await verb(engine.client)
            return True

        with self._telling(run):
            self._do(go, landed)

    def stored(self, run: str) -> Stored:
        """Return a run as it is in the store."""
        row = self.store.load(RunId(run))
        assert row is not None, run
        return read_run(self.store, self._program(row), row)

    def journal(self, run: str) -> list[RecordRow]:
        """Return a run's records."""
        records: list[RecordRow] = []
        while page := self.store.journal(RunId(run), after=records[-1].seq if records else 0):
            records += page
        return records

    def complain(self, error: Exception) -> None:
        """Let the verb that is under way fail with an error."""
        self._problem = self._problem or error

    # --- going on --------------------------------------------------------------------------------

    def _do(self, act: Callable[[Engine], Awaitable[T]], landed: Callable[[], T | None]) -> T:
        """Act as a client, then let all rest.

        After a crash the client repeats the request unless its effect can be seen.
        """
        while True:
            engine = self._up()

            async def acting(engine: Engine = engine) -> T:
                return await act(engine)

            self._task = task = self._stepper.loop.create_task(acting())
            self._let_rest()
            self._task = None
            if not self._died:
                self._come_to_rest()
                if not task.done():
                    raise StillMoving(
                        "the virtual time stands still, and this call waits for time to pass; call advance(…) first"
                    )
                return task.result()
            self._end_engine()
            done = landed()
            if done is not None:
                self._come_to_rest()
                return done

    def _come_to_rest(self) -> None:
        """Let everything go on as far as it can, through crashes; then report what went wrong."""
        while True:
            self._up()
            stopped = self._let_rest()
            if not self._died:
                break
            self._end_engine()
        problem, self._problem = self._problem, None
        if problem is not None:
            raise self._with_stories(problem)
        if not self._held and stopped == "late":
            moving = [row.run for row in self._rows() if self._moves(row)]
            raise self._with_stories(
                StillMoving(
                    f"{', '.join(moving)} did not come to rest within {timedelta(microseconds=self._patience_us)} "
                    "of virtual time; its calls are tried again and again"
                )
            )

    def _let_rest(self) -> Stop:
        """Let time pass until everything rests; what becomes due on the way happens at its time."""
        end = self._clock.now_us + (0 if self._held else self._patience_us)
        while True:
            with self._log.listening():
                stopped = self._stepper.run(self._rests, until=lambda: min(end, self._next_wake(end)))
            if stopped == "done" or self._clock.now_us >= end:
                return stopped
            self._nudge()

    def _next_wake(self, end: int) -> int:
        """Return when the next run becomes due after now; `end` if none does before."""
        wakes = [wake for wake in self._wakes() if wake > self._clock.now_us]
        return min(wakes, default=end)

    def _wakes(self) -> list[int]:
        """Return the instants at which runs wake that the engine takes."""
        rows = [row for row in self._rows() if row.label in self._labels]
        return [wake for wake in map(_wake, rows) if wake is not None]

    def _advance_to(self, target: int) -> None:
        self._come_to_rest()
        last = None
        while True:
            wake = min(self._wakes(), default=None)
            due = wake is not None and wake <= target
            nearest = wake if wake is not None and due else target
            if self._held:
                self._pass_until(nearest)
            elif due and wake == last:
                raise self._with_stories(StillMoving("something is due, but no run moves"))
            self._clock.now_us = max(self._clock.now_us, nearest)
            self._nudge()
            self._come_to_rest()
            if not due:
                return
            last = wake

    def _pass_until(self, instant: int) -> None:
        with self._log.listening():
            self._stepper.run(lambda: self._died, until=lambda: instant)

    def _rests(self) -> bool:
        if self._died or self._problem is not None:
            return True
        if self._task is not None and not self._task.done():
            return False
        worker = self._engine.worker if self._engine is not None else None
        if worker is not None and worker.busy:
            return False
        return not any(map(self._moves, self._rows()))

    def _moves(self, row: RunRow) -> bool:
        if row.label not in self._labels:
            return False
        head = row.head
        if head.status == "in_doubt" and head.worker is None:
            return not held_back(head.needs)
        if head.status == "waiting" and head.worker is None and '"pending":' in head.body:
            return read_run(self.store, self._program(row), row).between_attempts
        return head.worker is not None or head.status == "running"

    # --- engines ---------------------------------------------------------------------------------

    def _serve(self, workflow: type[Workflow], handlers: Any) -> None:
        chosen = handlers if handlers is not None else self._served.get(workflow, self._fakes.get(workflow))
        if chosen is None:
            raise ScriptError(
                f"{workflow.__name__} has no handlers; give handlers=…, or make fakes for it first: "
                f"fakes = world.fakes({workflow.__name__})"
            )
        if self._served.get(workflow) is not chosen:
            self._served[workflow] = chosen
            self._end_engine()

    def _up(self) -> Engine:
        """Return the engine, a new one if necessary."""
        if self._engine is not None:
            return self._engine
        self._engines += 1
        mortal = self._mortal = MortalStore(self.store, self.crash_plan)
        joined = [
            workflow(handlers._handlers() if isinstance(handlers, Fakes) else handlers)
            for workflow, handlers in self._served.items()
        ]
        engine = virtual_engine(
            mortal,
            joined,
            self._clock,
            seed=self.seed + self._engines,
            worker=f"worker-{self._engines}",
            poll_s=NEVER_POLL_S,
            lease_s=LONGEST_LEASE_S,
            limits=self._limits,
            labels=self._labels,
            hook=mortal.hook,
            secret_keys="",
            insecure_plaintext_secrets=True,
            watch_pure=self.complain,
        )
        task = self._stepper.loop.create_task(engine.__aenter__())
        self._stepper.run(task.done, until=self._clock.now)
        self._engine = engine
        task.result()
        return engine

    @property
    def _died(self) -> bool:
        return self._mortal is not None and self._mortal.dead

    def _end_engine(self) -> None:
        """End an engine as SIGKILL would: nothing more is written, nobody is notified."""
        if self._mortal is None:
            return
        self.crashes += self._mortal.dead
        self._mortal.dead = True
        self._task = None
        self._stepper.end_tasks()
        leave_leases(self.store, f"worker-{self._engines}", seconds=LEASE_S)
        self._engine = self._mortal = None

    def _nudge(self) -> None:
        worker = self._up().worker
        if worker is not None:
            worker.nudge()

    # --- reading ---------------------------------------------------------------------------------

    def _rows(self) -> list[RunRow]:
        return self.store.runs(RunFilter(), limit=RUNS_MAX)

    def _names(self) -> list[str]:
        return [row.run for row in self._rows()]

    def _program(self, row: RunRow) -> Program:
        return next(program for program in map(program_of, self._served) if program.is_named_by(row.contract))

    def _receptions(self, run: str, event: str) -> int:
        """Count how often a run has received an event, taken or stored."""
        if self.store.load(RunId(run)) is None:
            return 0
        return sum(one.get("event") == event for one in self.run(run).history)

    @contextmanager
    def _telling(self, run: str) -> Iterator[None]:
        """Add the run's story to refusals."""
        try:
            yield
        except EngineError as error:
            error.add_note(f"\n{self.run(run).story}")
            raise

    def _with_stories(self, error: Exception) -> Exception:
        error.add_note("\n" + "\n\n".join(run.story for run in self.runs))
        return error


def _wake(row: RunRow) -> int | None:
    return None if row.head.status == "ended" else row.head.wake_at
