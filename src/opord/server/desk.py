"""What the routes share: the backend, the contracts that are served, and runs as they are shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, Protocol

from opord.backends.base import Backend, Progress, RowDamaged
from opord.backends.shown import Shown
from opord.errors import RunMoved
from opord.kernel.program import Program
from opord.kernel.rows import RunRow
from opord.server.access import CANCEL, role_to_cancel
from opord.server.jobs import Jobs
from opord.server.limits import HttpLimits
from opord.server.principals import Principal
from opord.server.problems import Problem
from opord.server.requests import ClientGone, Request
from opord.server.sight import Sight
from opord.server.state import State
from opord.server.state.audit import Audit
from opord.server.streams import Stream
from opord.server.watch import Watch
from opord.values.types import RunId

FIRST_S: Final = 0.05
"""How long an answer that is held waits for the end of its run alone, in seconds."""

FRESH_S: Final = 0.1
"""How long what is known of the workers is used for other answers, in seconds."""


SIGHTS_KEPT: Final = 100
"""For how many different sets of contracts what was compiled is kept."""


class Source(Protocol):
    """What an API is made of: an open engine, or whatever has its backend and its contracts."""

    @property
    def backend(self) -> Backend:
        """The backend."""
        ...

    @property
    def programs(self) -> Sequence[Program]:
        """The contracts whose runs may be started."""
        ...


class _Seen:
    """A source as a principal sees it that is limited to some contracts."""

    def __init__(self, source: Source, contracts: frozenset[str]) -> None:
        self._source = source
        self._contracts = contracts
        self._backend: tuple[Backend, Sight] | None = None

    @property
    def backend(self) -> Sight:
        """The runs of these contracts."""
        backend = self._source.backend
        if self._backend is None or self._backend[0] is not backend:
            self._backend = backend, Sight(backend, self._contracts)
        return self._backend[1]

    @property
    def programs(self) -> Sequence[Program]:
        """Those of these contracts whose runs may be started."""
        return [one for one in self._source.programs if one.name in self._contracts]


class _Streams:
    """How many streams are open."""

    def __init__(self) -> None:
        self.open = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Count one more."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


class Desk:
    """Answers for one source. It is asked by the routes, and keeps no state of any run."""

    def __init__(self, source: Source, limits: HttpLimits, state: State, *, of: Desk | None = None) -> None:
        self.source = source
        self.limits = limits
        self.state = state
        self.audit: Audit = of.audit if of is not None else Audit(state, limits.acts_kept_s)
        self.jobs: Jobs = of.jobs if of is not None else Jobs()
        self.watch: Watch = of.watch if of is not None else Watch(lambda: source.backend)
        self._streams: _Streams = of._streams if of is not None else _Streams()
        self._shown: Shown | None = None
        self._shown_at = 0.0
        self._seen: dict[frozenset[str], Desk] = {}

    def seen_by(self, principal: Principal) -> Desk:
        """Return the desk for a principal: it has the runs and contracts that it sees."""
        if principal.contracts is None:
            return self
        contracts = frozenset(principal.contracts)
        desk = self._seen.get(contracts)
        if desk is None:
            if len(self._seen) >= SIGHTS_KEPT:
                self._seen.clear()
            desk = self._seen[contracts] = Desk(
                _Seen(self.source, contracts), self.limits, self.state, of=self
            )
        return desk

    @property
    def backend(self) -> Backend:
        """The backend.

        Raises:
            EngineClosed: the engine is not open.
        """
        return self.source.backend

    def program(self, name: str, version: int | None = None) -> Program:
        """Return the contract to start: that of a version, or the newest.

        Raises:
            Problem: it is not served here.
        """
        of_name = [one for one in self.source.programs if one.name == name]
        chosen = [one for one in of_name if version in (None, one.version)]
        if chosen:
            return max(chosen, key=lambda one: one.version)
        if of_name:
            there = _listed(str(one.version) for one in of_name)
            raise Problem("contract_unknown", f"{name} is served in the versions {there}, got: {version}")
        names = sorted({one.name for one in self.source.programs})
        raise Problem(
            "contract_unknown",
            f"the contract {name!r} is not served here; there are {_listed(names)}",
            contracts=names,
        )

    @property
    def shown(self) -> Shown:
        """Runs as shown now. What is compiled of contracts is kept from one answer to the next."""
        now = asyncio.get_running_loop().time()
        backend = self.backend
        if self._shown is None or self._shown.backend is not backend:
            self._shown = Shown(backend)
        elif now - self._shown_at > FRESH_S:
            self._shown = self._shown.afresh()
        else:
            return self._shown
        self._shown_at = now
        return self._shown

    def place(self, after: str | None, told: Sequence[RunRow]) -> str:
        """Return the `after` of a page of runs that begins at `after` and has told these rows."""
        backend = self.backend
        return backend.place(after, told) if isinstance(backend, Sight) else told[-1].run

    async def row(self, request: Request) -> tuple[RunRow, str | None]:
        """Return the run of a request, and what is wrong with its row if it cannot be read.

        Raises:
            RunUnknown, RunPruned: there is no such run.
            RowDamaged: nothing of it can be read.
        """
        try:
            return await self.backend.row(run_of(request)), None
        except RowDamaged as damage:
            if damage.readable is None:
                raise
            return damage.readable, str(damage)

    async def role_to_cancel(self, row: RunRow, principal: Principal) -> str | None:
        """Return the role in which a principal cancels a run; see `access.role_to_cancel`."""
        program = await self.shown.program_if_readable(row)
        event = program.events.get(CANCEL) if program is not None else None
        return role_to_cancel(principal, event.declaration.roles if event is not None else ())

    async def rest_of(self, run: RunId, request: Request) -> RunRow | None:
        """Return a run once it rests: it waits, needs a person, or has ended.

        The result is None if it is still running after the time of `?wait=`, or when the server
        stops.

        Raises:
            ClientGone: nobody waits for the answer any more.
            RunUnknown, RunPruned: there is no such run.
        """
        here = await self.backend.progress([run])
        if not here or here[0].status != "running":
            return await self.backend.row(run)
        return await self._waited(request, run, lambda at: at is None or at.status != "running")

    async def change_of(self, run: RunId, seen: RunRow, request: Request) -> RunRow | None:
        """Return a run once it has changed; None after the time of `?wait=`. See `rest_of`."""
        here = (seen.seq, seen.arrivals)
        return await self._waited(request, run, lambda at: at is None or (at.seq, at.arrivals) != here)

    async def _waited(
        self, request: Request, run: RunId, fits: Callable[[Progress | None], bool]
    ) -> RunRow | None:
        wait_s = request.wait_s()
        await request.body()
        request.answer_within(wait_s + self.limits.answer_s)
        # Most runs end soon, and an end rings a bell. Waiting for that alone costs least.
        with suppress(TimeoutError):
            async with asyncio.timeout(min(wait_s, FIRST_S)):
                return await self.backend.end_of(run)
        wait_s -= FIRST_S
        if wait_s <= 0:
            return None
        ended = asyncio.ensure_future(self.backend.end_of(run))
        others = [
            asyncio.ensure_future(self.watch.moved(run, fits)),
            asyncio.ensure_future(request.inlet.gone()),
        ]
        try:
            await asyncio.wait({ended, *others}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if others[1].done():
                raise ClientGone
            if ended.done():
                return ended.result()
            return await self.backend.row(run) if others[0].done() else None
        finally:
            for task in (ended, *others):
                task.cancel()
            await asyncio.gather(ended, *others, return_exceptions=True)

    def stream(self, events: Callable[[], AsyncIterator[bytes]]) -> Stream:
        """Return a stream of events, if there is room for one.

        Raises:
            Problem: too many streams are open.
        """
        limits = self.limits
        if self._streams.open >= limits.streams:
            raise Problem(
                "too_many_streams",
                f"the server has {limits.streams} streams open; close one, or come again later",
            )
        return Stream(events, self._streams.place(), read_s=limits.read_s, most_s=limits.stream_s)


def run_of(request: Request) -> RunId:
    """Return the name of the run that the path names."""
    return RunId(f"{request.route['contract']}/{request.route['key']}")


class Tag(NamedTuple):
    """What the `ETag` of a run says: its newest record, and how many messages it got."""

    seq: int
    arrivals: int


async def if_seq(desk: Desk, request: Request) -> int | None:
    """Return the record that a run must stand at; None if it may stand at any.

    `If-Match` says it, or the claim of a request that is done once.

    Raises:
        Problem: the header is no tag of a run.
        RunMoved: the run has got a record or a message since.
        RunUnknown, RunPruned: there is no such run.
    """
    tag = _tag(request)
    return (
        await fits(desk, request, tag)
        if request.claim is None
        else await request.claim.if_seq(desk, request, tag)
    )


async def fits(desk: Desk, request: Request, tag: Tag | None) -> int | None:
    """Return the record of a tag if the run is as it says; see `if_seq`."""
    if tag is None:
        return None
    row, _ = await desk.row(request)
    if (row.seq, row.arrivals) != tag:
        raise RunMoved(row.run, tag.seq, row.seq)
    return tag.seq


def _tag(request: Request) -> Tag | None:
    said = request.header(b"if-match")
    if said is None or said.strip() == "*":
        return None
    tag = _TAG.fullmatch(said.strip())
    if tag is None:
        raise Problem("header_invalid", f"expected for if-match the etag of a run, got: {said}")
    return Tag(int(tag[1]), int(tag[2]))


_TAG: Final = re.compile(r'"([0-9]{1,18})\.([0-9]{1,18})"')


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
