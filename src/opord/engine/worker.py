"""A worker: claims runs that can go on, carries many at once, and renews its leases.

It holds runs by lease and epoch, and takes all that it knows of a run from the store. So it may die
at any moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from opord.drive.calls import Calls
from opord.drive.errors import CannotClaim
from opord.drive.flight import Flight
from opord.drive.held_calls import HeldCalls
from opord.drive.logged import about, about_row
from opord.drive.reading import fetched
from opord.engine.environment import Environment
from opord.engine.hearing import Hearing
from opord.engine.host import StoreHost
from opord.engine.need_watch import LOOK_EVERY_S, NeedWatch
from opord.engine.permits import StorePermits
from opord.engine.reaper import LONGEST_LEASE_US, DeadWorkerReaper
from opord.engine.store_writer import PARTING_S, StoreWriter
from opord.engine.takeovers import Takeovers
from opord.kernel.calls_under_way import calls_text
from opord.kernel.limits import Limit
from opord.kernel.program import Program
from opord.kernel.rows import RunRow, ValueRow, Write
from opord.kernel.run import Run, load_run
from opord.kernel.scheduling import UNLABELLED, Labels
from opord.stores.base import Store, StoreDamaged
from opord.values.types import NO_TIME, START_OF_TIME, Digest, Duration, Instant, RunId
from opord.values.vault import SecretUnreadable

log: logging.Logger = logging.getLogger("opord.worker")

LOOK_S = 0.025
"""How often `until_idle` checks whether the worker is idle, in seconds."""

CLEAN_UP_S = 1.0
"""How long a handler that is cancelled at the end of a drain may take to clean up, in seconds."""

CANCELS_MOST = 3
"""How often a flight is cancelled at the end of a drain."""

UNREADABLE_US = Duration(10_000_000)
"""Shortest pause before a run that a worker cannot read is tried again, in microseconds."""

UNREADABLE_KEPT = 1000
"""Maximum number of unreadable runs that a worker lists."""

CLAIMS_FAILED_MOST = 3
"""Number of claims that may fail in a row before `until_idle` gives up."""

IDLE_WITHIN_US = Duration(1_000_000)
"""A worker is idle if nothing becomes due within this time, in microseconds."""


class Worker:
    """Carries out the steps of runs of its labels whose contracts it has handlers for."""

    def __init__(
        self,
        host: StoreHost,
        writer: StoreWriter,
        *,
        programs: Mapping[str, Program],
        calls: Mapping[Digest, Calls],
        held: HeldCalls,
        lease_s: float,
        concurrency: int,
        labels: Labels = UNLABELLED,
    ) -> None:
        self.host = host
        self.store: Store = host.store
        self.writer: StoreWriter = writer
        self.permits: StorePermits = StorePermits(self.store, writer, host.name, held)
        self.programs = programs
        self.calls = calls
        self.held = held
        self.environment: Environment = host.environment
        self.name: str = host.name
        self.lease_us: Duration = Duration(int(lease_s * 1_000_000))
        self.concurrency = concurrency
        self.labels: tuple[str, ...] = tuple(labels)
        self.flights: dict[str, Flight] = {}
        self._reaper = DeadWorkerReaper(self.store, self.writer, self.environment.monotonic)
        self._takeovers = Takeovers(self.name)
        self._nudged = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._side: set[asyncio.Task[Any]] = set()
        self._over = False
        self._due: Instant | None = START_OF_TIME
        self.unreadable: dict[RunId, str] = {}
        self._put_off_for: dict[str, str] = {}
        self._claims_failed = 0
        self._hearing = Hearing(
            self.store, "work", self.nudge, hears=self.environment.hears, poll_s=self.environment.poll_s
        )
        self._looks_unasked = False
        self._on_end: dict[str, dict[asyncio.Future[Run | None], None]] = {}
        host.hands, host.permits, host.lease_us = self, self.permits, self.lease_us

    # --- life ------------------------------------------------------------------------------------

    async def start(self, limits: Sequence[Limit] = ()) -> None:
        """Start to claim runs. `limits` are put into the store."""
        loop = asyncio.get_running_loop()
        await self._say_alive()
        await self.permits.keep(limits, {program.name for program in self.programs.values()})
        self.writer.carries = True
        self._hearing.open()
        self._loops = [
            loop.create_task(self._claim_loop(), name="opord-claim"),
            loop.create_task(self._lease_loop(), name="opord-lease"),
        ]
        if self.environment.watch_needs:
            self._loops.append(loop.create_task(self._watch_loop(), name="opord-watch"))

    async def drain(self, grace_s: float) -> None:
        """Stop claiming, let calls under way end within `grace_s`, and give all runs back.

        A call of an action that does not end in time is left as it is: the worker that takes the
        run over finds its intent and applies the contract's rule for doubts. A store that does not
        answer is not waited for: the leases expire.
        """
        self.host.draining = True
        self._hearing.close()
        self._nudged.set()
        self._takeovers.tell()
        if self._loops:
            await asyncio.wait(self._loops[:1], timeout=PARTING_S)
        for flight in list(self.flights.values()):
            if not flight.unbreakable and grace_s <= 0:
                flight.cancel()
        under_way = [flight.landed for flight in self.flights.values()]
        if under_way and grace_s > 0:
            log.info("draining: waiting up to %g s for %d runs", grace_s, len(under_way))
            await asyncio.wait(under_way, timeout=grace_s)
        flights = list(self.flights.values())
        await self._end(flights)
        for flight in flights:
            if flight.uncalled:
                self.in_background(flight.leave_evidence())
        if self._side:
            await asyncio.wait(self._side, timeout=PARTING_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING_S):
                await self.permits.part()
        self._over = True
        for task in [*self._loops, *self._side]:
            task.cancel()
        await asyncio.gather(*self._loops, *self._side, return_exceptions=True)
        try:
            async with asyncio.timeout(PARTING_S):
                await self._part([(flight.run.id, flight.run.epoch) for flight in flights])
        except TimeoutError:
            log.warning("the store does not answer; other workers take its runs when its leases end")
        except StoreDamaged:
            log.warning("the store is damaged; other workers take its runs when its leases end")

    async def _end(self, flights: Sequence[Flight]) -> None:
        """Cancel flights. Handlers that do not end are given up, and get a moment to clean up."""
        under_way = [flight.landed for flight in flights]
        for _ in range(CANCELS_MOST):
            if not under_way:
                break
            for flight in flights:
                flight.cancel()
            # A handler that answers when it is cancelled lets its flight go on for a moment.
            _, pending = await asyncio.wait(under_way, timeout=CLEAN_UP_S)
            under_way = list(pending)
        await self.held.wait_for_tasks(CLEAN_UP_S)
        for call in list(self.held.left):
            log.warning("%s was given up and still runs; the worker stops without waiting for it", call.name)

    async def _part(self, claims: list[tuple[RunId, int]]) -> None:
        """Give back the runs that are held or were put off, and report that this worker is gone."""
        if claims:
            await self.writer.call(self.store.release, self.name, claims)
        for run in list(self.unreadable):
            row = await self.writer.call(self.store.load, run)
            if row is not None and row.head.worker is None and row.head.reason == self._put_off_for.get(run):
                await self._put_off_until(row, self.store.now(), row.head.reason)
        await self.writer.call(self.store.heartbeat, self.name, (), ttl_us=NO_TIME)

    async def until_idle(self) -> Instant | None:
        """Wait until no run can go on and nothing becomes due within a second.

        Return when the next timer or attempt is due; None if there is none.

        A run that another worker holds can go on: that worker carries it or, once its lease is
        over, this one takes it over. A run that this worker cannot read (`unreadable`) cannot go on
        here.

        Raises:
            CannotClaim: several times in a row the store gave no answer that could be read.
        """
        contracts = list(self.programs)
        while True:
            if self._claims_failed >= CLAIMS_FAILED_MOST:
                raise CannotClaim(self._claims_failed)
            if not self.busy:
                due = await self.writer.call(self.store.next_wake, contracts, labels=self.labels)
                held = await self.writer.call(
                    self.store.any_held, contracts, within_us=LONGEST_LEASE_US, labels=self.labels
                )
                if self.permits.any:
                    admission = await self.permits.next_admission(contracts, self.labels)
                    due = min((one for one in (due, admission) if one is not None), default=None)
                    held = held or await self.permits.any_waits(contracts, self.labels)
                soon = due is not None and due <= self.store.now() + IDLE_WITHIN_US
                if not self.flights and not soon and not held:
                    return due
            await asyncio.sleep(LOOK_S)

    @property
    def draining(self) -> bool:
        """Say whether the worker claims nothing more because it is about to stop."""
        return self.host.draining

    @property
    def claims(self) -> bool:
        """Say whether the worker claims runs: it does not stop, and the last claim worked."""
        loop = self._loops[0] if self._loops else None
        return not self.draining and loop is not None and not loop.done() and self._claims_failed == 0

    # --- flights ---------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Say whether it carries a run, or records evidence that came late."""
        return bool(self.flights or self._side)

    @property
    def has_room(self) -> bool:
        """Say whether it can carry one more run."""
        return not self.draining and len(self.flights) < self.concurrency

    def takes(self, contract: str, label: str) -> bool:
        """Say whether it can carry one more run, one of that contract and label."""
        return self.has_room and contract in self.programs and label in self.labels

    def launch(self, run: Run) -> None:
        """Carry a run that this worker holds."""
        if run.id in self.flights:
            # The run was taken from this worker and claimed again; the older flight cannot write
            # any more.
            self.drop(run.id)
        flight = Flight(self.host, run, self.calls[run.program.digest])
        self.flights[run.id] = flight
        # Not inside the flight: one that is cancelled before its first step never runs at all.
        flight.launch(self._fly(flight), on_end=lambda: self._landed(flight))

    def drop(self, run_id: RunId, epoch: int | None = None) -> None:
        """Cancel a flight whose run was moved from outside, to that epoch if one is given.

        A flight that has claimed the run since goes on. A call of an action may end, as evidence.
        """
        flight = self.flights.get(run_id)
        if flight is None or flight.unbreakable or (epoch is not None and flight.run.epoch > epoch):
            return
        flight.cancel()

    async def _fly(self, flight: Flight) -> None:
        run = flight.run
        try:
            await flight.go()
        except asyncio.CancelledError:
            pass
        except Exception as error:
            if self.writer.damage is not None:
                # The damage was reported once, and there is no place to record the error of this
                # run.
                return
            log.exception(
                "%s: the worker could not go on with this run, and stalled it", run.id, extra=about(run)
            )
            await self._hold(flight, error)

    def _landed(self, flight: Flight) -> None:
        """Forget a flight that is over: no run may stay under a lease that no flight uses."""
        run = flight.run
        if self.flights.get(run.id) is flight:
            del self.flights[run.id]
            for waiter in self._on_end.pop(run.id, {}):
                if not waiter.done():
                    waiter.set_result(run if flight.ended else None)
        if self._due is not None:
            self.nudge_if_due()

    async def _hold(self, flight: Flight, error: Exception) -> None:
        try:
            await flight.hold(error)
        except Exception:
            log.exception(
                "%s could not be stalled; another try follows when its lease has ended",
                flight.run.id, extra=about(flight.run),
            )  # fmt: skip

    async def landing(self, run_id: RunId) -> Run | None:
        """Return the run if it ends in its current flight.

        The result is None if it does not, or has no flight here.
        """
        if run_id not in self.flights:
            return None
        waiter: asyncio.Future[Run | None] = asyncio.get_running_loop().create_future()
        waiting = self._on_end.setdefault(run_id, {})
        waiting[waiter] = None
        try:
            return await waiter
        finally:
            # A caller that gives up leaves nothing behind, however long the flight lasts.
            waiting.pop(waiter, None)
            if not waiting and self._on_end.get(run_id) is waiting:
                del self._on_end[run_id]

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that no caller awaits, such as recording late evidence.

        A worker that has ended runs nothing more: its store may be closed.
        """
        if self._over:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)

    # --- claiming --------------------------------------------------------------------------------

    def nudge(self) -> None:
        """Make the worker look now for runs that can go on."""
        self._due = START_OF_TIME
        self._nudged.set()

    def nudge_if_due(self) -> None:
        """Make the worker look again for runs it had no room for, once it has room for many."""
        room = self.concurrency - len(self.flights)
        if self.flights and room < self.concurrency // 4:
            return
        if self._due is not None and self._due <= self.store.now():
            self._nudged.set()

    def due(self, instant: Instant | None) -> None:
        """Tell the worker that a run becomes due at an instant."""
        if instant is not None and (self._due is None or instant < self._due):
            self._due = instant
            self._nudged.set()

    async def _claim_loop(self) -> None:
        while not self.draining:
            try:
                await self._claim()
                self._claims_failed = 0
            except Exception:
                if self.writer.damage is not None:
                    return
                log.exception("claiming runs failed; trying again")
                self._claims_failed += 1
                await asyncio.sleep(1)
            await self._sleep()

    async def _claim(self) -> None:
        # A takeover is a claim like any other: a run whose lease is over is due.
        contracts = list(self.programs)
        while self.has_room:
            admission = await self._admit(contracts)
            # Reading is cheap and takes no lock. A claim is made only if something is due.
            wake = await self.writer.short_read(self.store.next_wake, contracts, labels=self.labels)
            self._due = min((one for one in (wake, admission) if one is not None), default=None)
            if self._due is None or self._due > self.store.now():
                return
            room = self.concurrency - len(self.flights)
            rows = await self.writer.short_write(
                self.store.claim,
                self.name,
                contracts,
                limit=min(room, 500),
                ttl_us=self.lease_us,
                labels=self.labels,
            )
            self._takeovers.note(rows.before)
            if rows:
                self._hearing.found(by_looking=self._looks_unasked)
            for row in rows:
                await self._fetch_and_take(row)
            if not rows and (admission is None or admission > self.store.now()):
                return

    async def _admit(self, contracts: Sequence[str]) -> Instant | None:
        """Take runs out of the queues of limits, and return from when on there may be more.

        They get at most half of the room, so that other runs are not kept waiting.
        """
        if not self.permits.any:
            return None
        now, room = self.store.now(), self.concurrency - len(self.flights)
        at = await self.permits.next_admission(contracts, self.labels)
        if at is None or at > now:
            return at
        found = await self.permits.admit(
            contracts, self.labels, limit=min(max(1, room // 2), 500), ttl_us=self.lease_us
        )
        for row, _ in found.runs:
            await self._fetch_and_take(row)
            if row.run not in self.flights:
                self.permits.refuse(row.run, row.epoch)
        return await self.permits.next_admission(contracts, self.labels)

    async def _fetch_and_take(self, row: RunRow) -> None:
        try:
            values = await fetched(self.host, row)
        except Exception as error:
            self._leave_alone(row, error)
        else:
            self._take(row, values)

    def _take(self, row: RunRow, values: Sequence[ValueRow] = ()) -> None:
        program = self.programs[row.contract]
        try:
            run = load_run(program, row, values, cache=self.host.cache)
        except Exception as error:
            self._leave_alone(row, error)
            return
        if self.unreadable.pop(row.run, None) is not None:
            del self._put_off_for[row.run]
        run.worker = self.name
        self.host.hook("claimed", run.id)
        self.launch(run)

    def _leave_alone(self, row: RunRow, error: Exception) -> None:
        if not isinstance(error, SecretUnreadable):
            log.debug("%s cannot be read", row.run, exc_info=True, extra=about_row(row))
        self.in_background(self._put_off(row, error))

    async def _put_off(self, row: RunRow, error: Exception) -> None:
        """Give back a run that cannot be read here, with the reason on it, and try it again later.

        A worker with the right keys may claim it then. Only its due instant and its reason change.
        """
        pause_us = max(self.lease_us, UNREADABLE_US)
        reason = f"{self.name} cannot read it: {error}"[:500]
        if len(self.unreadable) < UNREADABLE_KEPT:
            self.unreadable[row.run], self._put_off_for[row.run] = str(error), reason
        log.error(
            "%s cannot be read; the worker tries it again in %g s: %s",
            row.run,
            pause_us / 1e6,
            error,
            extra=about_row(row),
        )
        try:
            await self._put_off_until(row, Instant(self.store.now() + pause_us), reason)
        except Exception:
            if self.writer.damage is not None:
                return
            log.exception(
                "%s could not be put off; another try follows when its lease has ended",
                row.run,
                extra=about_row(row),
            )

    async def _put_off_until(self, row: RunRow, instant: Instant, reason: str | None) -> None:
        head = row.head.replace(worker=None, wake_at=instant, reason=reason)
        await self.writer.apply(Write(row.run, row.epoch, row.seq, None, row.epoch, head=head))

    async def _sleep(self) -> None:
        poll_s = pause = self._hearing.pause_s()
        if self._due is not None and self.has_room:
            pause = min(pause, max(0.0, (self._due - self.store.now()) / 1e6))
        self._looks_unasked = False
        try:
            async with asyncio.timeout(max(pause, 0.001)):
                await self._nudged.wait()
        except TimeoutError:
            self._looks_unasked = pause == poll_s
        self._nudged.clear()

    # --- leases ----------------------------------------------------------------------------------

    async def _lease_loop(self) -> None:
        while True:
            await asyncio.sleep(self.lease_us / 3e6)
            self.held.say_if_full()
            self._takeovers.tell()
            try:
                await self._say_alive()
                if await self._reaper.run_if_due():
                    self.nudge()
                await self._renew_leases()
                await self.permits.read()
                await self.permits.sweep()
            except Exception:
                if self.writer.damage is not None:
                    return
                log.exception("leases could not be renewed; trying again")

    async def _watch_loop(self) -> None:
        watch = NeedWatch(self.host)
        look = watch.look_first
        while True:
            try:
                await look()
            except Exception:
                if self.writer.damage is not None:
                    return
                log.exception("the look for runs that need a person failed; trying again")
            look = watch.look
            await asyncio.sleep(LOOK_EVERY_S)

    async def _renew_leases(self) -> None:
        # In a function of its own: a local of the loop would keep landed flights in memory until
        # the next round.
        flown = dict(self.flights)
        claims = [(flight.run.id, flight.run.epoch) for flight in flown.values()]
        if not claims:
            return
        lost_runs = await self.writer.call(self.store.renew, self.name, claims, ttl_us=self.lease_us)
        for run_id in lost_runs:
            # It may have been claimed again meanwhile; then the new flight holds it.
            if self.flights.get(run_id) is flown[run_id]:
                self.drop(run_id)

    async def _say_alive(self) -> None:
        await self.writer.call(
            self.store.heartbeat,
            self.name,
            list(self.programs),
            ttl_us=self.lease_us,
            trouble=self.held.shortage or "",
            calls=calls_text(self.held.under_way.values(), self.store.now()),
            labels=self.labels,
        )
