"""List runs in another order than that of their starts.

Only the order of starts has an index. So any other order reads all runs that fit, and is refused if
they are too many.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from opord.backends.base import RunFilter
from opord.backends.shown import Shown
from opord.kernel.data_filter import DataIs
from opord.kernel.instants import LAST_INSTANT
from opord.kernel.rows import RunRow

USUAL: Final = "-started"
"""The order of starts, the newest first."""

SORTED_MOST: Final = 10_000
"""How many runs are put in another order at the most."""

_READ_AT_ONCE: Final = 500

_Place: TypeAlias = tuple[int, str]

_WHOLE: Final = re.compile(r"-?\d{1,19}", re.ASCII)

_KEYS: Final[Mapping[str, Callable[[RunRow], int]]] = {
    "-since": lambda row: -row.head.since,
    "since": lambda row: row.head.since,
    "due": lambda row: _due(row),
}
SORTS: Final = (USUAL, *_KEYS)
"""The orders: newest start first; newest or longest in its state first; next due first."""


class SortedPage(NamedTuple):
    """Some runs in order, and where the next page begins; None if no run follows."""

    rows: list[RunRow]
    after: str | None


def sort_of(text: str | None) -> str | None:
    """Return an order; None for the usual one.

    Raises:
        ValueError: there is no such order.
    """
    if text is None or text == USUAL:
        return None
    if not isinstance(text, str) or text not in _KEYS:
        raise ValueError(f"expected for sort one of {', '.join(SORTS)}, got: {text!r}")
    return text


async def sorted_page(
    shown: Shown,
    where: RunFilter,
    data: Sequence[DataIs],
    *,
    sort: str,
    limit: int,
    after: str | None,
    look_s: float | None = None,
) -> SortedPage:
    """Return up to `limit` runs in order, beginning after the place `after`.

    A run that moves between two pages may come twice, or not at all. If `after` is no place, the
    list is empty.

    Raises:
        ValueError: more than 10,000 runs fit, or they were not all read within `look_s` seconds.
    """
    key = _KEYS[sort]
    begin = None if after is None else _place(after)
    if after is not None and begin is None:
        return SortedPage([], None)
    found: list[tuple[_Place, RunRow]] = []
    loop, at = asyncio.get_running_loop(), None
    end = None if look_s is None else loop.time() + look_s
    while True:
        page = await shown.backend.runs(where, data=data, limit=_READ_AT_ONCE, after=at)
        found += [((key(row), row.run), row) for row in page.rows if row.run not in page.damaged]
        if len(found) > SORTED_MOST:
            raise ValueError(
                f"more than {SORTED_MOST:,} runs fit, too many for sort={sort}; narrow the filters"
            )
        at = page.after
        if at is None:
            break
        if end is not None and loop.time() > end:
            raise ValueError(f"it takes too long to find all runs for sort={sort}; narrow the filters")
    found.sort(key=lambda one: one[0])
    left = [one for one in found if begin is None or one[0] > begin]
    rows = [row for _, row in left[:limit]]
    if len(left) <= limit:
        return SortedPage(rows, None)
    (value, run), _ = left[limit - 1]
    return SortedPage(rows, f"{value}:{run}")


def _place(after: str) -> _Place | None:
    value, _, run = after.partition(":")
    return (int(value), run) if _WHOLE.fullmatch(value) else None


def _due(row: RunRow) -> int:
    """Return the next instant at which a waiting run moves by itself; others come last."""
    at = row.head.wake_at if row.head.status == "waiting" else None
    return LAST_INSTANT if at is None else at
