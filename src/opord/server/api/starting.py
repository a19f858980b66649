"""Start runs."""

from __future__ import annotations

from opord.kernel.scheduling import PRIORITY_MOST
from opord.server.addresses import root_of, segment
from opord.server.answers import Answer, as_json
from opord.server.api.showing import etag
from opord.server.desk import Desk
from opord.server.integers import may_have_one, with_integers
from opord.server.requests import Request
from opord.server.routing import Route
from opord.values.guard import INT_MAX


async def start(desk: Desk, request: Request) -> Answer:
    """Start a run of a contract, with the body as its input.

    The query may have its priority and its label, and how long to wait for it.
    """
    request.query(("version", "priority", "label", "wait"))
    wait_s = request.wait_s()
    version = request.whole("version", default=0, least=1, most=INT_MAX)
    program = desk.program(request.route["contract"], version or None)
    priority = request.whole("priority", default=0, least=-PRIORITY_MOST, most=PRIORITY_MOST)
    label = request.once("label")
    members = await request.json()
    if may_have_one(await request.body()):
        members = with_integers(program.contract, program.contract.params, members)
    started = await desk.backend.start(
        program, members, priority=priority, label=label, delivery=request.delivery
    )
    shown: dict[str, object] = {"run": started.run, "created": started.created}
    if started.pruned:
        shown["pruned"] = True
    headers = [(b"location", address_of(request, started.run).encode())]
    if wait_s and not started.pruned:
        row = await desk.rest_of(started.run, request) or await desk.backend.row(started.run)
        shown |= await desk.shown.page(row)
        headers.append((b"etag", etag(row)))
    return as_json(shown, 201 if started.created else 200, headers)


def address_of(request: Request, run: str) -> str:
    """Return the address of a run."""
    contract, _, key = run.partition("/")
    return f"{root_of(request.scope)}/api/v1/runs/{segment(contract)}/{segment(key)}"


ROUTES = (Route("POST", "/contracts/{contract}/runs", start, "start", once=True),)
