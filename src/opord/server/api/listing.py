"""List runs, newest start first, a page at a time."""

from __future__ import annotations

import asyncio
from typing import Any, Final, get_args

from opord.backends.base import RunFilter
from opord.backends.listing import check_names, known_name
from opord.backends.moments import moment
from opord.kernel.data_filter import DataIs, data_reads
from opord.kernel.rows import NEED_REASONS, RUN_OUTCOMES, RunRow, Status
from opord.kernel.views import unreadable_view
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route
from opord.values.guard import INT_MAX

_USUAL: Final = 50
_DATA: Final = "data."

_LOOK_S: Final = 1.0
"""How long one answer looks for runs by their data, in seconds. The next page goes on from there.
"""

_READ_AT_ONCE: Final = 500

_TIMES: Final = {
    "started": "started_from",
    "started_before": "started_before",
    "since": "since_from",
    "since_before": "since_before",
}
_WORDS: Final = {
    "status": get_args(Status),
    "outcome": RUN_OUTCOMES,
    "needs": ("any", *NEED_REASONS),
}
FILTERS: Final = ("contract", "version", "state", "label", *_WORDS, *_TIMES)
"""The filters, in the words of the command line. Conditions on data are `data.` and a place."""


async def list_runs(desk: Desk, request: Request) -> Answer:
    """List the runs that fit the filters of the query."""
    given = request.query((*FILTERS, "limit", "after"), prefix=_DATA)
    limit = request.whole("limit", default=_USUAL, least=1, most=desk.limits.page_runs)
    data = tuple(_condition(name, values) for name, values in given.items() if name.startswith(_DATA))
    where, after = await _where(desk, request), request.once("after")
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


async def _where(desk: Desk, request: Request) -> RunFilter:
    version = request.whole("version", default=0, least=1, most=INT_MAX)
    words: dict[str, Any] = {}
    try:
        for name, known in _WORDS.items():
            words[name] = known_name(name, request.once(name), known)
        now = await desk.backend.now()
        for name, condition in _TIMES.items():
            if (text := request.once(name)) is not None:
                words[condition] = _instant(name, text, now)
    except ValueError as wrong:
        raise Problem("query_invalid", str(wrong)) from None
    return RunFilter(
        contract=request.once("contract"),
        state=request.once("state"),
        version=version or None,
        label=request.once("label"),
        **words,
    )


def _instant(name: str, text: str, now: Any) -> Any:
    try:
        return moment(text).at(now)
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _condition(name: str, values: list[str]) -> DataIs:
    if len(values) > 1:
        raise Problem("query_invalid", f"the query has the parameter {name!r} more than once")
    try:
        return data_reads(name.removeprefix(_DATA), values[0])
    except ValueError as wrong:
        raise Problem("query_invalid", f"{name}: {wrong}, as in data.order.customer=c-17") from None


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


ROUTES = (Route("GET", "/runs", list_runs, "look"),)
