"""Hold a run for a host: write its drafts, read its waiting messages, keep its lease."""

from __future__ import annotations

from typing import NoReturn

from opord.drive.host import Carrier, Transaction, Undone
from opord.drive.interrupts import Lost, Parked
from opord.drive.leases import Lease
from opord.drive.past import look_back
from opord.drive.permits import RunPermits
from opord.drive.telling import tell_moved, tell_opened
from opord.kernel import inbox
from opord.kernel.answers import Applied, Result, Stale
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence
from opord.kernel.recording import shared_timers
from opord.kernel.rows import InboxRow, RunRow, Status, has_ended
from opord.kernel.run import Intent, Run
from opord.values.types import Instant


class Hold:
    """Writes a held run, on the condition that nobody else has moved it.

    - `calling` is true while an attempt of an action is under way.
    - `beginning` is true while an attempt is made durable, until it is called, and while a
      transaction is committed.
    - `uncalled` is the commit whose attempt is durable and whose handler was not entered yet.
    - `learned` is what was learned of an action and is not on record yet.
    - `ended` is true once the run's end is durable.
    - `permits` are those of limits.
    """

    __slots__ = (
        "_inbox", "beginning", "calling", "ended", "host", "learned", "lease", "permits", "run", "uncalled",
    )  # fmt: skip

    beginning: bool
    calling: bool

    def __init__(self, host: Carrier, run: Run) -> None:
        self.host: Carrier = host
        self.run: Run = run
        self.lease: Lease = Lease(host, run)
        self.calling = self.beginning = False
        self.uncalled: Intent | None = None
        self.ended: bool = False
        self.learned: Evidence | None = None
        self._inbox: list[InboxRow] | None = None
        self.permits: RunPermits = RunPermits(host, run)

    @property
    def own_evidence(self) -> Evidence | None:
        """What this worker alone knows of an attempt, to be kept if the run is lost now."""
        if self.learned is not None or self.uncalled is None:
            return self.learned
        intent = self.uncalled
        return Evidence(intent.seq, intent.call, intent.attempt, "not_called", None, self.host.name)

    def draft(self) -> Draft:
        """Begin a draft. Writing it renews the lease."""
        now = self.host.now()
        self.lease.begins(now)
        return Draft(self.run, now, self.host.name)

    async def messages(self, draft: Draft) -> list[InboxRow]:
        """Return the messages that wait for the run, as far as known, for the draft to take in."""
        if self._inbox is None:
            self._inbox = []
            if self.run.arrivals:
                self._inbox = await self.host.inbox(self.run.id)
        await look_back(self.host, draft, self._inbox)
        return self._inbox

    def note_arrivals(self, arrivals: int) -> None:
        """Note how many messages have come; if there are new ones, they have to be read."""
        if arrivals != self.run.arrivals:
            self.run.arrivals = arrivals
            self._inbox = None

    def set_messages(self, messages: list[InboxRow]) -> None:
        """Set the messages that still wait."""
        self._inbox = messages

    async def flush(self, draft: Draft) -> None:
        """Make a draft durable. The next change needs a new draft.

        Raises:
            Lost: another process has moved the run.
        """
        self._written(draft, await self.host.apply(draft.write()))
        draft.written = True

    async def enter(self, draft: Draft) -> bool:
        """Make a draft durable unless a message has come that the run has not seen.

        Return whether it did.

        Raises:
            Lost: another process has moved the run.
        """
        result = await self.host.apply(draft.write(arrivals=self.run.arrivals))
        if isinstance(result, Applied):
            self._durable(draft)
            return True
        await self._catch_up(draft, result)
        return False

    async def commit(self, transaction: Transaction, draft: Draft) -> None:
        """Make a draft durable with what a handler wrote in a transaction.

        If the run ends, the messages that wait for it are recorded as unhandled. They were read
        before the transaction began.

        Raises:
            Lost: another process has moved the run.
            Undone: nothing may be durable; the run has to be read again.
        """
        run, ends = self.run, has_ended(self.run.status)
        if ends:
            self._inbox = inbox.take_in(draft, self._inbox or [])
        self.beginning = True
        try:
            self.host.hook("before outcome", run.id)
            result = await transaction.commit(draft.write(arrivals=run.arrivals if ends else None))
            if isinstance(result, Stale):
                _with_messages(draft, result)
                raise Undone("a message came just before it")
            self._written(draft, result)
        finally:
            self.beginning = False
        self.host.hook("outcome written", run.id)
        draft.written = True
        self.ended = ends

    async def give_back(self, draft: Draft) -> None:
        """Write the end of the flight; messages that came meanwhile are taken in first.

        Raises:
            Lost: another process has moved the run.
        """
        run = self.run
        while True:
            result = await self.host.apply(draft.write(arrivals=run.arrivals))
            if isinstance(result, Applied):
                self.ended = has_ended(run.status)
                self._durable(draft)
                return
            waiting = await self._catch_up(draft, result)
            await look_back(self.host, draft, waiting)
            self._inbox = inbox.take_in(draft, waiting)
            if run.status == "running":
                # A message that came just now began a step. The next claim, of this or another
                # worker, goes on with it.
                self.host.nudge()

    async def park(self, draft: Draft, status: Status, wake_at: Instant | None) -> NoReturn:
        """Give the run back in the middle of a step, until `wake_at`.

        Raises:
            Parked: always, once the run is given back.
            Lost: another process has moved the run.
        """
        run = self.run
        run.status = status
        run.worker = None
        run.wake_at = wake_at
        self._written(draft, await self.host.apply(draft.write()))
        self.host.due(wake_at)
        raise Parked

    async def pause(self, draft: Draft, next_at: Instant) -> NoReturn:
        """Give the run back between two attempts with nothing in doubt.

        An event or timer of the phase may then move the run; one that is already there does so now.

        Raises:
            Parked: always, once the run is given back.
            Lost: another process has moved the run.
        """
        run = self.run
        run.status, run.worker = "waiting", None
        run.wake_at = min([next_at, *shared_timers(run).values()])
        self._inbox = inbox.take_in(draft, await self.messages(draft))
        await self.give_back(draft)
        tell_moved(self.host, run, seized=False)
        raise Parked

    async def park_for_permit(self, draft: Draft, look_at: Instant) -> NoReturn:
        """Give the run back until it is admitted; it looks by itself at `look_at`.

        Raises:
            Parked: always, once the run is given back.
            Lost: another process has moved the run.
        """
        run = self.run
        run.worker, run.wake_at = None, look_at
        if run.commit_open:
            self._written(draft, await self.host.apply(draft.write()))
        else:
            run.wake_at = min([look_at, *shared_timers(run).values()])
            self._inbox = inbox.take_in(draft, await self.messages(draft))
            await self.give_back(draft)
            tell_moved(self.host, run, seized=False)
        self.host.nudge()
        raise Parked

    async def park_in_doubt(self, draft: Draft, wake_at: Instant | None) -> None:
        """Give the run back in doubt, unless a message has come that it has not looked at yet.

        Raises:
            Parked: it is given back.
            Lost: another process has moved the run.
        """
        run = self.run
        held_by, run.status, run.worker, run.wake_at = run.worker, "in_doubt", None, wake_at
        if await self.enter(draft):
            self.host.due(wake_at)
            raise Parked
        run.worker = held_by

    def _written(self, draft: Draft, result: Result) -> None:
        if not isinstance(result, Applied):
            raise Lost(result.row if isinstance(result, Stale) else None)
        self._durable(draft)
        self.note_arrivals(result.arrivals)

    def _durable(self, draft: Draft) -> None:
        """Note what is on record now: what was learned of an action, and the needs that opened."""
        if self.learned is not None:
            self.learned = None
            self.host.hook("outcome written", self.run.id)
        if draft.opened:
            tell_opened(self.host, draft)

    async def _catch_up(self, draft: Draft, result: Result) -> list[InboxRow]:
        """Return the messages that wait, with those that came since.

        Raises:
            Lost: the run has changed in another way than by messages.
        """
        row = _with_messages(draft, result)
        rows = self._inbox or []
        ids = {message.id for message in rows} | set(draft.take)
        self.run.arrivals = row.arrivals
        messages = await self.host.inbox(self.run.id)
        self._inbox = [*rows, *(message for message in messages if message.id not in ids)]
        return self._inbox


def _with_messages(draft: Draft, result: Result) -> RunRow:
    """Return the row of a run that only got messages since the draft was begun.

    Raises:
        Lost: the run has changed in another way.
    """
    row = result.row if isinstance(result, Stale) else None
    if row is None or (row.epoch, row.seq) != (draft.base_epoch, draft.base_seq):
        raise Lost(row)
    return row
