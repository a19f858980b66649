"""Carry one run with one worker, from the claim until it waits, ends, stalls or is in doubt.

The kernel decides what is recorded. A flight makes it durable before anything that depends on it
happens: the intent before the call, the state before an effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from opord.drive.calls import Calls
from opord.drive.errors import RunPruned
from opord.drive.evidence import keep_late
from opord.drive.frames import describe_fault
from opord.drive.hold import Hold
from opord.drive.host import Carrier, Undone
from opord.drive.interrupts import Lost, Parked, TimerDue, commit_refused
from opord.drive.logged import about
from opord.drive.reading import read
from opord.drive.relay import Relay
from opord.drive.steps import Steps
from opord.drive.telling import tell_opened
from opord.kernel import inbox, recording, taking
from opord.kernel.answers import Applied
from opord.kernel.draft import Draft
from opord.kernel.rows import is_held
from opord.kernel.run import Run
from opord.values.types import Duration, Instant

log: logging.Logger = logging.getLogger("opord.worker")


UNDONE_AT_ONCE: Final = 5
"""How often a transaction is tried again at once after another one was in its way."""

UNDONE_PAUSE_US: Final = 1_000_000
"""How long the run rests after those tries, in microseconds."""


class Flight:
    """Carries one held run forward until it must be given back.

    `_undone` is how often a transaction was undone at the record that the run has now.
    """

    __slots__ = ("_relay", "_undone", "host", "run", "run_hold", "steps")

    def __init__(self, host: Carrier, run: Run, calls: Calls) -> None:
        self.host: Carrier = host
        self.run: Run = run
        self.run_hold: Hold = Hold(host, run)
        self.steps: Steps = Steps(self.run_hold, calls)
        self._relay: Relay | None = None
        self._undone = (0, 0)

    def launch(self, work: Coroutine[Any, Any, None], *, on_end: Callable[[], None]) -> None:
        """Carry out `work`, which awaits `go`, in a task. `on_end` is called when it has ended."""
        self._relay = Relay(work, on_end=on_end)

    def cancel(self) -> None:
        """Cancel a launched flight. A handler that does not end at once is given up."""
        if self._relay is not None:
            self._relay.cancel()

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task that carries the flight now. A handler that is given up keeps the one it has."""
        return self._relay.task if self._relay is not None else None

    @property
    def landed(self) -> asyncio.Future[None]:
        """Done once the launched flight has ended."""
        if self._relay is None:
            raise RuntimeError(f"{self.run.id} was not launched")
        return self._relay.ended

    @property
    def ended(self) -> bool:
        """True once the run's end is durable."""
        return self.run_hold.ended

    @property
    def unbreakable(self) -> bool:
        """True while the flight must not be cancelled.

        An action is about to be called or is being called, or what this worker alone knows of an
        attempt is not on record yet.
        """
        hold = self.run_hold
        return hold.calling or hold.beginning or hold.own_evidence is not None

    async def go(self) -> None:
        """Carry the run forward; return when this worker no longer holds it.

        It has to be carried by a relay, as by `launch`; see `relay.carried`.
        """
        try:
            while True:
                try:
                    await self._go()
                    return
                except Undone as undone:
                    await self._begin_again(undone)
        except Parked:
            self.host.hook("parked", self.run.id)
        except Lost as interrupt:
            await self.leave_evidence()
            log.debug(
                "%s was moved by another worker or a person (%s)",
                self.run.id,
                interrupt.row and interrupt.row.head.state,
                extra=about(self.run),
            )
        finally:
            self.run_hold.permits.land()

    async def _begin_again(self, undone: Undone) -> None:
        """Go on from what is on record, after a transaction that may not have become durable.

        Raises:
            Lost: another process has moved the run.
            Parked: the run has stalled, or rests for a moment.
        """
        host, before = self.host, self.run
        try:
            run = await read(host, before.id)
        except RunPruned:
            raise Lost(None) from None
        if (run.epoch, run.worker) != (before.epoch, host.name):
            raise Lost(None)
        calls, permits = self.steps.calls, self.run_hold.permits
        self.run, self.run_hold = run, Hold(host, run)
        self.run_hold.permits.own, self.run_hold.permits.ready = permits.own, permits.ready
        self.steps = Steps(self.run_hold, calls)
        seq, times = self._undone
        self._undone = (run.seq, times + 1 if seq == run.seq else 1)
        if undone.refused is not None:
            draft = self.run_hold.draft()
            recording.stall(draft, commit_refused(undone.call, undone.refused))
            await self.run_hold.give_back(draft)
            raise Parked
        if self._undone[1] > UNDONE_AT_ONCE:
            log.warning(
                "%s: an action in a transaction is tried again in %g s, because %s",
                run.id, UNDONE_PAUSE_US / 1e6, undone.why, extra=about(run),
            )  # fmt: skip
            draft = self.run_hold.draft()
            await self.run_hold.park(draft, run.status, Instant(draft.at + UNDONE_PAUSE_US))

    @property
    def uncalled(self) -> bool:
        """True if an attempt is durable and its handler was not entered."""
        return self.run_hold.uncalled is not None

    async def leave_evidence(self) -> None:
        """Keep as evidence what this worker alone knows of an attempt, once it has lost the run."""
        word = self.run_hold.own_evidence
        if word is not None:
            await keep_late(self.host, self.run.id, word)

    async def hold(self, error: Exception) -> None:
        """Stall the run with the traceback on record: the engine itself failed to carry it."""
        host = self.host
        if self.run_hold.learned is not None:
            await keep_late(host, self.run.id, self.run_hold.learned)
        try:
            run = await read(host, self.run.id)
        except RunPruned:
            return  # it ended meanwhile and was pruned
        if (run.epoch, run.worker) != (self.run.epoch, host.name):
            if self.uncalled:
                await self.leave_evidence()
            return
        draft = Draft(run, host.now(), host.name)
        recording.stall(draft, describe_fault(error))
        if isinstance(await host.apply(draft.write()), Applied):
            tell_opened(host, draft)

    async def _go(self) -> None:
        run, hold = self.run, self.run_hold
        draft = hold.draft()
        if run.arrivals and run.intent is not None:
            hold.set_messages(inbox.adopt_all(draft, await hold.messages(draft)))
        while True:
            if not inbox.nothing_to_take_in(run) and not taking.commit_open(run):
                due = min(run.body.timers.values(), default=None)
                if due is not None and due <= draft.at:
                    self.host.hook("timer fires", run.id)
                    if self.host.observer is not None:
                        self.host.observer.timer_fired(run.program.name, Duration(draft.at - due))
                hold.set_messages(inbox.take_in(draft, await hold.messages(draft)))
            if is_held(run.status):
                recording.stay_stalled(run)
            if run.worker is None:
                await hold.give_back(draft)
                return
            if run.at.handlers and not draft.empty and not taking.commit_open(run):
                # An event that came during the last step is taken on entry to this state, before
                # the state acts.
                if not await hold.enter(draft):
                    continue
                draft = hold.draft()
            if self.host.draining:
                await hold.park(draft, run.status, draft.at)
            if recording.is_full(run):
                recording.stall_full(draft)
                await hold.give_back(draft)
                return
            if run.body.limit is not None:
                hold.permits.goes_on()
            if self.host.limits is not None:
                await hold.permits.set_out(hold, draft)
            try:
                spans = self.steps.calls.spans
                carrying = self.steps.carry(draft)
                draft = await (carrying if spans is None else spans.step(run, carrying))
            except TimerDue:
                draft = hold.draft()
            if hold.ended:
                return
