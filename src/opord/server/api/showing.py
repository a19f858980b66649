"""Show a run."""

from __future__ import annotations

from opord.kernel.rows import RunRow
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.requests import Request
from opord.server.routing import Route


async def show(desk: Desk, request: Request) -> Answer:
    """Show a run: where it is, what it carries, and what it waits for."""
    request.query(("wait",))
    wait_s = request.wait_s()
    row, damage = await desk.row(request)
    if wait_s and damage is None:
        if request.header(b"if-none-match") is None:
            row = await desk.rest_of(row.run, request) or await desk.backend.row(row.run)
        elif _is_known(request, etag(row)):
            row = await desk.change_of(row.run, row, request) or row
    tag = etag(row)
    if _is_known(request, tag):
        return Answer(304, headers=((b"etag", tag),))
    return as_json(await desk.shown.page(row, damage), headers=((b"etag", tag),))


def etag(row: RunRow) -> bytes:
    """Return the tag of a run: the numbers of its newest record and of the messages it got."""
    return b'"%d.%d"' % (row.seq, row.arrivals)


def _is_known(request: Request, tag: bytes) -> bool:
    known = request.header(b"if-none-match")
    if known is None:
        return False
    return known == "*" or tag.decode() in [one.strip().removeprefix("W/") for one in known.split(",")]


ROUTES = (Route("GET", "/runs/{contract}/{key}", show, "look"),)
