"""Read the runs with needs on record, page by page: the newest each time, the others in turn.

So a look costs the same however many runs there are, and every open need is read in time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from opord.engine.host import StoreHost
from opord.engine.look_lines import READ_MOST
from opord.kernel.rows import RunRow, StoredNeed
from opord.stores.base import RowDamaged, RunFilter
from opord.values.types import RunId

log: logging.Logger = logging.getLogger("opord.needs")

LOOKED_THROUGH: Final = 2_000
"""Number of runs with each need that are read in turn, before it begins with the newest again.

What was read is remembered as told, so this is less than what is remembered.
"""


class NeedPages:
    """Reads the runs with needs on record for the looks of a worker."""

    def __init__(self, host: StoreHost) -> None:
        self._host = host
        self._places: dict[StoredNeed, tuple[RunId, int]] = {}

    async def newest(self, reason: StoredNeed) -> Sequence[RunRow]:
        """Return the newest runs with a need, up to `READ_MOST`."""
        return await self._page(reason, None)

    async def next(self, reason: StoredNeed) -> Sequence[RunRow]:
        """Return the newest runs with a need, and a page of the others: each time the next one."""
        newest = await self.newest(reason)
        if len(newest) < READ_MOST:
            self._places.pop(reason, None)
            return newest
        after, passed = self._places.pop(reason, (newest[-1].run, 0))
        older = await self._page(reason, after)
        passed += len(older)
        if len(older) == READ_MOST and passed < LOOKED_THROUGH:
            self._places[reason] = older[-1].run, passed
        return [*newest, *older]

    async def _page(self, reason: StoredNeed, after: RunId | None) -> Sequence[RunRow]:
        try:
            return await self._read(reason, after, READ_MOST)
        except RowDamaged as damage:
            log.debug("of the runs with the need %s, one cannot be read: %s", reason, damage)
            return await self._one_by_one(reason, after)

    async def _one_by_one(self, reason: StoredNeed, after: RunId | None) -> Sequence[RunRow]:
        """Read a page row by row, so that one that cannot be read does not hide the others."""
        found: list[RunRow] = []
        for _ in range(READ_MOST):
            try:
                page = await self._read(reason, after, 1)
            except RowDamaged as damage:
                page = [damage.readable] if damage.readable is not None else []
                after = damage.after
            else:
                after = page[0].run if page else None
            found += page
            if after is None:
                break
        return found

    async def _read(self, reason: StoredNeed, after: RunId | None, limit: int) -> list[RunRow]:
        where = RunFilter(needs=reason)
        return await self._host.writer.read(self._host.store.runs, where, limit=limit, after=after)
