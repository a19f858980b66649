"""Know when runs move: one task looks for all who wait, with one query a look.

It looks when the store says that others have changed something, and now and then: what a worker in
this process writes may not count as a change.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from opord.backends.base import Backend, Move, Progress
from opord.backends.codes import is_away
from opord.values.types import Instant, RunId

LOOK_S: Final = 0.05
"""How long it takes at most to see that a run has moved for which a request waits, in seconds."""

IDLE_LOOK_S: Final = 0.5
"""The same while only streams wait."""

PAUSE_S: Final = 0.01
"""The shortest time between two looks, in seconds."""

PAUSE_TIMES: Final = 3
"""How many times longer than a look the pause is that follows it: others want the store too."""

AWAY_S: Final = 1.0
"""How long to wait for a store that cannot be reached before the next look, in seconds."""

AT_ONCE: Final = 500
"""Maximum number of runs that one query looks at."""

OVERLAP_US: Final = 2_000_000
"""How far back each look at all moves reaches, in microseconds: records come to light late."""

MOVES_AT_ONCE: Final = 5000
"""Maximum number of moves that a look reads. If there were more, streams are told of a gap."""

KEPT_MOVES: Final = 1000
"""Maximum number of moves that a stream may leave unread before it is told of a gap."""


class _Waiter(NamedTuple):
    fits: Callable[[Progress | None], bool]
    patient: bool
    found: asyncio.Future[Progress | None]


class Feed:
    """The moves that one stream has yet to tell, oldest first. `gap` says that some were lost.

    `error` is why no more will come.
    """

    def __init__(self) -> None:
        self.moves: deque[Move] = deque()
        self.gap: bool = False
        self.error: Exception | None = None
        self.more: asyncio.Event = asyncio.Event()

    def put(self, moves: list[Move], gap: bool) -> None:
        """Add moves."""
        self.moves += moves
        while len(self.moves) > KEPT_MOVES:
            self.moves.popleft()
            gap = True
        self.gap = self.gap or gap
        if self.moves or self.gap:
            self.more.set()

    def end(self, error: Exception) -> None:
        """Say that no more will come."""
        self.error = error
        self.more.set()


class Watch:
    """Looks for those who wait, while somebody does."""

    def __init__(self, backend: Callable[[], Backend]) -> None:
        self._backend = backend
        self._waiters: dict[RunId, list[_Waiter]] = {}
        self._feeds: set[Feed] = set()
        self._told: dict[tuple[RunId, int], Instant] = {}
        self._since: Instant | None = None
        self._opening = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self.closed: bool = False

    def close(self) -> None:
        """Let all who wait go on at once, and let nobody wait any more."""
        self.closed = True
        for waiter in self._all():
            if not waiter.found.done():
                waiter.found.set_result(None)
        for feed in self._feeds:
            feed.more.set()
        if self._looking is not None:
            self._looking.cancel()

    async def moved(
        self, run: RunId, fits: Callable[[Progress | None], bool], *, patient: bool = False
    ) -> Progress | None:
        """Return where a run is once that fits, or when this is closed.

        `fits` gets None for a run that does not exist. `patient` is for streams: they wait for the
        store, too, while it cannot be reached.

        Raises:
            StoreError: the store cannot be used.
        """
        if self.closed:
            return None
        waiter = _Waiter(fits, patient, asyncio.get_running_loop().create_future())
        self._waiters.setdefault(run, []).append(waiter)
        self._look_on()
        try:
            return await waiter.found
        finally:
            left = [one for one in self._waiters.get(run, ()) if one is not waiter]
            if left:
                self._waiters[run] = left
            else:
                self._waiters.pop(run, None)

    @asynccontextmanager
    async def feed(self) -> AsyncIterator[Feed]:
        """Yield a feed of all moves from now on. Moves of just before may come as well.

        Raises:
            StoreError: the store cannot be used.
        """
        async with self._opening:
            if self._since is None:
                since = await self._backend().now()
                self._told = {(one.run, one.seq): one.at for one in (await self.moves(since))[0]}
                self._since = since
        feed = Feed()
        self._feeds.add(feed)
        self._look_on()
        try:
            yield feed
        finally:
            self._feeds.discard(feed)
            if not self._feeds:
                self._since = None

    async def moves(self, since: Instant) -> tuple[list[Move], bool]:
        """Return the newest moves of all runs since about an instant, and whether there were more.

        Raises:
            StoreError: the store cannot be used.
        """
        moves = await self._backend().moves(Instant(since - OVERLAP_US), limit=MOVES_AT_ONCE)
        return moves, len(moves) == MOVES_AT_ONCE and moves[0].at > since

    # --- looking ---------------------------------------------------------------------------------

    def _look_on(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look(), name="opord-watch")

    async def _look(self) -> None:
        changes: int | None = None
        try:
            while self._waiters or self._feeds:
                try:
                    changes = await self._look_once(changes)
                except Exception as error:
                    if not is_away(error):
                        raise
                    self._fail(error, self._hurried())
                    await asyncio.sleep(AWAY_S)
        except Exception as error:
            self._fail(error, self._all())
            for feed in self._feeds:
                feed.end(error)

    async def _look_once(self, changes: int | None) -> int:
        """Look at all who wait, and return once the store has changed; see `wait_for_change`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._look_at_runs()
        if self._feeds:
            await self._look_at_moves()
        await asyncio.sleep(max(PAUSE_S, PAUSE_TIMES * (loop.time() - began)))
        return await self._backend().wait_for_change(changes, self._look_s())

    def _look_s(self) -> float:
        return LOOK_S if self._hurried() else IDLE_LOOK_S

    def _all(self) -> list[_Waiter]:
        return [one for waiters in self._waiters.values() for one in waiters]

    def _hurried(self) -> list[_Waiter]:
        return [one for one in self._all() if not one.patient]

    async def _look_at_runs(self) -> None:
        runs = [*self._waiters]
        for first in range(0, len(runs), AT_ONCE):
            part = runs[first : first + AT_ONCE]
            found = {one.run: one for one in await self._backend().progress(part)}
            for run in part:
                for waiter in self._waiters.get(run, ()):
                    if not waiter.found.done() and waiter.fits(found.get(run)):
                        waiter.found.set_result(found.get(run))

    async def _look_at_moves(self) -> None:
        since = self._since
        if since is None:
            return
        moves, gap = await self.moves(since)
        if not self._feeds:
            return
        new = [one for one in moves if (one.run, one.seq) not in self._told]
        self._since = max(since, *(one.at for one in moves)) if moves else since
        kept_from = self._since - OVERLAP_US
        self._told = {key: at for key, at in self._told.items() if at >= kept_from}
        self._told |= {(one.run, one.seq): one.at for one in new}
        for feed in self._feeds:
            feed.put(new, gap)

    def _fail(self, error: Exception, waiters: list[_Waiter]) -> None:
        for waiter in waiters:
            if not waiter.found.done():
                waiter.found.set_exception(error)
