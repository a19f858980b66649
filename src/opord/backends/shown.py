"""Show runs: a backend's rows with the programs of their contracts, every secret as `[secret]`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from opord.backends.base import Backend, Reading, RunFilter
from opord.contract import Contract
from opord.drive.errors import ContractUnreadable
from opord.engine.programs import Programs
from opord.engine.protection import SHOWING
from opord.kernel.calls_under_way import calls_by_run
from opord.kernel.data_filter import DataIs
from opord.kernel.inbox import event_name
from opord.kernel.large import needed
from opord.kernel.needs import Served
from opord.kernel.program import Program
from opord.kernel.rows import InboxRow, RunRow, StoredContract, WorkerSign, has_ended
from opord.kernel.run import Run, body_of, load_run, skeleton
from opord.kernel.unread import program_by_row
from opord.kernel.views import details_view, history_view, run_view, under_way_view, unreadable_view
from opord.stores.base import RowDamaged, StoreError, UnreadRow
from opord.values.guard import BadValue
from opord.values.types import Digest, Instant, RunId

__all__ = ["ContractUnreadable", "Shown"]

PAGE = 500
"""Number of rows read at a time."""


NAMED_MOST = 3
"""Number of messages up to which a listing names the events that wait. Each may be large."""


class Waiting(NamedTuple):
    """The messages that wait for a run: their number and, of a few, the names of the events."""

    number: int
    events: tuple[str, ...] = ()


class Shown:
    """Shows the runs of a backend. It needs no key."""

    def __init__(self, backend: Backend, programs: Programs | None = None) -> None:
        self.backend = backend
        self._programs = programs if programs is not None else Programs(SHOWING)
        self._served: frozenset[Served] | None = None
        self._workers: dict[str, WorkerSign] | None = None
        self._now: Instant | None = None
        self._damaged: dict[str, str] = {}

    def afresh(self) -> Shown:
        """Return one that shows runs as of now. What was compiled is used again."""
        return Shown(self.backend, self._programs)

    async def program(self, row: RunRow) -> Program:
        """Return the program of a run's contract.

        Raises:
            ContractUnreadable: this version cannot compile it.
        """
        return await self.program_of(row.contract)

    async def program_of(self, digest: Digest) -> Program:
        """Return the program of a stored contract.

        Raises:
            ContractUnreadable: it is not there, or this version cannot compile it.
        """
        program = self._programs.compiled(digest)
        if program is not None:
            return program
        return self._programs.load(_One(await self.backend.contract(digest)), digest)

    async def contract(self, digest: Digest) -> Contract | None:
        """Return a stored contract; None if it is not there or cannot be read."""
        try:
            return (await self.program_of(digest)).contract
        except (ContractUnreadable, RowDamaged):
            return None

    async def program_if_readable(self, row: RunRow) -> Program | None:
        """Return the program of a run's contract, if it can be compiled."""
        try:
            return await self.program(row)
        except (ContractUnreadable, RowDamaged):
            return None

    async def by_row(self, row: RunRow) -> Program:
        """Return what is known of a run's contract without its text."""
        try:
            contract = await self.backend.contract(row.contract)
        except RowDamaged:
            contract = None
        return program_by_row(row, contract.also if contract is not None else ())

    async def run(self, row: RunRow) -> Run:
        """Decode a run with its large values."""
        program = await self.program(row)
        digests = needed(row)
        return load_run(program, row, await self.backend.values(row.run, digests) if digests else ())

    async def view(self, row: RunRow) -> dict[str, Any]:
        """Return a run as shown. If its contract or data cannot be read, show what can be read."""
        return await self._view(row, self.run)

    async def page(self, row: RunRow, damage: str | None = None) -> dict[str, Any]:
        """Return a single run as shown, with its trouble and the events that wait for it.

        `damage` is why its row cannot be read.
        """
        view = await self.view(row) if damage is None else unreadable_view(row, damage)
        inbox, unread = await self._inbox(row.run) if row.arrivals or damage is not None else ((), [])
        details = details_view(body_of(row), inbox)
        details["stored"] += [{"id": None, "event": None, "at": None, "damaged": one.why} for one in unread]
        held = damage is None and row.head.worker is not None  # no call is under way otherwise
        run = await self.readable(row) if held else None
        return view | details | under_way_view(run, await self._workers_seen(), await self._instant())

    async def _inbox(self, run: RunId) -> tuple[Sequence[InboxRow], list[UnreadRow]]:
        """Return the messages that wait for a run, and those that cannot be read."""
        try:
            return await self.backend.inbox(run), []
        except RowDamaged:
            reading = await self.backend.kept(run)
            return reading.kept.inbox, [one for one in reading.unread if one.table == "inbox"]

    async def outline(self, row: RunRow) -> dict[str, Any]:
        """Return a run as shown in places that do not show its data; large values are not read."""
        return await self._view(row, self._skeleton if needed(row) else self.run)

    async def messages_waiting(self, row: RunRow) -> Waiting:
        """Return the messages that wait for a run that has not ended."""
        if not row.arrivals or has_ended(row.head.status):
            return Waiting(0)
        number = await self.backend.waiting(row.run)
        if not 0 < number <= NAMED_MOST:
            return Waiting(number)
        inbox, _ = await self._inbox(row.run)
        return Waiting(number, tuple(dict.fromkeys(filter(None, map(event_name, inbox)))))

    async def messages(self, run: RunId, program: Program) -> list[dict[str, Any]]:
        """Return the messages that wait for a run, as its history shows them."""
        return history_view(program, (), await self.backend.inbox(run))

    async def _skeleton(self, row: RunRow) -> Run:
        return skeleton(await self.program(row), row)

    async def _view(self, row: RunRow, decode: Callable[[RunRow], Awaitable[Run]]) -> dict[str, Any]:
        if row.run in self._damaged:
            return unreadable_view(row, self._damaged[row.run])
        served, workers, now = await self.served(), await self._workers_seen(), await self._instant()
        try:
            return run_view(await decode(row), served=served, now=now, workers=workers)
        except (ContractUnreadable, BadValue, RowDamaged) as wrong:
            return unreadable_view(row, str(wrong))
        except StoreError:
            raise
        except Exception as wrong:
            return unreadable_view(row, _unreadable(wrong))

    async def readable(self, row: RunRow) -> Run | None:
        """Decode a run; None if what is stored of it, or its contract, cannot be read."""
        try:
            return await self.run(row)
        except (ContractUnreadable, RowDamaged):
            return None
        except StoreError:
            raise
        except Exception:
            return None

    def history(self, reading: Reading, program: Program, *, once: bool = False) -> list[dict[str, Any]]:
        """Return a run's records as shown, followed by the messages that wait.

        `program` may come from `by_row`. With `once`, each large value is in one record alone.
        """
        content = reading.kept
        return history_view(
            program, content.records, content.inbox, content.values, reading.unread, once=once
        )

    async def records(self, run: RunId, program: Program, *, after: int, until: int) -> list[dict[str, Any]]:
        """Return a run's records above `after` and up to `until` as shown.

        `program` may come from `by_row`.
        """
        records = [one async for one in self.backend.records(run, after=after) if one.seq <= until]
        large = any('"values":' in one.body for one in records)
        return history_view(program, records, (), await self.backend.values(run) if large else ())

    def damage_of(self, row: RunRow) -> str | None:
        """Return why a listed run cannot be read; None if it can."""
        return self._damaged.get(row.run)

    async def served(self) -> frozenset[Served]:
        """Return what live workers take, as of the first call."""
        if self._served is None:
            try:
                self._served = await self.backend.served()
            except RowDamaged:
                self._served = frozenset()  # what one worker reports of itself cannot be read
        return self._served

    async def _workers_seen(self) -> Mapping[str, WorkerSign] | None:
        """Return the last sign of life of each worker, as of the first call.

        The result is None if that cannot be read.
        """
        if self._workers is None:
            self._now = await self.backend.now()
            try:
                rows = await self.backend.workers(gone=True)
            except RowDamaged:
                return None
            self._workers = {
                row.worker: WorkerSign(row.alive_until, row.trouble, calls_by_run(row.calls)) for row in rows
            }
        return self._workers

    async def _instant(self) -> Instant:
        """Return the instant of which all is shown: when the workers were last seen.

        A later one would call workers dead that have shown signs of life in between.
        """
        if self._now is None:
            self._now = await self.backend.now()
        return self._now

    async def rows(
        self,
        where: RunFilter,
        *,
        data: Sequence[DataIs] = (),
        limit: int | None = None,
        after: str | None = None,
    ) -> AsyncIterator[RunRow]:
        """Yield the runs that match, newest first, beginning after the run `after`.

        A damaged one is yielded with what is left, for `view` alone.
        """
        budget = limit
        while budget is None or budget > 0:
            # With conditions on data few rows of a page may fit, so a small page would find little.
            size = PAGE if budget is None or data else min(PAGE, budget)
            page = await self.backend.runs(where, data=data, limit=size, after=after)
            self._damaged.update(page.damaged)
            for row in page.rows[:budget]:
                yield row
            after = page.after
            if after is None:
                return
            budget = None if budget is None else budget - len(page.rows)


def _unreadable(error: Exception) -> str:
    """Say that stored data are not what was written."""
    return f"what is kept of it cannot be read ({type(error).__name__}: {error})"


class _One:
    """The text of one contract."""

    def __init__(self, text: StoredContract | None) -> None:
        self._text = text

    def contract(self, digest: Digest) -> StoredContract | None:
        """Return the text."""
        return self._text
