"""Tell what runs stand still for beside their needs: attempts, messages, workers that are gone.

A worker looks at its start and then each minute, as for needs. Each run and each worker is told
once; as long as runs stand still, the line comes again at intervals that grow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from opord.engine.crowding import crowd_here
from opord.engine.host import StoreHost
from opord.engine.look_lines import NAMED_MOST, READ_MOST, GrowingPauses, at_least, some_of
from opord.engine.reaper import LONGEST_LEASE_US
from opord.engine.told import Told
from opord.kernel.inbox import event_name
from opord.kernel.instants import in_words
from opord.kernel.rows import RunRow
from opord.kernel.run import body_of
from opord.stores.base import KeptFor, RowDamaged
from opord.values.types import Duration, Instant
from opord.values.visible import safe

log: logging.Logger = logging.getLogger("opord.worker")

KEPT_US: Final = Duration(60_000_000)
"""How long a message waits before it is told, in microseconds.

Most messages are taken sooner, at the end of a step.
"""

INBOX_BYTES_MOST: Final = 1_048_576
"""Largest total size of a run's messages, in bytes, up to which a look reads what they are."""

EVENTS_NAMED: Final = 3
"""Number of events that are named of a run."""


class StandstillWatch:
    """Looks on behalf of a worker for runs that stand still, and need nobody."""

    def __init__(self, host: StoreHost) -> None:
        self._host = host
        self._told = Told()
        self._since = host.now()
        self._pauses = GrowingPauses(host.monotonic)

    async def look(self) -> None:
        """Tell what is new, and from time to time what lasts."""
        for look in (self._look_for_attempts, self._look_for_messages, self._look_for_workers):
            try:
                await look()
            except RowDamaged as damage:
                log.debug("a look for runs that stand still met a damaged row: %s", damage)

    async def _look_for_attempts(self) -> None:
        rows = await self._host.writer.read(self._host.store.resting, limit=READ_MOST)
        new = [row for row in rows if self._told.is_new("attempts", row.run, row.head.since, _call(row))]
        if self._is_time_for("attempts", lasts=bool(rows), new=bool(new)):
            named = new or rows
            log.info(
                "%s between two attempts of a call: %s; `opord runs list --status waiting`",
                at_least(len(rows), len(rows)),
                some_of([_attempt(row) for row in named[:NAMED_MOST]], len(named)),
            )

    async def _look_for_messages(self) -> None:
        before = Instant(self._host.now() - KEPT_US)
        kept = await self._host.writer.read(self._host.store.kept_for, before=before, limit=READ_MOST)
        new = [one for one in kept if self._told.is_new("messages", one.run, one.since)]
        if self._is_time_for("messages", lasts=bool(kept), new=bool(new)):
            named = new or kept
            log.info(
                "messages wait for %s until a state handles them: %s; `opord runs show %s`",
                at_least(len(kept), len(kept)),
                some_of([await self._messages(one) for one in named[:NAMED_MOST]], len(named)),
                safe(named[0].run) if len(named) == 1 else "RUN",
            )

    async def _look_for_workers(self) -> None:
        """Tell which workers ended without saying so, as long as their leases may last.

        The workers that were there then tell of it. One that begins later says what it takes over.
        """
        now = self._host.now()
        workers = await self._host.writer.read(self._host.store.workers, gone=True)
        self._tell_crowd(one.worker for one in workers if one.contracts and one.alive_until > now)
        for worker in workers:
            # One that ends in order says at last that it serves nothing.
            if not worker.contracts or not now - LONGEST_LEASE_US < worker.alive_until <= now:
                continue
            if worker.alive_until < self._since:
                continue
            if worker.worker != self._host.name and self._told.is_new(
                "worker", worker.worker, worker.alive_until
            ):
                log.warning(
                    "the worker %s shows no sign of life since %s; if it held runs, other workers take them over when their "
                    "leases have ended",
                    safe(worker.worker),
                    in_words(worker.alive_until),
                )

    def _tell_crowd(self, live: Iterable[str]) -> None:
        """Tell once that this machine has more workers than cores."""
        crowd = crowd_here(live)
        if crowd is not None and self._told.is_new("crowd"):
            log.warning("%s; more workers than cores carry no more runs", crowd)

    async def _messages(self, kept: KeptFor) -> str:
        """Name a run with the events that wait for it, if they are small enough to be read."""
        names: Sequence[str] = ()
        if await self._host.waiting_bytes(kept.run) <= INBOX_BYTES_MOST:
            events = [row for row in await self._host.inbox(kept.run) if row.kind == "event"]
            names = [*dict.fromkeys(event_name(row) or "?" for row in events)]
        listed = ", ".join(map(safe, names[:EVENTS_NAMED])) + (", …" if len(names) > EVENTS_NAMED else "")
        return f"{safe(kept.run)} ({listed}{' ' if listed else ''}since {in_words(kept.since)})"

    def _is_time_for(self, what: str, *, lasts: bool, new: bool) -> bool:
        """Say whether to write a line about something that is there, for what is new or lasts."""
        if not lasts:
            self._pauses.forget(what)
            return False
        return self._pauses.is_time_for(what) or new


def _call(row: RunRow) -> str | None:
    """Return the call of which a run awaits the next attempt."""
    body = body_of(row)
    pending = body.pending if body is not None else None
    under_way = (pending.tries or pending.intent) if pending is not None else None
    return under_way.call if under_way is not None else None


def _attempt(row: RunRow) -> str:
    due = f", due at {in_words(row.head.wake_at)}" if row.head.wake_at is not None else ""
    return f"{safe(row.run)} ({safe(_call(row) or '?')}{due})"
