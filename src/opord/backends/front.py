"""The engine: a store, the contracts it serves, and a worker if there are handlers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, Unpack, overload
from uuid import UUID

from opord.backends.base import Backend, check_carried
from opord.backends.embedded import Embedded
from opord.backends.endpoints import read_endpoints, unknown_contracts
from opord.backends.limits import read_limits
from opord.backends.listing import RunConditions, RunPage, page_of, wish
from opord.backends.misuse import (
    check_key,
    check_number,
    check_url,
    check_workflows,
    class_of,
    handle_class,
    labels_of,
    start_of,
)
from opord.backends.transactions import EngineTransaction
from opord.drive import hooks
from opord.drive.accepting import accepted_by
from opord.drive.calls import bind_handlers
from opord.drive.errors import EngineClosed, HandlersInvalid, RunTerminated
from opord.drive.observing import Observer
from opord.drive.purity import NotPure
from opord.drive.verbs import RunVerbs
from opord.engine.collector import RELAXATION, relax_for_good
from opord.engine.environment import Environment
from opord.engine.need_calls import OnNeed
from opord.engine.process import Carried, Process
from opord.engine.programs import Programs
from opord.engine.protection import protection_with
from opord.engine.reaper import LONGEST_LEASE_S
from opord.engine.store_writer import StoreWriter
from opord.engine.worker import Worker
from opord.generated import RunHandle, Sent, Start, Startable, Workflow
from opord.kernel.calls_under_way import calls_by_run
from opord.kernel.instants import to_datetime
from opord.kernel.limits import Limit
from opord.kernel.program import Program
from opord.kernel.rows import WorkerSign
from opord.kernel.run import Run
from opord.kernel.views import details_view, history_view, run_view, under_way_view
from opord.loading import check_handlers, program_of
from opord.stores import open_store
from opord.stores.base import Store, StoreDamaged
from opord.values.constructors import told_in_words
from opord.values.types import Digest, RunId

__all__ = ["Engine", "relax_for_good"]

log: logging.Logger = logging.getLogger("opord.engine")

P = ParamSpec("P")
RunT = TypeVar("RunT", bound=RunHandle)

LEASE_S = 10.0
CALL_LIMIT_S = 300.0
CONCURRENCY = 1000
DRAIN_S = 30.0


class Engine:
    """Runs contracts on a store. Use it with `async with`.

    Args:
        store: a URL such as `sqlite:///orders.db`, or an open `Store`, which the engine does not
            close.
        workflows: contracts with handlers, `OrderFulfilment(Handlers())`, which this engine carries
            out; or without, `OrderFulfilment`, which it starts and sends events to.
        lease_s: how long a claim lasts unless renewed, in seconds, at most 600. After that time
            other workers take over a dead worker's runs.
        call_limit_s: how long a call without `timeout` may take, in seconds.
        concurrency: how many runs the engine carries at once.
        limits: how many runs of a contract, or calls of an effect or action, there may be at once
            or in a span of time, over all workers of the store, as in
            `{"Order": {"at_once": 100, "charge": {"per_second": 50, "by": "customer"}}}`.
        webhooks_out: which endpoints are told of runs, as the table of that name in the settings.
            Messages are kept for them from now on; `opord serve` or `opord webhooks send` sends
            them.
        labels: the labels whose runs this engine takes. Without any, it takes the runs that have no
            label; "" among them stands for those.
        drain_s: how long closing waits for calls under way, in seconds.
        secret_keys: the keys that encrypt stored secrets, as `opord keys new` writes them, the key
            for writing first. None reads `OPORD_SECRET_KEYS` from the environment.
        insecure_plaintext_secrets: store secrets readable if there is no key, instead of refusing
            such a contract.
        watch_pure: called for each `pure` handler that opens a file, a socket or a process, for
            development and tests; its run stalls. None does not watch and costs nothing.
        on_need: called with an `opord.OpenNeed` for each thing that a run needs from a person, once
            in this process. A plain function is called in a thread, and may take its time; one that
            returns an awaitable is awaited. An exception in it is logged and harms nothing.
        observer: hears what this engine does with runs, such as an `opord.telemetry.Metrics`.
        create: make the store if it does not exist. With False, a missing store raises
            `StoreMissing`.
        relax_collector: let Python's garbage collector run less often while an engine is open in
            this process, if its thresholds are Python's own. False leaves it as it is, which costs
            a busy engine much of its speed.
        environment: clock, randomness and threads, for simulations.
        hook: called at every crash point of the step protocol, for tests.
    """

    @told_in_words('Engine("sqlite:///orders.db", [OrderFulfilment(Handlers())])')
    def __init__(
        self,
        store: str | Store,
        workflows: Sequence[Workflow | type[Workflow]] = (),
        *,
        lease_s: float = LEASE_S,
        call_limit_s: float = CALL_LIMIT_S,
        concurrency: int = CONCURRENCY,
        limits: Mapping[str, Any] | None = None,
        webhooks_out: Mapping[str, Any] | None = None,
        labels: Sequence[str] = (),
        drain_s: float = DRAIN_S,
        secret_keys: str | None = None,
        insecure_plaintext_secrets: bool = False,
        watch_pure: Callable[[NotPure], None] | None = None,
        on_need: OnNeed | None = None,
        observer: Observer | None = None,
        create: bool = True,
        relax_collector: bool = True,
        environment: Environment | None = None,
        hook: hooks.Hook = hooks.nothing,
    ) -> None:
        if isinstance(store, str) or not hasattr(store, "claim"):
            check_url(store)
        check_workflows(workflows)
        for name, number in (("lease_s", lease_s), ("call_limit_s", call_limit_s), ("drain_s", drain_s)):
            check_number(name, number)
        check_number("concurrency", concurrency, whole=True)
        # For a float that is not a number every comparison is false.
        if not 0 < lease_s <= LONGEST_LEASE_S:
            raise ValueError(f"expected lease_s above 0 and at most {LONGEST_LEASE_S}, got: {lease_s}")
        if not call_limit_s > 0 or concurrency < 1:
            raise ValueError(
                "expected call_limit_s above 0 and concurrency of at least 1, got: "
                f"{call_limit_s} and {concurrency}"
            )
        self._protection = protection_with(secret_keys, insecure=insecure_plaintext_secrets)
        self._store_at = store
        self._workflows = list(workflows)
        self._lease_s = lease_s
        self._call_limit_s = call_limit_s
        self._concurrency = concurrency
        self._limits = limits or {}
        self._endpoints = read_endpoints(webhooks_out or {})
        self._labels = labels_of(labels)
        self._drain_s = drain_s
        self._watch_pure = watch_pure
        self._on_need = on_need
        self._observer = observer
        self._create = create
        self._relaxes = relax_collector and environment is None
        self._environment = environment
        self._hook = hook
        self.on_open: Callable[[], None] | None = None
        """Called when the store is open, just before the first run is carried."""
        self._open: Embedded | None = None
        self._programs: dict[type[Workflow], Program] = {}
        self._kept: set[Digest] = set()

    # --- life ------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the store, keep the contracts in it, check the handlers, and start to work.

        Raises:
            RuntimeError: the engine is open already.
            HandlersInvalid: a handler is missing or has the wrong form.
            SecretsUnprotected: a contract has secrets, and there is no key to encrypt them.
            ContractConflict: another contract of the same name and version is in the store.
            LimitInvalid: a limit has an unknown name or a wrong value.
            StoreMissing: the store does not exist, and `create` is false.
            StoreError: the store cannot be opened.
        """
        if self._open is not None:
            raise RuntimeError(
                "the engine is open already; open it once, and pass it to the code that needs it, or make another one"
            )
        programs = [self._program(workflow) for workflow in self._workflows]
        served = {self._program(one).digest: one for one in self._workflows if isinstance(one, Workflow)}
        for workflow in served.values():
            problems = check_handlers(self._program(workflow), workflow.handlers)
            if problems:
                raise HandlersInvalid(self._program(workflow).name, problems)
        carried = [self._program(workflow).contract for workflow in served.values()]
        check_carried(Embedded.can, "this store", carried)
        limits = read_limits(self._limits, map(self._program, served.values()))
        environment = self._environment or Environment()
        try:
            store = await _in_thread(environment.store_thread, self._store)
        except BaseException:
            self._leave(environment)
            raise
        opened = Process(
            store, programs=Programs(self._protection, programs), environment=environment, hook=self._hook,
            on_need=self._on_need, observer=self._observer,
        )  # fmt: skip
        opened.open()
        try:
            if self._relaxes:
                RELAXATION.hold(self._concurrency)
                opened.relaxes = True
            await opened.keep(programs)
            if self._endpoints:
                await self._subscribe(opened)
            if served:
                if self.on_open is not None:
                    self.on_open()
                await self._carry(opened, served, limits)
                # Until the worker has reported that it serves them, another process could replace
                # them.
                await opened.keep(programs)
        except BaseException:
            await self._close(opened)
            raise
        self._kept = {program.digest for program in programs}
        self._open = Embedded(opened)
        return self

    async def __aexit__(self, *error: object) -> None:
        """Drain the worker and close the store."""
        opened, self._open = self._open, None
        if opened is not None:
            await self._close(opened.process)

    # Type checkers know that there is none, and say so themselves.
    if not TYPE_CHECKING:

        def __enter__(self) -> None:
            raise TypeError(
                "an engine is opened with `async with`; a program without an event loop uses "
                "`with opord.Client(url) as client`"
            )

        def __exit__(self, *error: object) -> None: ...

    def _program(self, workflow: Workflow | type[Workflow]) -> Program:
        """Return the program of a contract.

        It is made once, so that a start need not wait for it.
        """
        cls = workflow if isinstance(workflow, type) else type(workflow)
        program = self._programs.get(cls)
        if program is None:
            program = self._programs[cls] = self._protection.of(program_of(cls))
        return program

    def _store(self) -> Store:
        at = self._store_at
        return open_store(at, create=self._create) if isinstance(at, str) else at

    async def _carry(self, opened: Process, served: dict[Digest, Workflow], limits: Sequence[Limit]) -> None:
        programs = [self._program(workflow) for workflow in served.values()]
        await opened.carry(
            [Carried(one, bind_handlers(one, served[one.digest].handlers)) for one in programs],
            lease_s=self._lease_s,
            call_limit_s=self._call_limit_s,
            concurrency=self._concurrency,
            limits=limits,
            labels=self._labels,
            watch_pure=self._watch_pure,
        )

    async def _subscribe(self, opened: Process) -> None:
        wanted = [one.subscription for one in self._endpoints]
        for name in await opened.writer.call(opened.store.outbox.subscribe, wanted):
            log.info("webhooks to %s: from now on it is told what the settings say", name)
        known = {one.name for one in await opened.writer.read(opened.store.contracts)}
        for line in unknown_contracts(self._endpoints, known):
            log.warning("%s", line)

    async def _close(self, opened: Process) -> None:
        if opened.relaxes:
            opened.relaxes = False
            RELAXATION.let_go()
        # Of a store whose file is gone no call under way could be recorded.
        await opened.close(self._drain_s if opened.writer.moved is None else 0.0)
        if isinstance(self._store_at, str):
            await _in_thread(opened.environment.store_thread, opened.store.close)
        self._leave(opened.environment)

    def _leave(self, environment: Environment) -> None:
        """End the threads of an environment that was made here."""
        for pool in (environment.store_thread, environment.threads):
            if pool is not None and self._environment is None:
                pool.shutdown(wait=False)

    @property
    def _running(self) -> Process:
        return self._answering.process

    @property
    def _answering(self) -> Embedded:
        if self._open is None:
            raise EngineClosed(
                "the engine is not open; use it inside `async with opord.Engine(...) as engine:`"
            )
        return self._open

    # --- runs ------------------------------------------------------------------------------------

    @overload
    async def start(self, contract: Startable[P, RunT], /, *args: P.args, **kwargs: P.kwargs) -> RunT: ...
    @overload
    async def start(
        self, contract: Start[RunT], /, *, priority: int = 0, label: str | None = None
    ) -> RunT: ...
    async def start(self, contract: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Start a run and return its handle once the start is durable.

        The parameters are those of the contract. If the contract has a `key`, another start with
        the same key and input gives the same run. A contract that the engine was not made with is
        kept in the store at its first start; a worker that has handlers for it carries the run.

        A priority and a label are given beside a start that the contract's class prepares:

            await engine.start(OrderFulfilment.prepare(order=order), priority=10, label="gpu")

        Workers take runs of a higher priority first (from -100 to 100, usually 0), and a run with
        a label only if they have that label. A start that finds its run leaves both as they are.

        Raises:
            InputInvalid: the input does not fit the contract.
            SchedulingInvalid: the priority or the label is none.
            StartRefused: a `require` of the contract does not hold, and no run of that key exists.
            StartConflict: a run of that key was started with another input.
            TypeError: `contract` is no contract.
        """
        start, scheduling = start_of(contract, args, kwargs)
        program = self._program(start.workflow)
        if program.digest not in self._kept:
            await self._keep_at_first_start(program)
        value = accepted_by(program.input, start.members, program.name)
        started = await self._running.client.start(program, value, scheduling)
        return start.handle(self, started.run)

    def transaction(self, connection: Any = None) -> EngineTransaction:
        """Write in the database of the store, and start runs and send events, all at once.

            async with engine.transaction() as transaction:
                transaction.connection.execute("INSERT INTO orders …")
                await transaction.start(OrderFulfilment, order=order)

        Args:
            connection: a connection of the program's own, of psycopg, on which a transaction is
                open; the program commits it. Without one, a transaction of the store's own is begun
                here, and is committed at the end of the block.
        """
        return EngineTransaction(self._running, self._program, self._kept, connection)

    def run(self, contract: Startable[..., RunT], key: str | int | UUID) -> RunT:
        """Return the handle of an existing run, by the key that names it.

        Of a contract without a `key`, that is the part of the run's name behind the `/`. Nothing is
        read: a handle of a run that does not exist raises `RunUnknown` when it is used.
        """
        check_key(key)
        cls = handle_class(contract)
        return cls(self, f"{self._program(class_of(contract)).name}/{key}")  # type: ignore[return-value]

    async def runs(
        self,
        contract: type[Workflow] | Workflow | str | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
        sort: str = "-started",
        **conditions: Unpack[RunConditions],
    ) -> RunPage:
        """Return the runs that fit all conditions, a page at a time.

        Args:
            contract: their contract, or its name.
            limit: how many runs at the most.
            after: `RunPage.after` of the page before.
            sort: their order: `-started` (the newest start first), `-since` or `since` (the newest
                or the longest in its state first), or `due` (what moves by itself next first). All
                but the first read every run that fits, and refuse more than 10,000.
            conditions: see `RunConditions`.

        Raises:
            TypeError: there is no such condition, or it is of the wrong type.
            ValueError: a condition names something that does not exist.
        """
        of = contract if isinstance(contract, str | None) else self._program(class_of(contract)).contract
        return await page_of(self._answering, wish(of, conditions), limit=limit, after=after, sort=sort)

    async def start_run(
        self, program: Program, members: Any, *, priority: int = 0, label: str | None = None
    ) -> str:
        """Start a run from an object with a member for each parameter; return its name.

        See `Backend.start`.
        """
        await self._keep_at_first_start(program)
        return (await self._answering.start(program, members, priority=priority, label=label)).run

    async def _keep_at_first_start(self, program: Program) -> None:
        if program.digest not in self._kept:
            await self._running.keep([program])
            self._kept.add(program.digest)

    async def send_event(
        self, run: str, event: str, args: Any, *, actor: str = "", role: str | None = None
    ) -> Sent:
        """Send an event to a run.

        `args` is an object with a member for each parameter. See `Backend.send`.
        """
        return await self._answering.send(RunId(run), event, args, actor=actor, role=role)

    async def wait_result(self, run: str) -> Any:
        """Wait for the end of a run and return its final state with its fields.

        Raises:
            RunUnknown: there is no such run.
            RunPruned: it has ended and was pruned.
            RunTerminated: an administrator ended it.
        """
        opened = self._running
        ended = await opened.worker.landing(RunId(run)) if opened.worker is not None else None
        if ended is not None and ended.outcome != "terminated":
            return _given_away(ended)
        row = await self._answering.end_of(RunId(run))
        if row.head.outcome == "terminated":
            raise RunTerminated(RunId(run), row.head.state)
        return _given_away(await opened.client.decoded(row))

    async def run_status(self, run: str) -> dict[str, Any]:
        """Return where a run is and what it waits for, as `opord runs show --json` does.

        Raises:
            RunUnknown: there is no such run.
        """
        read = await self._running.client.read(run)
        inbox = await self._answering.inbox(RunId(run))
        rows = await self._answering.workers(gone=True)
        workers = {
            row.worker: WorkerSign(row.alive_until, row.trouble, calls_by_run(row.calls)) for row in rows
        }
        view = run_view(
            read, served=await self._answering.served(), now=await self._answering.now(), workers=workers
        )
        return view | details_view(read.body, inbox) | under_way_view(read)

    async def run_history(self, run: str) -> list[Mapping[str, Any]]:
        """Return a run's records, as `opord runs history --json` does, but each with all its data.

        The records share the objects of large values; the command writes each of these once.

        Raises:
            RunUnknown: there is no such run.
        """
        opened = self._running
        program = await opened.client.program((await self._answering.row(RunId(run))).contract)
        records = [record async for record in self._answering.records(RunId(run))]
        inbox, values = await self._answering.inbox(RunId(run)), await self._answering.values(RunId(run))
        return [*history_view(program, records, inbox, values)]

    async def until_idle(self) -> datetime | None:
        """Wait until none of the runs that this engine has handlers for can go on.

        A run that becomes due within a second counts as able to go on. Return when the next timer
        or attempt is due; None if there is none.
        """
        worker = self._running.worker
        due = await worker.until_idle() if worker is not None else None
        return to_datetime(due) if due is not None else None

    @property
    def backend(self) -> Backend:
        """The backend: the verbs on runs by their names, the same on every runtime."""
        return self._answering

    @property
    def programs(self) -> list[Program]:
        """The contracts that this engine was made with, as programs."""
        return [self._program(workflow) for workflow in self._workflows]

    @property
    def damage(self) -> StoreDamaged | None:
        """The damage of the store, once it was found; None before."""
        return self._running.writer.damage

    async def until_damaged(self) -> None:
        """Wait until damage of the store is found. This may never happen."""
        await self._running.writer.damaged.wait()

    @property
    def client(self) -> RunVerbs:
        """The client: acts on runs from outside, by their names."""
        return self._running.client

    @property
    def writer(self) -> StoreWriter:
        """The only access to the open store: verbs one at a time, writes in groups."""
        return self._running.writer

    @property
    def store(self) -> Store:
        """The open store."""
        return self._running.store

    @property
    def worker(self) -> Worker | None:
        """The worker, if there are handlers."""
        return self._running.worker


def _given_away(run: Run) -> Any:
    """Return the state of a run with its fields, as a copy that the caller may change."""
    return run.at.fields.copy(run.fields)


async def _in_thread(thread: Executor | None, job: Callable[[], Any]) -> Any:
    if thread is None:
        return job()
    return await asyncio.get_running_loop().run_in_executor(thread, job)
