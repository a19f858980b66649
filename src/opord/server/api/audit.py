"""The trail of acts, the newest first, a page at a time."""

from __future__ import annotations

from opord.backends.moments import moment
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route
from opord.server.state.audit import Wanted

_USUAL = 100
_MOST = 1000


async def audit(desk: Desk, request: Request) -> Answer:
    """List what was done over HTTP, by whom, and with which outcome."""
    if request.principal.contracts is not None:
        raise Problem("whole_store", "the trail has acts on runs of all contracts; ask with a token for all")
    request.query(("who", "run", "since", "after", "limit"))
    limit = request.whole("limit", default=_USUAL, least=1, most=_MOST)
    since = request.once("since")
    try:
        begin = None if since is None else moment(since).at(await desk.state.now())
    except ValueError as wrong:
        raise Problem("query_invalid", f"since: {wrong}") from None
    wanted = Wanted(request.once("who"), request.once("run"), begin, request.once("after"))
    acts = await desk.audit.entries(wanted, limit + 1)
    page = acts[:limit]
    return as_json({"acts": [one.shown for one in page], "after": page[-1].id if len(acts) > limit else None})


ROUTES = (Route("GET", "/audit", audit, "administer"),)
