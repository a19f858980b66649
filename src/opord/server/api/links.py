"""One-use links: make one, see what it would do, and use it."""

from __future__ import annotations

from typing import Any, Final

from opord.backends.base import InputInvalid
from opord.kernel.instants import text
from opord.server.addresses import root_of
from opord.server.answers import Answer, as_json
from opord.server.approving import USUAL_US, Intention, find, look, make, spend
from opord.server.desk import Desk
from opord.server.granting import end_of
from opord.server.integers import may_have_one, with_integers
from opord.server.requests import Request
from opord.server.routing import Route
from opord.server.trail import address_of, written
from opord.values.types import Instant, RunId

_MEMBERS: Final = ("run", "event", "actor", "role", "args", "expires")


async def create_link(desk: Desk, request: Request) -> Answer:
    """Make a link that sends one event to one run, once. Its address is in this answer alone."""
    request.query(())
    members = await request.members(_MEMBERS)
    now = await desk.state.now()
    expires_at = end_of(members.get("expires"), now, "the link") or Instant(now + USUAL_US)
    intention = Intention(
        RunId(_text(members, "run")), _text(members, "event"), _text(members, "actor"),
        None if members.get("role") is None else _text(members, "role"), _object(members.get("args", {})),
        expires_at,
    )  # fmt: skip
    link, opens = await make(desk.backend, desk.state, request.principal, intention)
    address = f"{root_of(request.scope)}/api/v1/links/{opens}"
    shown = {"link": address, "id": link.id, "run": link.run, "event": link.event, "actor": link.actor}
    return as_json({**shown, "role": link.role or None, "expires_at": text(link.expires_at)}, 201)


async def show_link(desk: Desk, request: Request) -> Answer:
    """Say what a link would do. It is not used by that, however often a mail reader looks at it."""
    request.query(())
    link = await find(desk.state, request.route["link"])
    return as_json({**await look(desk.backend, link), "expires_at": text(link.expires_at)})


async def use_link(desk: Desk, request: Request) -> Answer:
    """Send the event of a link. The body has the parameters that the link leaves open."""
    request.query(())
    link = await find(desk.state, request.route["link"])
    args: Any = await request.json()
    if may_have_one(await request.body()):
        program = await desk.shown.program(await desk.backend.row(RunId(link.run)))
        args = with_integers(program.contract, program.events[link.event].declaration.params, args)
    act = await desk.audit.act(
        link.actor, f"link {link.id}", address_of(request.scope), f"send {link.event}", link.run
    )
    async with written(desk.audit, act, request) as outcome:
        sent = await spend(desk.backend, desk.state, link, args)
        outcome.status = 200
    return as_json({"run": link.run, "event": link.event, "reception": sent.status, "state": sent.state})


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise InputInvalid("the link", name, "expected a text")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputInvalid("the link", "args", "expected an object with parameters of the event")
    return value


ROUTES = (
    Route("POST", "/links", create_link, "administer"),
    Route("GET", "/links/{link}", show_link, "signed"),
    Route("POST", "/links/{link}", use_link, "signed"),
)
