"""List runs, newest start first, a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from opord.backends.asked import DATA, FILTERS, Asked, asked
from opord.backends.base import RunFilter
from opord.backends.listing import check_names
from opord.backends.roles import UnknownRole
from opord.backends.sorting import sort_of, sorted_page
from opord.kernel.data_filter import DataIs
from opord.kernel.rows import RunRow
from opord.kernel.views import unreadable_view
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route

_USUAL: Final = 50
_LOOK_S: Final = 1.0
"""How long one answer looks for runs by their data, in seconds. The next page goes on from there.
"""

_READ_AT_ONCE: Final = 500


async def list_runs(desk: Desk, request: Request) -> Answer:
    """List the runs that fit the filters of the query."""
    given = request.query((*FILTERS, "sort", "limit", "after"), prefix=DATA)
    limit = request.whole("limit", default=_USUAL, least=1, most=desk.limits.page_runs)
    wanted = _asked(given)
    where, data, after = await _where(desk, wanted), wanted.data, request.once("after")
    sort = _sort(request.once("sort"))
    if sort is not None:
        return await _sorted(desk, where, data, sort, limit, after)
    rows, damaged, more = await _rows(desk, where, data, limit, after)
    shown = desk.shown
    if not rows and after is None and more is None and await desk.backend.versions():
        try:
            await check_names(shown, where, data)
        except ValueError as wrong:
            raise Problem("name_unknown", str(wrong)) from None
    views: list[Any] = [
        unreadable_view(row, damaged[row.run]) if row.run in damaged else await shown.view(row)
        for row in rows
    ]
    return as_json({"runs": views, "after": more})


def _asked(given: Mapping[str, list[str]]) -> Asked:
    try:
        return asked_of(given)
    except ValueError as wrong:
        raise Problem("query_invalid", str(wrong)) from None


def asked_of(given: Mapping[str, list[str]]) -> Asked:
    """Return what filters ask for, each with its values; those on data are `data.` and a place.

    Raises:
        ValueError: a value is none that its filter takes.
    """
    filters = {name: values for name, values in given.items() if name in FILTERS}
    data = [
        (name.removeprefix(DATA), text)
        for name, texts in given.items()
        if name.startswith(DATA)
        for text in texts
    ]
    try:
        return asked(filters, data)
    except ValueError as wrong:
        hint = ", as in data.order.customer=c-17" if "joined by points" in str(wrong) else ""
        raise ValueError(f"{wrong}{hint}") from None


async def _where(desk: Desk, wanted: Asked) -> RunFilter:
    try:
        return await wanted.where(desk.shown)
    except UnknownRole as wrong:
        raise Problem("name_unknown", str(wrong)) from None
    except ValueError as wrong:
        raise Problem("query_invalid", str(wrong)) from None


async def _rows(
    desk: Desk, where: RunFilter, data: tuple[DataIs, ...], limit: int, after: str | None
) -> tuple[list[RunRow], dict[str, str], str | None]:
    """Return up to `limit` rows, what is wrong with the damaged ones, and where to go on.

    Of a search by data, a page may have fewer runs although others follow.
    """
    loop, rows, damaged = asyncio.get_running_loop(), list[RunRow](), dict[str, str]()
    end, begin = loop.time() + _LOOK_S, after
    while True:
        # One more than asked for says whether others follow.
        wanted = _READ_AT_ONCE if data else limit + 1 - len(rows)
        page = await desk.backend.runs(where, data=data, limit=wanted, after=after)
        damaged.update(page.damaged)
        rows += page.rows
        if len(rows) > limit:
            return rows[:limit], damaged, desk.place(begin, rows[:limit])
        after = page.after
        if after is None or (data and loop.time() > end):
            return rows, damaged, after


def _sort(text: str | None) -> str | None:
    try:
        return sort_of(text)
    except ValueError as wrong:
        raise Problem("query_invalid", str(wrong)) from None


async def _sorted(
    desk: Desk, where: RunFilter, data: tuple[DataIs, ...], sort: str, limit: int, after: str | None
) -> Answer:
    """List runs in another order than that of their starts."""
    try:
        page = await sorted_page(desk.shown, where, data, sort=sort, limit=limit, after=after, look_s=_LOOK_S)
    except ValueError as wrong:
        raise Problem("query_invalid", str(wrong)) from None
    return as_json({"runs": [await desk.shown.view(row) for row in page.rows], "after": page.after})


ROUTES = (Route("GET", "/runs", list_runs, "look"),)
