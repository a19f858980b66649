"""A process over a store: the store writer, the client, and the worker if there are handlers.

Every engine is built here: those of `opord.Engine`, the command line, simulations and tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from opord.drive import hooks
from opord.drive.observing import Guarded, Observer
from opord.drive.verbs import RunVerbs
from opord.engine.environment import Environment
from opord.engine.host import StoreHost
from opord.engine.need_calls import NeedCalls, OnNeed
from opord.engine.programs import Programs, keep_contract
from opord.engine.store_writer import PARTING_S, StoreWriter
from opord.engine.waiters import Waiters
from opord.kernel.limits import Limit
from opord.kernel.program import Program
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.stores.base import Store

if TYPE_CHECKING:
    from opord.drive.purity import NotPure
    from opord.engine.loop_watch import LoopWatch
    from opord.engine.worker import Worker


class Carried(NamedTuple):
    """A contract that a worker carries out, with its handlers from `bind_handlers`."""

    program: Program
    handlers: Mapping[str, Any]


class Process:
    """The parts of a process over a store.

    `open` starts them and `close` ends them; the caller closes the store.

    With `patient` false, a store that cannot answer is an error at once. Otherwise the process
    waits for it. `on_need` is called with what runs need from a person, once for each need.
    `observer` hears what the process does.
    """

    def __init__(
        self,
        store: Store,
        *,
        programs: Programs,
        environment: Environment,
        hook: hooks.Hook = hooks.nothing,
        patient: bool = True,
        on_need: OnNeed | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.store = store
        self.environment = environment
        self.programs = programs
        self.writer: StoreWriter = StoreWriter(store, environment.store_thread, patient=patient)
        self.host: StoreHost = StoreHost(
            store=store, writer=self.writer, programs=programs, environment=environment, hook=hook
        )
        heard = None if observer is None else Guarded(observer)
        self.observer: Observer | None = heard
        self.writer.observer = self.host.observer = heard
        if on_need is not None:
            self.host.needs = NeedCalls(on_need, threads=environment.own_threads)
        self.client: RunVerbs = RunVerbs(self.host)
        self.waiters: Waiters = Waiters(store, self.writer, hears=environment.hears)
        self.worker: Worker | None = None
        self.relaxes = False
        self._watch: LoopWatch | None = None

    def open(self) -> None:
        """Start to serve. Needs a running event loop."""
        self.writer.start()
        if self.observer is not None:
            self.observer.begins()

    async def keep(self, programs: Iterable[Program]) -> None:
        """Keep the texts of contracts in the store.

        Raises:
            ContractConflict: another contract is stored under the same name and version.
        """
        for program in programs:
            await self.writer.call(keep_contract, self.store, program)

    async def carry(
        self,
        carried: Iterable[Carried],
        *,
        lease_s: float,
        call_limit_s: float,
        concurrency: int,
        labels: Labels = UNLABELLED,
        limits: Sequence[Limit] = (),
        watch_pure: Callable[[NotPure], None] | None = None,
    ) -> Worker:
        """Start to carry out runs of these contracts and labels.

        `limits` are put into the store.
        """
        # A process that only reads or sends needs no worker, so it does not import one.
        from opord.drive.calls import Calls
        from opord.drive.held_calls import HeldCalls
        from opord.drive.observed_calls import ObservedCalls, TracedCalls
        from opord.drive.traces import spans_of_this_program
        from opord.engine.loop_watch import LoopWatch
        from opord.engine.worker import Worker

        environment = self.environment
        by_digest = {each.program.digest: each for each in carried}
        spans = spans_of_this_program()
        kind = Calls if self.observer is None and spans is None else ObservedCalls
        if spans is not None:
            kind = TracedCalls
        held = HeldCalls(environment.max_threads, environment.monotonic)
        calls = {
            digest: kind(
                each.program,
                each.handlers,
                threads=environment.handler_threads(),
                held=held,
                limit_s=call_limit_s,
                monotonic=environment.monotonic,
                watch_pure=watch_pure,
            )
            for digest, each in by_digest.items()
        }
        for one in calls.values():
            one.spans = spans
            if isinstance(one, ObservedCalls):
                one.observer = self.observer
        self.worker = Worker(
            self.host,
            self.writer,
            programs={digest: each.program for digest, each in by_digest.items()},
            calls=calls,
            held=held,
            lease_s=lease_s,
            concurrency=concurrency,
            labels=labels,
        )
        await self.worker.start(limits)
        if environment.watch_loop:
            self._watch = LoopWatch(lease_s / 3)
        return self.worker

    async def close(self, drain_s: float = 0.0) -> None:
        """Drain the worker for up to `drain_s` seconds, and write what still waits."""
        if self.worker is not None:
            await self.worker.drain(drain_s)
        if self._watch is not None:
            self._watch.stop()
        if self.observer is not None:
            self.observer.ends()
        if self.host.needs is not None:
            await self.host.needs.stop(PARTING_S)
        await self.waiters.stop()
        await self.writer.stop(PARTING_S)
