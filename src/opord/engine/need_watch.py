"""Tell what runs need that no process opens: what is overdue or unserved, and what was open before.

A worker looks at its start and then each minute. A look costs the same, however many runs there
are, and the log gets new lines only for what is new: the same thing is said again at intervals that
grow.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, get_args

from opord.drive.logged import about_need
from opord.engine.host import StoreHost
from opord.kernel.needs import held_back
from opord.kernel.open_needs import OpenNeed, open_needs, unserved_need
from opord.kernel.rows import DueNeed, RunRow, StoredNeed
from opord.stores.base import LiveVersion, RowDamaged, RunFilter
from opord.story.counting import counted
from opord.story.needs import need_line
from opord.values.visible import safe

log: logging.Logger = logging.getLogger("opord.needs")

LOOK_EVERY_S: Final = 60.0
"""How often a worker looks, in seconds."""

READ_MOST: Final = 100
"""Number of runs with each need that a look reads. Of more, the log says "at least"."""

NAMED_MOST: Final = 10
"""Number of runs that are named in a look."""

FIRST_AGAIN_S: Final = 600.0
"""After this time the same thing is said again, in seconds; then after twice as long, and so on."""

LONGEST_AGAIN_S: Final = 86_400.0
"""The longest time after which the same thing is said again, in seconds."""

TOLD_KEPT: Final = 10_000
"""Number of overdue timers that are remembered, so that none is told twice."""


class NeedWatch:
    """Looks for needs on behalf of a worker."""

    def __init__(self, host: StoreHost) -> None:
        self._host = host
        self._told: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._said: dict[str, tuple[float, float]] = {}

    async def look_first(self) -> None:
        """Tell the needs that were open before this worker was: a line for each reason."""
        for reason in get_args(StoredNeed):
            rows = await self._stored(reason)
            self._hand_over(need for row in rows for need in open_needs(row) if need.reason == reason)
            if rows:
                log.warning("%s", _were_open(reason, rows))
        await self._look_for_unserved(live=True)

    async def look(self) -> None:
        """Tell what is overdue or unserved, as far as it is new."""
        await self._look_for_overdue()
        await self._look_for_unserved()

    async def _look_for_overdue(self) -> None:
        rows = await self._due("overdue")
        needs = [need for row in rows for need in open_needs(row, now=self._host.now())]
        new = [need for need in needs if need.reason == "overdue" and self._is_new(need)]
        for need in new[:NAMED_MOST]:
            log.warning("%s", need_line(need), extra=about_need(need))
        if len(new) > NAMED_MOST:
            more = _at_least(len(new) - NAMED_MOST, len(rows))
            log.warning("%s more are overdue; `opord runs list --needs overdue`", more)
        self._hand_over(new)

    async def _look_for_unserved(self, *, live: bool = False) -> None:
        """Tell which versions no live worker serves: with runs that are due, or with `live` any."""
        rows = sorted(await self._due("unserved"), key=_version)
        lines: dict[str, str] = {}
        for one in await self._host.writer.read(self._host.store.unserved_versions) if live else ():
            lines[f"{one.name} version {one.version}"] = _without_worker(one)
        for (name, version), group in groupby(rows, key=_version):
            lines[f"{name} version {version}"] = _unserved(name, version, [*group], len(rows))
        for what in [*self._said]:
            if what not in lines:
                del self._said[what]
        for what, line in lines.items():
            if self._is_time_for(what):
                log.warning("%s", line)
        self._hand_over(unserved_need(row) for row in rows)

    async def _stored(self, reason: StoredNeed) -> Sequence[RunRow]:
        try:
            where = RunFilter(needs=reason)
            return await self._host.writer.read(self._host.store.runs, where, limit=READ_MOST)
        except RowDamaged as damage:
            log.debug("the runs with the need %s cannot be listed: %s", reason, damage)
            return ()

    async def _due(self, reason: DueNeed) -> Sequence[RunRow]:
        try:
            return await self._host.writer.read(self._host.store.due_needs, reason, limit=READ_MOST)
        except RowDamaged as damage:
            log.debug("the runs that are %s cannot be listed: %s", reason, damage)
            return ()

    def _hand_over(self, needs: Iterable[OpenNeed]) -> None:
        for need in needs:
            self._host.need_opened(need)

    def _is_new(self, need: OpenNeed) -> bool:
        """Say whether a need was not told before, and remember it."""
        mark = (need.run, need.reason, need.since)
        new = mark not in self._told
        self._told[mark] = None
        if len(self._told) > TOLD_KEPT:
            self._told.popitem(last=False)
        return new

    def _is_time_for(self, what: str) -> bool:
        """Say whether to say a thing that may have been said before, and note that it is said."""
        now = self._host.monotonic()
        said = self._said.get(what)
        if said is None:
            self._said[what] = now, FIRST_AGAIN_S
        elif now - said[0] < said[1]:
            return False
        else:
            self._said[what] = now, min(2 * said[1], LONGEST_AGAIN_S)
        return True


def _version(row: RunRow) -> tuple[str, int]:
    return row.name, row.version


def _were_open(reason: StoredNeed, rows: Sequence[RunRow]) -> str:
    some = _at_least(len(rows), len(rows))
    verb = "needs" if len(rows) == 1 else "need"
    who = "a person" if held_back(reason) else "a person to look at it"
    return f"{some} {verb} {who}: {reason}: {_names(rows)}; `opord runs list --needs {reason}`"


def _without_worker(live: LiveVersion) -> str:
    return (
        f"no live worker has handlers for {live.name} version {live.version}: {counted(live.runs, 'run')} of it "
        f"{'has' if live.runs == 1 else 'have'} not ended; start a worker with that version before one is due"
    )


def _unserved(name: str, version: int, rows: Sequence[RunRow], read: int) -> str:
    return (
        f"no live worker has handlers for {name} version {version}: {_at_least(len(rows), read)} can go on "
        f"({_names(rows)}); start a worker with that version"
    )


def _at_least(count: int, read: int) -> str:
    """Write a number of runs. If as many were read as may be, there may be more."""
    return f"{'at least ' if read >= READ_MOST else ''}{counted(count, 'run')}"


def _names(rows: Sequence[RunRow]) -> str:
    names = ", ".join(safe(row.run) for row in rows[:NAMED_MOST])
    return f"{names}, …" if len(rows) > NAMED_MOST else names
