"""What a principal sees that is limited to some contracts: for it, no other runs exist.

The limit is a backend over another one, so no route has to think of it. A run of another contract
is answered as one that does not exist, in the same words.
"""

from __future__ import annotations

import base64
import heapq
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

import msgspec

from opord.backends.base import Backend, Can, Limits, Outbox, Page, PruneWish, RunFilter, Started
from opord.errors import RunUnknown
from opord.kernel.rows import RunRow, Status
from opord.server.problems import Problem
from opord.values.types import Digest, Instant, RunId

if TYPE_CHECKING:
    from opord.backends.base import Move, Progress, Reading, Verified, Version, WorkerRow
    from opord.generated.handles import Sent
    from opord.kernel.data_filter import DataIs
    from opord.kernel.limits import LimitUse
    from opord.kernel.needs import Served
    from opord.kernel.program import Program
    from opord.kernel.rows import InboxRow, RecordRow, StoredContract, ValueRow


class Sight:
    """A backend that has the runs of some contracts only.

    What concerns the store as a whole is refused.
    """

    def __init__(self, backend: Backend, contracts: frozenset[str]) -> None:
        self._backend = backend
        self._contracts = contracts

    @property
    def can(self) -> frozenset[Can]:
        """Nothing: the optional verbs concern the store as a whole."""
        return frozenset()

    @property
    def limits(self) -> Limits:
        """How large things may be."""
        return self._backend.limits

    # --- moving runs -----------------------------------------------------------------------------

    async def start(self, program: Program, members: Any, **how: Any) -> Started:
        """Start a run; see `Backend.start`."""
        if program.name not in self._contracts:
            _whole()
        return await self._backend.start(program, members, **how)

    async def send(self, run: RunId, event: str, args: Any, **how: Any) -> Sent:
        """Send an event; see `Backend.send`."""
        return await self._backend.send(self._own(run), event, args, **how)

    async def resume(self, run: RunId, **how: Any) -> None:
        """Let a run go on; see `Backend.resume`."""
        await self._backend.resume(self._own(run), **how)

    async def resolve(self, run: RunId, **how: Any) -> None:
        """Resolve a doubt; see `Backend.resolve`."""
        await self._backend.resolve(self._own(run), **how)

    async def acknowledge(self, run: RunId, **how: Any) -> None:
        """Close alarms; see `Backend.acknowledge`."""
        await self._backend.acknowledge(self._own(run), **how)

    async def drop_event(self, run: RunId, event_id: str, **how: Any) -> None:
        """Take out an event; see `Backend.drop_event`."""
        await self._backend.drop_event(self._own(run), event_id, **how)

    async def cancel(self, run: RunId, **how: Any) -> Sent:
        """Ask a run to cancel; see `Backend.cancel`."""
        return await self._backend.cancel(self._own(run), **how)

    async def terminate(self, run: RunId, **how: Any) -> None:
        """End a run; see `Backend.terminate`."""
        await self._backend.terminate(self._own(run), **how)

    # --- reading ---------------------------------------------------------------------------------

    async def row(self, run: RunId) -> RunRow:
        """Return a run; see `Backend.row`."""
        return await self._backend.row(self._own(run))

    async def runs(
        self, where: RunFilter, *, data: Sequence[DataIs] = (), limit: int, after: str | None = None
    ) -> Page:
        """Return some runs of these contracts, newest start first; see `Backend.runs`.

        `after` says of each contract where its runs go on: it is made by `place` alone.
        """
        places = self._places(after)
        if where.contract is not None:
            wanted = where.values("contract") or ()
            places = {name: at for name, at in places.items() if name in wanted}
        pages = {
            name: await self._backend.runs(
                where._replace(contract=name), data=data, limit=limit, after=at or None
            )
            for name, at in places.items()
        }
        # The rows of one contract stay in their order, by whatever the store has told them.
        merged = heapq.merge(*(page.rows for page in pages.values()), key=lambda row: -row.started_at)
        rows = [row for _, row in zip(range(limit), merged, strict=False)]
        told = {name: sum(row.name == name for row in rows) for name in pages}
        left: dict[str, str] = {}
        for name, page in pages.items():
            if told[name] < len(page.rows):
                left[name] = page.rows[told[name] - 1].run if told[name] else places[name]
            elif page.after is not None:
                left[name] = page.after
        damaged = {run: why for page in pages.values() for run, why in page.damaged.items()}
        return Page(rows, damaged, _written(left) if left else None)

    def place(self, after: str | None, told: Sequence[RunRow]) -> str:
        """Return the `after` of a page that begins at `after` and has told these rows."""
        return _written(self._places(after) | {row.name: row.run for row in told})

    async def now(self) -> Instant:
        """Return the clock of the store."""
        return await self._backend.now()

    async def counts(self) -> dict[Status, int]:
        """Refuse: it counts all runs."""
        _whole()

    async def census(self) -> Never:
        """Refuse to count what is stored as a whole."""
        _whole()

    async def records(self, run: RunId, *, after: int = 0) -> AsyncIterator[RecordRow]:
        """Yield a run's records; see `Backend.records`."""
        if self._has(run):
            async for record in self._backend.records(run, after=after):
                yield record

    async def record(self, run: RunId, seq: int) -> RecordRow | None:
        """Return a record of a run; see `Backend.record`."""
        return await self._backend.record(run, seq) if self._has(run) else None

    async def kept(self, run: RunId) -> Reading:
        """Return all of a run; see `Backend.kept`."""
        return await self._backend.kept(self._own(run))

    async def strays(self) -> list[Any]:
        """Refuse: nobody knows whose they are."""
        _whole()

    async def inbox(self, run: RunId) -> list[InboxRow]:
        """Return the messages of a run; see `Backend.inbox`."""
        return await self._backend.inbox(run) if self._has(run) else []

    async def waiting(self, run: RunId) -> int:
        """Return how many messages wait for a run; see `Backend.waiting`."""
        return await self._backend.waiting(run) if self._has(run) else 0

    async def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        """Return large values of a run; see `Backend.values`."""
        return await self._backend.values(run, digests) if self._has(run) else []

    async def contract(self, digest: Digest) -> StoredContract | None:
        """Return the text of one of these contracts; see `Backend.contract`."""
        own = {one.digest for one in await self.versions()}
        return await self._backend.contract(digest) if digest in own else None

    async def versions(self, contract: str | None = None) -> list[Version]:
        """Return the versions of these contracts; see `Backend.versions`."""
        return [one for one in await self._backend.versions(contract) if one.name in self._contracts]

    # --- waiting ---------------------------------------------------------------------------------

    async def end_of(self, run: RunId) -> RunRow:
        """Wait for the end of a run; see `Backend.end_of`."""
        return await self._backend.end_of(self._own(run))

    async def wait_for_change(self, seen: int | None, timeout_s: float) -> int:
        """Wait for a change of the store; see `Backend.wait_for_change`."""
        return await self._backend.wait_for_change(seen, timeout_s)

    def outage(self) -> Exception | None:
        """Return why the store does not answer; see `Backend.outage`."""
        return self._backend.outage()

    async def progress(self, runs: Sequence[RunId]) -> list[Progress]:
        """Return where these runs are; see `Backend.progress`."""
        return await self._backend.progress([one for one in runs if self._has(one)])

    async def moves(self, since: Instant, *, limit: int) -> list[Move]:
        """Refuse: how many there are tells of other runs. A feed of the watch is filtered."""
        _whole()

    # --- workers and the store as a whole --------------------------------------------------------

    async def served(self) -> frozenset[Served]:
        """Return what live workers take; see `Backend.served`."""
        return await self._backend.served()

    async def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        """Return the workers. What is shown of a run says whether its worker lives, and no more."""
        return await self._backend.workers(gone=gone)

    async def read_outbox(self, ask: Callable[[Outbox], Any]) -> Any:
        """Refuse: messages tell of all runs."""
        _whole()

    async def write_outbox(self, act: Callable[[Outbox], Any]) -> Any:
        """Refuse: messages tell of all runs."""
        _whole()

    async def limits_in_use(self) -> list[LimitUse]:
        """Refuse: limits hold for all runs."""
        _whole()

    async def drop_limit(self, name: str) -> None:
        """Refuse: limits hold for all runs."""
        _whole()

    def beside(self) -> Never:
        """Refuse: the tables of others are nobody's view."""
        _whole()

    def finder(self) -> Never:
        """Refuse: it finds runs of all contracts."""
        _whole()

    async def verify(self, run: str | None = None) -> AsyncIterator[Verified]:
        """Prove the journal of a run; that of all is refused. See `Backend.verify`."""
        if run is None:
            _whole()
        async for found in self._backend.verify(self._own(RunId(run))):
            yield found

    async def archive(self, path: Path) -> Any:
        """Refuse: an archive has runs of all contracts."""
        _whole()

    async def prune(self, wish: PruneWish, archive: Any, *, dry_run: bool = False) -> AsyncIterator[Any]:
        """Refuse: it is for those who look after the store."""
        _whole()
        yield  # it is a generator

    # --- the limit -------------------------------------------------------------------------------

    def _has(self, run: str) -> bool:
        return run.partition("/")[0] in self._contracts

    def _own(self, run: RunId) -> RunId:
        """Return a run of one of these contracts.

        Raises:
            RunUnknown: it is of another one.
        """
        if not self._has(run):
            raise RunUnknown(run)
        return run

    def _places(self, after: str | None) -> dict[str, str]:
        """Return where the runs of each contract go on; "" is their beginning."""
        if after is None:
            return dict.fromkeys(sorted(self._contracts), "")
        try:
            places = msgspec.json.decode(base64.urlsafe_b64decode(after), type=dict[str, str])
        except (ValueError, msgspec.MsgspecError):
            places = {"": ""}
        if not all(
            name in self._contracts and (not at or at.startswith(f"{name}/")) for name, at in places.items()
        ):
            raise Problem(
                "query_invalid", f"expected for after what the page before has as its `after`, got: {after!r}"
            )
        return places


def _written(places: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(places)).decode()


def _whole() -> Never:
    raise Problem(
        "whole_store", "a principal that is limited to contracts cannot ask for the store as a whole"
    )
