"""Act on runs without carrying them: start them, send them events, pass on a person's decisions.

Each verb reads the run, decides with the kernel, and writes on the condition that the run has not
changed since. If it has changed, the verb reads again. So a process without handlers can do all
this as well as a worker.
"""

from __future__ import annotations

from typing import Any

from opord.drive import dropping, events, people, reading, starts
from opord.drive import evidence as late_evidence
from opord.drive.errors import RunPruned, RunUnknown
from opord.drive.host import Host
from opord.drive.keyed_lock import KeyedLock
from opord.drive.people import check_delivery, check_person
from opord.drive.starts import Started
from opord.generated.handles import Sent
from opord.kernel.inbox import Evidence
from opord.kernel.program import Program
from opord.kernel.rows import RunRow
from opord.kernel.run import Run
from opord.kernel.scheduling import USUAL, Scheduling
from opord.values.types import Digest, RunId


class RunVerbs:
    """Starts runs and moves them by events and by a person's word."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._locks = KeyedLock()
        self._starts = 0

    async def start(
        self,
        program: Program,
        input_value: Any,
        scheduling: Scheduling = USUAL,
        *,
        delivery: str = "",
    ) -> Started:
        """Start a run. The same key and input, or delivery, give the same run: `starts.start`."""
        if delivery:
            check_delivery(delivery)
        self._starts += 1
        return await starts.start(
            self.host, program, input_value, number=self._starts, scheduling=scheduling, delivery=delivery
        )

    async def send(
        self,
        run_id: str,
        event: str,
        args: Any,
        *,
        actor: str = "",
        role: str | None = None,
        if_seq: int | None = None,
        delivery: str = "",
    ) -> Sent:
        """Send an event.

        `args` is an object with a member for each parameter, or a tuple of values. `delivery` is an
        id that its sender gives it; the same delivery again is taken once.

        Raises:
            RunUnknown, UnknownEvent, InputInvalid, RoleRequired, SenderExcluded, EventRefused,
                EventWouldStall, EventConflict, RunEnded, RunPruned, QueueFull, HistoryFull: the
                event was refused and has changed nothing.
        """
        check_person(actor, role)
        if delivery:
            check_delivery(delivery)
        # Two sends that read the same run would both have to read again, so the events of a run go
        # one after the other.
        async with self._locks.held(run_id):
            return await events.send(self.host, RunId(run_id), event, args, actor, role, if_seq, delivery)

    async def resume(
        self,
        run_id: str,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Let a stalled run go on after its cause was mended. See `people.resume`."""
        await people.resume(self.host, RunId(run_id), actor=actor, role=role, reason=reason, if_seq=if_seq)

    retry = resume
    """The older name of `resume`."""

    async def terminate(
        self,
        run_id: str,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """End a run by an administrator's word. See `people.terminate`."""
        await people.terminate(self.host, RunId(run_id), actor=actor, role=role, reason=reason, if_seq=if_seq)

    async def acknowledge(
        self,
        run_id: str,
        *,
        seen: int | None = None,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Close the open alarms of a run. See `people.acknowledge`."""
        await people.acknowledge(
            self.host, RunId(run_id), seen=seen, actor=actor, role=role, reason=reason, if_seq=if_seq
        )

    async def drop_event(
        self,
        run_id: str,
        event_id: str,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Take out a stored event, or that of a stalled step. See `dropping.drop_event`."""
        await dropping.drop_event(
            self.host,
            RunId(run_id),
            event_id,
            actor=actor,
            role=role,
            reason=reason,
            if_seq=if_seq,
            dry_run=dry_run,
        )

    async def resolve(
        self,
        run_id: str,
        *,
        happened: bool | None = None,
        another: bool = False,
        result: Any = None,
        seen: int | None = None,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Say whether the action that a run is in doubt about happened, or resolve a collision.

        See `people.resolve`.
        """
        await people.resolve(
            self.host,
            RunId(run_id),
            happened=happened,
            another=another,
            result=result,
            seen=seen,
            actor=actor,
            role=role,
            reason=reason,
            if_seq=if_seq,
        )

    async def late(self, run_id: str, evidence: Evidence) -> None:
        """Keep what a worker learned of an attempt after it lost the run.

        See `evidence.keep_late`.
        """
        await late_evidence.keep_late(self.host, RunId(run_id), evidence)

    async def read(self, run_id: str) -> Run:
        """Return a run, decoded. See `reading.read`."""
        return await reading.read(self.host, RunId(run_id))

    async def decoded(self, row: RunRow) -> Run:
        """Return a run that was read, decoded. See `reading.decoded`."""
        return await reading.decoded(self.host, row)

    async def row(self, run_id: str) -> RunRow:
        """Return a run as stored.

        Raises:
            RunUnknown, RunPruned: no run of that name is stored.
        """
        return await reading.read_row(self.host, RunId(run_id))

    async def missing(self, run_id: str) -> RunUnknown | RunPruned:
        """Return the error for a missing run: unknown, or pruned if a tombstone is left."""
        return await reading.missing(self.host, RunId(run_id))

    async def program(self, contract: Digest) -> Program:
        """Return the program of a contract by its digest."""
        return await self.host.program(contract)
