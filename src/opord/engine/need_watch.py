"""Tell what runs need that no process opens, and what another process may not have told.

What is overdue or unserved is opened by no process. What a process opens it tells itself; if it
dies between the write and the line, the next look of any worker tells it. A worker looks at its
start and then each minute. A look costs the same, however many runs there are, and the log gets new
lines only for what is new: the same thing is said again at intervals that grow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, get_args

from opord.drive.logged import about_need
from opord.engine.host import StoreHost
from opord.engine.look_lines import NAMED_MOST, READ_MOST, GrowingPauses, at_least, some_of
from opord.engine.need_pages import NeedPages
from opord.engine.standstill_watch import StandstillWatch
from opord.kernel.instants import to_datetime
from opord.kernel.needs import held_back
from opord.kernel.open_needs import OpenNeed, open_needs, unserved_need
from opord.kernel.rows import DueNeed, RunRow, StoredNeed
from opord.kernel.scheduling import worker_with_handlers
from opord.stores.base import LiveVersion, RowDamaged
from opord.story.counting import counted
from opord.story.needs import need_line
from opord.values.types import Duration, Instant, RunId
from opord.values.visible import safe

log: logging.Logger = logging.getLogger("opord.needs")

LOOK_EVERY_S: Final = 60.0
"""How often a worker looks, in seconds."""

LEFT_ALONE_US: Final = Duration(10_000_000)
"""How long a new need is left to the process that opened it, in microseconds."""


class NeedWatch:
    """Looks for needs on behalf of a worker, and for runs that stand still without one."""

    def __init__(self, host: StoreHost) -> None:
        self._host = host
        self._pauses = GrowingPauses(host.monotonic)
        self._pages = NeedPages(host)
        self._standstill = StandstillWatch(host)

    async def look_first(self) -> None:
        """Tell what was open before this worker was, with a line for each reason, and the rest."""
        for reason in get_args(StoredNeed):
            rows = await self._pages.newest(reason)
            self._hand_over(need for row in rows for need in open_needs(row) if need.reason == reason)
            if rows:
                log.warning("%s", _are_open(reason, [row.run for row in rows], len(rows)))
        await self._look_for_unserved(live=True)
        await self._standstill.look()

    async def look(self) -> None:
        """Tell what is overdue or unserved, and what else is open or stands still, if it is new."""
        await self._look_for_overdue()
        await self._look_for_unserved()
        for reason in get_args(StoredNeed):
            await self._look_for_untold(reason)
        await self._standstill.look()

    async def _look_for_untold(self, reason: StoredNeed) -> None:
        """Tell the needs on record that this process has not told.

        The process that opened one has told it, or has died before it could.
        """
        until = to_datetime(Instant(self._host.now() - LEFT_ALONE_US))
        rows = await self._pages.next(reason)
        needs = [need for row in rows for need in open_needs(row) if need.reason == reason]
        new = [need for need in needs if need.since is None or need.since <= until]
        new = [need for need in new if self._host.told.is_new(need)]
        self._hand_over(new)
        runs = [*dict.fromkeys(need.run for need in new)]
        if len(new) == 1:
            log.warning("%s", need_line(new[0]), extra=about_need(new[0]))
        elif new:
            log.warning("%s", _are_open(reason, runs, len(runs)))

    async def _look_for_overdue(self) -> None:
        rows = await self._due("overdue")
        needs = [need for row in rows for need in open_needs(row, now=self._host.now())]
        new = [need for need in needs if need.reason == "overdue" and self._host.told.is_new(need)]
        for need in new[:NAMED_MOST]:
            log.warning("%s", need_line(need), extra=about_need(need))
        if len(new) > NAMED_MOST:
            more = at_least(len(new) - NAMED_MOST, len(rows))
            log.warning("%s more are overdue; `opord runs list --needs overdue`", more)
        self._hand_over(new)

    async def _look_for_unserved(self, *, live: bool = False) -> None:
        """Tell which versions no live worker serves: with runs that are due, or with `live` any."""
        rows = sorted(await self._due("unserved"), key=_version)
        lines: dict[str, str] = {}
        for one in await self._host.writer.read(self._host.store.unserved_versions) if live else ():
            lines[worker_with_handlers(one.name, one.version, one.label)] = _without_worker(one)
        for version, group in groupby(rows, key=_version):
            lines[worker_with_handlers(*version)] = _unserved(version, [*group], len(rows))
        self._pauses.keep_only(lines)
        for what, line in lines.items():
            if self._pauses.is_time_for(what):
                log.warning("%s", line)
        self._hand_over(unserved_need(row) for row in rows)

    async def _due(self, reason: DueNeed) -> Sequence[RunRow]:
        try:
            return await self._host.writer.read(self._host.store.due_needs, reason, limit=READ_MOST)
        except RowDamaged as damage:
            log.debug("the runs that are %s cannot be listed: %s", reason, damage)
            return ()

    def _hand_over(self, needs: Iterable[OpenNeed]) -> None:
        for need in needs:
            self._host.need_opened(need)


def _version(row: RunRow) -> tuple[str, int, str]:
    return row.name, row.version, row.label


def _are_open(reason: StoredNeed, runs: Sequence[RunId], read: int) -> str:
    verb = "needs" if len(runs) == 1 else "need"
    who = "a person" if held_back(reason) else "a person to look at it"
    names = some_of([*map(safe, runs[:NAMED_MOST])], len(runs))
    return f"{at_least(len(runs), read)} {verb} {who}: {reason}: {names}; `opord runs list --needs {reason}`"


def _without_worker(live: LiveVersion) -> str:
    return (
        f"no live {worker_with_handlers(live.name, live.version, live.label)}: {counted(live.runs, 'run')} of it "
        f"{'has' if live.runs == 1 else 'have'} not ended; {_start_one(live.label)} before one is due"
    )


def _unserved(version: tuple[str, int, str], rows: Sequence[RunRow], read: int) -> str:
    return (
        f"no live {worker_with_handlers(*version)}: {at_least(len(rows), read)} can go on "
        f"({some_of([safe(row.run) for row in rows], len(rows))}); {_start_one(version[2])}"
    )


def _start_one(label: str) -> str:
    return f"start a worker with that version{f' and --label {label}' if label else ''}"
