"""What a person does to a run that needs one: resume, resolve, acknowledge, drop, terminate."""

from __future__ import annotations

from typing import Any

from opord.backends.base import InputInvalid
from opord.server.answers import Answer, as_json
from opord.server.api.sending import reason_of
from opord.server.desk import Desk, if_seq, run_of
from opord.server.requests import Request
from opord.server.routing import Route
from opord.values.guard import INT_MAX


async def resume(desk: Desk, request: Request) -> Answer:
    """Let a stalled run go on after its cause was mended."""
    request.query(())
    members = await request.members(("reason",))
    await desk.backend.resume(
        run_of(request),
        actor=request.principal.name,
        reason=reason_of(members),
        if_seq=await if_seq(desk, request),
    )
    return _done(request, "resume")


async def resolve(desk: Desk, request: Request) -> Answer:
    """Say whether an action that is in doubt happened."""
    request.query(())
    members = await request.members(("happened", "another", "result", "seen", "reason"))
    happened, another = resolution(members)
    await desk.backend.resolve(
        run_of(request), happened=happened, another=another, result=members.get("result"),
        seen=_seen(members), actor=request.principal.name, reason=reason_of(members), if_seq=await if_seq(desk, request),
    )  # fmt: skip
    return _done(request, "resolve")


def resolution(members: dict[str, Any]) -> tuple[bool | None, bool]:
    """Return what an answer says: whether an action happened, and whether there was another one.

    Raises:
        InputInvalid: it says nothing, or several things.
    """
    happened, another = members.get("happened"), members.get("another", False)
    if not isinstance(happened, bool | None):
        raise InputInvalid("the answer", "happened", "expected true or false")
    if not isinstance(another, bool):
        raise InputInvalid("the answer", "another", "expected true or false")
    if (happened is not None) == another:
        raise InputInvalid(
            "the answer", "", 'expected one of {"happened": true}, {"happened": false} and {"another": true}'
        )
    if "result" in members and not happened:
        raise InputInvalid("the answer", "result", 'only {"happened": true} has a result; leave it out')
    return happened, another


async def acknowledge(desk: Desk, request: Request) -> Answer:
    """Close the open alarms of a run."""
    request.query(())
    members = await request.members(("seen", "reason"))
    await desk.backend.acknowledge(
        run_of(request),
        seen=_seen(members),
        actor=request.principal.name,
        reason=reason_of(members),
        if_seq=await if_seq(desk, request),
    )
    return _done(request, "acknowledge")


async def drop_event(desk: Desk, request: Request) -> Answer:
    """Take an event out of a run."""
    request.query(())
    members = await request.members(("event_id", "dry_run", "reason"))
    event_id, dry_run = members.get("event_id", ""), members.get("dry_run", False)
    if not isinstance(event_id, str):
        raise InputInvalid("the request", "event_id", "expected a text")
    if not isinstance(dry_run, bool):
        raise InputInvalid("the request", "dry_run", "expected true or false")
    run = run_of(request)
    await desk.backend.drop_event(
        run,
        event_id,
        actor=request.principal.name,
        reason=reason_of(members),
        if_seq=await if_seq(desk, request),
        dry_run=dry_run,
    )
    return as_json({"run": run, "event_id": event_id, "would" if dry_run else "done": "drop"})


async def terminate(desk: Desk, request: Request) -> Answer:
    """End a run by an administrator's word."""
    request.query(())
    members = await request.members(("reason",))
    await desk.backend.terminate(
        run_of(request),
        actor=request.principal.name,
        reason=reason_of(members),
        if_seq=await if_seq(desk, request),
    )
    return _done(request, "terminate")


def _seen(members: dict[str, Any]) -> int | None:
    seen = members.get("seen")
    if seen is None:
        return None
    if isinstance(seen, float) and seen.is_integer():
        seen = int(seen)  # to JSON Schema, 7.0 is an integer
    if isinstance(seen, bool) or not isinstance(seen, int) or not 1 <= seen <= INT_MAX:
        raise InputInvalid("the answer", "seen", "expected the number of a record, from 1")
    return seen


def _done(request: Request, verb: str) -> Answer:
    return as_json({"run": run_of(request), "done": verb})


ROUTES = (
    Route("POST", "/runs/{contract}/{key}/resume", resume, "operate", once=True),
    Route("POST", "/runs/{contract}/{key}/resolve", resolve, "operate", once=True),
    Route("POST", "/runs/{contract}/{key}/acknowledge", acknowledge, "operate", once=True),
    Route("POST", "/runs/{contract}/{key}/drop-event", drop_event, "operate", once=True),
    Route("POST", "/runs/{contract}/{key}/terminate", terminate, "administer", once=True),
)
