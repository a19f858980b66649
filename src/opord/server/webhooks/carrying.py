"""Start the run or send the event of a delivery, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from opord.errors import EventConflict, EventRefused, RunEnded, RunUnknown
from opord.server.desk import Desk
from opord.server.integers import with_integers
from opord.server.problems import Problem
from opord.server.webhooks.lookup import RunFinding, RunNotFound, delivery_name
from opord.server.webhooks.places import Delivery, Members
from opord.server.webhooks.routes import WebhookRoute
from opord.values.types import RunId

Did: TypeAlias = Literal["started", "taken", "stored", "repeated", "dropped", "ignored"]
"""What was done with a delivery that is answered with 2xx.

- "repeated": this delivery was done before.
- "ignored": it is not for any route, its event changes nothing, or the route accepts what it cannot
  use.
"""


class Done(NamedTuple):
    """What was done with a delivery, of which run, and why nothing, if that is a code.

    `too_late` says what became of the run, if it has ended.
    """

    did: Did
    run: RunId | None = None
    why: str | None = None
    too_late: str = ""


async def carry_out(
    desk: Desk,
    finding: RunFinding,
    route: WebhookRoute,
    delivery: Delivery,
    *,
    whole_numbers: bool,
    found: Callable[[RunId], None],
) -> Done:
    """Start the run or send the event of a delivery; what is refused is raised.

    `found` is told the run of an event before it is sent.
    """
    program = desk.program(route.contract)
    event = program.events[route.event].declaration if route.event is not None else None
    args: Any = Members(route.args).of(delivery)
    if whole_numbers:
        args = with_integers(
            program.contract, event.params if event is not None else program.contract.params, args
        )
    named = delivery_name(route, delivery)
    if event is None:
        started = await desk.backend.start(program, args, delivery=named)
        return Done("started" if started.created else "repeated", started.run)
    try:
        run = await finding.run_of(desk, route, delivery)
    except RunNotFound as missing:
        if route.unknown == "retry":
            raise Problem("run_unknown", str(missing)) from None
        return Done("ignored", None, "run_unknown")
    found(run)
    try:
        sent = await desk.backend.send(
            run, event.name, args, actor=route.actor, role=route.role, delivery=named
        )
    except EventConflict as conflict:
        if conflict.of_delivery:
            # It was done before. What differs comes from a header, such as the time of the attempt.
            return Done("repeated", run)
        raise
    except RunEnded as ended:
        # No retry can change that.
        return Done("ignored", run, ended.code, str(ended))
    except RunUnknown as unknown:
        if route.unknown == "retry":
            raise
        return Done("ignored", run, unknown.code)
    except EventRefused as refused:
        if route.unhandled == "retry":
            raise
        return Done("ignored", run, refused.code)
    return Done(sent.status, run)
