"""Send events to runs, and ask runs to cancel."""

from __future__ import annotations

from typing import Any, assert_never

from opord.backends.base import InputInvalid
from opord.errors import EventRefused, RoleRequired, SenderExcluded
from opord.generated.handles import Sent
from opord.kernel.bounds import LONGEST_REASON
from opord.kernel.taking import handlers_now
from opord.kernel.views import wait_for_event
from opord.server.access import CANCEL
from opord.server.answers import Answer, as_json
from opord.server.api.showing import etag
from opord.server.desk import Desk, if_seq, run_of
from opord.server.integers import may_have_one, with_integers
from opord.server.principals import Principal
from opord.server.problems import Problem, problem_of
from opord.server.requests import Request
from opord.server.routing import Route


async def send(desk: Desk, request: Request) -> Answer:
    """Send a run an event, with the body as its parameters."""
    request.query(("wait",))
    wait_s = request.wait_s()
    run, event, args = run_of(request), request.route["event"], await _args(desk, request)
    sent = await _sent(desk, request, event, args)
    shown: dict[str, Any] = {"run": run, "event": event, "reception": sent.status, "state": sent.state}
    if not wait_s:
        return as_json(shown)
    row = await desk.rest_of(run, request) or await desk.backend.row(run)
    return as_json(shown | await desk.shown.page(row), headers=((b"etag", etag(row)),))


async def _args(desk: Desk, request: Request) -> Any:
    """Return the parameters that a body has."""
    args = await request.json()
    if may_have_one(await request.body()):
        row, _ = await desk.row(request)
        program = await desk.shown.program_if_readable(row)
        event = program.events.get(request.route["event"]) if program is not None else None
        if program is not None and event is not None:
            return with_integers(program.contract, event.declaration.params, args)
    return args


async def _sent(desk: Desk, request: Request, event: str, args: Any) -> Sent:
    """Send an event in the first of its roles that the sender has.

    Which roles it wants is the contract's to say, so the event is offered first: most senders have
    one role, or none is wanted. A refusal changes nothing, and lists the roles.
    """
    principal, run = request.principal, run_of(request)
    if event == CANCEL:
        role = await _role_to_cancel(desk, request, principal)
    else:
        role = principal.only_role
    seq = await if_seq(desk, request)
    try:
        try:
            return await desk.backend.send(
                run, event, args, actor=principal.name, role=role, if_seq=seq, delivery=request.delivery
            )
        except RoleRequired as wrong:
            fitting = principal.role_among(wrong.roles)
            if fitting is None:
                raise
            return await desk.backend.send(
                run, event, args, actor=principal.name, role=fitting, if_seq=seq, delivery=request.delivery
            )
    except (EventRefused, RoleRequired, SenderExcluded) as wrong:
        raise await _with_what_fits(desk, request, wrong) from wrong


async def cancel(desk: Desk, request: Request) -> Answer:
    """Ask a run to cancel, as its contract allows."""
    request.query(())
    members = await request.members(("reason",))
    run, principal = run_of(request), request.principal
    role = await _role_to_cancel(desk, request, principal)
    sent = await desk.backend.cancel(
        run,
        actor=principal.name,
        role=role,
        reason=reason_of(members),
        if_seq=await if_seq(desk, request),
        delivery=request.delivery,
    )
    return as_json({"run": run, "done": "cancel", "reception": sent.status, "state": sent.state})


async def _role_to_cancel(desk: Desk, request: Request, principal: Principal) -> str | None:
    row, _ = await desk.row(request)
    return await desk.role_to_cancel(row, principal)


def reason_of(members: dict[str, Any]) -> str | None:
    """Return the reason that a body gives.

    Raises:
        InputInvalid: it is no text, or too long.
    """
    reason = members.get("reason")
    if not isinstance(reason, str | None):
        raise InputInvalid("the request", "reason", "expected a text")
    if reason is not None and len(reason) > LONGEST_REASON:
        raise InputInvalid("the request", "reason", f"is longer than {LONGEST_REASON:,} characters")
    return reason


async def _with_what_fits(
    desk: Desk, request: Request, wrong: EventRefused | RoleRequired | SenderExcluded
) -> Problem:
    """Return a refusal with the events that the run takes now, and who may send them."""
    problem = problem_of(wrong)
    row, _ = await desk.row(request)
    run = await desk.shown.readable(row)
    if run is None:
        return problem
    match wrong:
        case EventRefused():
            named = wrong.handled
        case RoleRequired():
            named = (wrong.what,)
        case SenderExcluded():
            named = (wrong.event,)
        case _:
            assert_never(wrong)
    handled = handlers_now(run)
    accepts = [
        wait_for_event(run, name, handled=name in handled) for name in named if name in run.program.events
    ]
    return Problem(problem.code, str(problem), **{**problem.facts, "accepts": accepts})


ROUTES = (
    Route("POST", "/runs/{contract}/{key}/events/{event}", send, "send", once=True),
    Route("POST", "/runs/{contract}/{key}/cancel", cancel, "cancel", once=True),
)
