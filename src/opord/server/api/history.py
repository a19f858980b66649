"""Tell a run's history, a page of records at a time."""

from __future__ import annotations

from typing import Any

from opord.backends.base import RowDamaged
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk, run_of
from opord.server.requests import Request
from opord.server.routing import Route
from opord.values.guard import INT_MAX

_USUAL = 200


async def history(desk: Desk, request: Request) -> Answer:
    """Tell the records of a run above `after`; the last page has the messages that wait, too."""
    request.query(("after", "limit"))
    after = request.whole("after", default=0, least=0, most=INT_MAX)
    limit = request.whole("limit", default=_USUAL, least=1, most=desk.limits.page_records)
    records, more = await _page(desk, request, after, limit)
    return as_json({"records": records, "after": records[-1]["seq"] if more else None})


async def _page(desk: Desk, request: Request, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Return up to `limit` records as shown, and whether there are more."""
    shown, (row, damage) = desk.shown, await desk.row(request)
    program = await shown.program_if_readable(row) or await shown.by_row(row)
    until = after + limit
    if damage is None:
        try:
            records = await shown.records(row.run, program, after=after, until=until)
            if until < row.seq:
                return records, True
            return records + await shown.messages(row.run, program), False
        except RowDamaged:
            pass  # what can be read is shown, with a placeholder for the rest
    reading = await desk.backend.kept(run_of(request))
    views = [one for one in shown.history(reading, program) if one["seq"] is None or one["seq"] > after]
    page = [one for one in views if one["seq"] is not None and one["seq"] <= until]
    more = any(one["seq"] is not None and one["seq"] > until for one in views)
    return (page, True) if more and page else (views, False)


ROUTES = (Route("GET", "/runs/{contract}/{key}/history", history, "look"),)
