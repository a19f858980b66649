"""The backend of a store in this process.

Writes go through the engine's store writer, reads go beside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import MsgspecError

from opord.backends.base import LIMITS, Can, Limits, Page, PruneWish, Reading, Verified, Version
from opord.backends.beside import beside
from opord.backends.census import Census, census_of
from opord.backends.finding import StoreFinder
from opord.backends.limits import LimitUnknown
from opord.drive.accepting import accepted_by
from opord.drive.starts import Started, scheduled
from opord.engine.process import Process
from opord.generated.handles import Sent
from opord.kernel.data_filter import DataIs, fits, texts_of
from opord.kernel.instants import text
from opord.kernel.large import Texts, ValueMissing
from opord.kernel.limits import LimitUse
from opord.kernel.needs import Served
from opord.kernel.program import Program
from opord.kernel.rows import InboxRow, RecordRow, RunRow, Status, StoredContract, ValueRow
from opord.stores.base import Move, Outbox, Progress, RowDamaged, RunFilter, Stray, UnreadRow, WorkerRow
from opord.stores.beside import Beside
from opord.values.types import Digest, Instant, RunId

if TYPE_CHECKING:
    from opord.engine.pruning import Tally
    from opord.stores.archive import ArchiveWriter

T = TypeVar("T")

RECORDS_AT_ONCE = 1000
"""Number of records that are read from the store at a time."""


class Embedded:
    """Answers from an open `Process`, which the caller closes."""

    can: frozenset[Can] = frozenset({"prune", "archive", "transactions"})
    limits: Limits = LIMITS

    def __init__(self, process: Process) -> None:
        self.process = process
        self._store = process.store
        self._client = process.client
        self._read = process.writer.read

    # --- moving runs -----------------------------------------------------------------------------

    async def start(
        self,
        program: Program,
        members: Any,
        *,
        priority: int = 0,
        label: str | None = None,
        delivery: str = "",
    ) -> Started:
        """Start a run; see `Backend.start`."""
        scheduling = scheduled(priority, label)
        value = accepted_by(program.input, members, program.name)
        return await self._client.start(program, value, scheduling, delivery=delivery)

    async def send(
        self,
        run: RunId,
        event: str,
        args: Any,
        *,
        actor: str = "",
        role: str | None = None,
        if_seq: int | None = None,
        delivery: str = "",
    ) -> Sent:
        """Send an event to a run; see `Backend.send`."""
        return await self._client.send(
            run, event, args, actor=actor, role=role, if_seq=if_seq, delivery=delivery
        )

    async def resume(
        self,
        run: RunId,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Let a stalled run go on; see `Backend.resume`."""
        await self._client.resume(run, actor=actor, role=role, reason=reason, if_seq=if_seq)

    async def resolve(
        self,
        run: RunId,
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
        """Say whether an action happened; see `Backend.resolve`."""
        await self._client.resolve(
            run,
            happened=happened,
            another=another,
            result=result,
            seen=seen,
            actor=actor,
            role=role,
            reason=reason,
            if_seq=if_seq,
        )

    async def acknowledge(
        self,
        run: RunId,
        *,
        seen: int | None = None,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Close the open alarms of a run; see `Backend.acknowledge`."""
        await self._client.acknowledge(run, seen=seen, actor=actor, role=role, reason=reason, if_seq=if_seq)

    async def drop_event(
        self,
        run: RunId,
        event_id: str,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Take an event out of a run; see `Backend.drop_event`."""
        await self._client.drop_event(
            run, event_id, actor=actor, role=role, reason=reason, if_seq=if_seq, dry_run=dry_run
        )

    async def cancel(
        self,
        run: RunId,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
        delivery: str = "",
    ) -> Sent:
        """Ask a run to cancel; see `Backend.cancel`."""
        args = {"reason": reason if reason is not None else f"cancelled by {actor}"}
        return await self._client.send(
            run, "cancel", args, actor=actor, role=role, if_seq=if_seq, delivery=delivery
        )

    async def terminate(
        self,
        run: RunId,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """End a run; see `Backend.terminate`."""
        await self._client.terminate(run, actor=actor, role=role, reason=reason, if_seq=if_seq)

    # --- reading ---------------------------------------------------------------------------------

    async def row(self, run: RunId) -> RunRow:
        """Return a run as stored; see `Backend.row`."""
        row = await self._read(self._store.load, run)
        if row is None:
            raise await self._client.missing(run)
        return row

    async def runs(
        self, where: RunFilter, *, data: Sequence[DataIs] = (), limit: int, after: str | None = None
    ) -> Page:
        """Return some runs; see `Backend.runs`."""
        if not data:
            return await self._page(where, limit, after)
        texts = tuple(filter(None, map(texts_of, data)))
        page = await self._page(where._replace(texts=texts), limit, after)
        rows = [row for row in page.rows if row.run not in page.damaged and await self._fits(row, data)]
        return Page(rows, {}, page.after)

    async def _fits(self, row: RunRow, data: Sequence[DataIs]) -> bool:
        """Say whether a run's data fit all conditions; large values are read only if it matters."""
        values: dict[str, Any] = {}
        for condition in data:
            try:
                while not isinstance(answer := fits(condition, row, values), bool):
                    values[answer] = Texts(await self.values(row.run, [answer])).plain(answer)
            except (ValueMissing, ValueError, MsgspecError):
                return False  # what is stored of it is not what was written
            if not answer:
                return False
        return True

    async def _page(self, where: RunFilter, limit: int, after: str | None) -> Page:
        """Return a page of runs.

        A page with a damaged row is halved until it holds only the rows before the damaged one, or
        only that one.
        """
        size = limit
        while True:
            try:
                rows = await self._read(self._store.runs, where, limit=size, after=after)
            except RowDamaged as damage:
                if size > 1:
                    size //= 2
                    continue
                if damage.readable is None:
                    raise
                return Page([damage.readable], {damage.readable.run: str(damage)}, damage.after)
            whole = size == limit and len(rows) < limit
            return Page(rows, {}, None if whole or not rows else rows[-1].run)

    async def now(self) -> Instant:
        """Return the store's clock."""
        return self._store.now()

    async def counts(self) -> dict[Status, int]:
        """Return how many runs are in each status."""
        return await self._read(self._store.counts)

    async def census(self) -> Census:
        """Count what is stored; see `Backend.census`."""
        return await census_of(self._store, self._read)

    async def records(self, run: RunId, *, after: int = 0) -> AsyncIterator[RecordRow]:
        """Yield a run's records in order."""
        while page := await self._read(self._store.journal, run, after=after, limit=RECORDS_AT_ONCE):
            for record in page:
                yield record
            after = page[-1].seq

    async def record(self, run: RunId, seq: int) -> RecordRow | None:
        """Return a record of a run; None if there is no such record."""
        found = await self._read(self._store.journal, run, after=seq - 1, limit=1)
        return found[0] if found and found[0].seq == seq else None

    async def kept(self, run: RunId) -> Reading:
        """Return all that is stored of a run, as far as it can be read."""
        unread: list[UnreadRow] = []
        content = await self._read(self._store.kept, run, unread=unread)
        if content is None:
            raise await self._client.missing(run)
        return Reading(content, unread, self._store.now())

    async def strays(self) -> list[Stray]:
        """Return what is kept of runs that cannot be listed."""
        return await self._read(self._store.strays)

    async def inbox(self, run: RunId) -> list[InboxRow]:
        """Return the messages that wait for a run."""
        return await self._read(self._store.inbox, run)

    async def waiting(self, run: RunId) -> int:
        """Return the number of messages that wait for a run."""
        return await self._read(self._store.waiting, run)

    async def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        """Return large values of a run; see `Backend.values`."""
        return await self._read(self._store.values, run, digests)

    async def contract(self, digest: Digest) -> StoredContract | None:
        """Return the text of a contract."""
        return await self._read(self._store.contract, digest)

    async def versions(self, contract: str | None = None) -> list[Version]:
        """Return the stored contracts; see `Backend.versions`."""
        contracts = await self._read(self._store.contracts)
        return [
            Version(one.name, one.version, one.digest)
            for one in contracts
            if contract is None or one.name == contract
        ]

    # --- waiting ---------------------------------------------------------------------------------

    async def end_of(self, run: RunId) -> RunRow:
        """Wait for the end of a run; see `Backend.end_of`."""
        row = await self.process.waiters.end_of(run)
        if row is None:
            raise await self._client.missing(run)
        return row

    def outage(self) -> Exception | None:
        """Return why the store does not answer now; see `Backend.outage`."""
        return self.process.writer.outage

    async def wait_for_change(self, seen: int | None, timeout_s: float) -> int:
        """Wait until other processes have changed something; see `Backend.wait_for_change`."""
        return await self.process.waiters.wait_for_change(seen, timeout_s)

    async def progress(self, runs: Sequence[RunId]) -> list[Progress]:
        """Return where runs are; see `Backend.progress`."""
        return await self.process.writer.short_read(self._store.progress, runs)

    async def moves(self, since: Instant, *, limit: int) -> list[Move]:
        """Return the newest records; see `Backend.moves`."""
        return await self._read(self._store.moves, since, limit=limit)

    # --- workers ---------------------------------------------------------------------------------

    async def served(self) -> frozenset[Served]:
        """Return what live workers take; see `Backend.served`."""
        return frozenset(
            (digest, label)
            for worker in await self.workers()
            for digest in worker.contracts
            for label in worker.labels
        )

    async def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        """Return the workers that are alive now; see `Backend.workers`."""
        return await self._read(self._store.workers, gone=gone)

    # --- messages to other programs --------------------------------------------------------------

    async def read_outbox(self, ask: Callable[[Outbox], T]) -> T:
        """Call a verb that only reads; see `Backend.read_outbox`."""
        return await self._read(ask, self._store.outbox)

    async def write_outbox(self, act: Callable[[Outbox], T]) -> T:
        """Call another verb; see `Backend.write_outbox`."""
        return await self.process.writer.call(act, self._store.outbox)

    # --- limits ----------------------------------------------------------------------------------

    async def limits_in_use(self) -> list[LimitUse]:
        """Return the limits of the deployment; see `Backend.limits_in_use`."""
        return await self._read(self._store.permits.in_use)

    async def drop_limit(self, name: str) -> None:
        """Forget a limit; see `Backend.drop_limit`."""
        contract, _, call = name.partition(".")
        if not await self.process.writer.call(self._store.permits.drop_limit, contract, call):
            raise LimitUnknown(name, [one.limit.name for one in await self.limits_in_use()])

    # --- tables of others ------------------------------------------------------------------------

    def beside(self) -> Beside:
        """Return what keeps tables of others beside the store; see `Backend.beside`."""
        return beside(self._store)

    def finder(self) -> StoreFinder:
        """Return what finds live runs by their data; see `Backend.finder`."""
        return StoreFinder(self.process, self._fits)

    # --- maintaining runs ------------------------------------------------------------------------

    def verify(self, run: str | None = None) -> AsyncIterator[Verified]:
        """Verify a run, or all runs; see `Backend.verify`."""
        from opord.backends.verifying import verify

        return verify(self, run)

    async def archive(self, path: Path) -> ArchiveWriter:
        """Open an archive for the runs of this store; see `Backend.archive`."""
        from opord.stores.archive import ArchiveWriter

        return await self._turn(
            lambda: ArchiveWriter.open(path, self._store.identity(), text(self._store.now()))
        )

    async def prune(
        self, wish: PruneWish, archive: ArchiveWriter | None, *, dry_run: bool = False
    ) -> AsyncIterator[Tally]:
        """Prune runs; see `Backend.prune`. Each batch takes its turn among the writes."""
        from opord.engine.pruning import Pruning, survey

        store = self._store
        before = wish.before if wish.before is not None else Instant(max(store.now() - (wish.age_us or 0), 0))
        if dry_run:
            yield await self._turn(
                lambda: survey(store, before=before, contract=wish.contract, limit=wish.limit)
            )
            return
        pruning = Pruning(
            store, before=before, archive=archive, keep_us=wish.keep_us, contract=wish.contract,
            limit=wish.limit,
        )  # fmt: skip
        steps = pruning.steps()
        while (tally := await self._turn(lambda: next(steps, None))) is not None:
            yield tally
        if wish.compact:
            await self._turn(store.compact)
        yield pruning.tally

    async def _turn(self, job: Callable[[], T]) -> T:
        """Use the store while nothing else in this process writes."""
        return await self.process.writer.call(job)
