"""One-use links: make one for an event of a run, say what it would do, and do it once.

The event is delivered under the id of the link, and that is kept with the run in the same write.
So a link acts once, whatever dies in between; the row of the link only remembers it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from opord.backends.base import Backend, InputInvalid
from opord.backends.shown import Shown
from opord.codegen.schema import Schemas
from opord.contract import Event
from opord.errors import EventConflict, EventRefused, RunMoved
from opord.generated.handles import Sent
from opord.kernel.program import Program
from opord.kernel.rows import RunRow
from opord.server.access import CANCEL, no_role
from opord.server.granting import check_until, name_of
from opord.server.principals import OPERATOR, Principal
from opord.server.problems import Problem
from opord.server.state.kept import State
from opord.server.state.links import Link, Purpose, link_of, make_link, mark_spent
from opord.values.canonical import dumps
from opord.values.types import Instant, RunId

Plain: TypeAlias = dict[str, Any]

LONGEST_US: Final = 90 * 86_400_000_000
"""How long a link holds at most, in microseconds: 90 days."""

USUAL_US: Final = 3 * 86_400_000_000
"""How long it holds unless somebody says otherwise: three days."""

_TRIES: Final = 10


class Intention(NamedTuple):
    """What a link shall be for."""

    run: RunId
    event: str
    actor: str
    role: str | None
    args: Plain
    expires_at: Instant


async def make(backend: Backend, state: State, maker: Principal, intention: Intention) -> tuple[Link, str]:
    """Make a link for what the run takes now; return it with its text.

    Raises:
        RunUnknown, RunPruned: there is no such run.
        EventRefused: the run does not take the event now.
        InputInvalid, Problem: something of the intention does not fit.
    """
    run, event, now = intention.run, intention.event, await state.now()
    if not now < intention.expires_at <= now + LONGEST_US:
        raise InputInvalid("the link", "expires", "expected a time to come, of 90 days at most")
    check_until(maker, intention.expires_at)
    row = await backend.row(run)
    program = await Shown(backend).program(row)
    declared = await _taken_now(backend, row, program, event)
    role = _role(maker, declared, intention.role)
    _check_fixed(program, declared, intention.args)
    purpose = Purpose(
        run, event, name_of(intention.actor), role, intention.args, row.head.state, row.head.since,
        intention.expires_at,
    )  # fmt: skip
    return await make_link(state, purpose, maker.name)


async def find(state: State, text: str) -> Link:
    """Return the link of a text, if it is still good.

    Raises:
        Problem: it opens nothing, was used, or has expired.
    """
    link = await link_of(state, text)
    if link is None:
        raise Problem(
            "link_unknown", "this link opens nothing: it was cut, or taken back; ask for another one"
        )
    if link.spent_at is not None:
        raise _spent(link)
    if link.expires_at <= await state.now():
        raise Problem("link_expired", "this link has expired; ask for another one")
    return link


async def look(backend: Backend, link: Link) -> Plain:
    """Return what a link would do. Nothing changes.

    Raises:
        Problem: the run has moved on.
    """
    row = await backend.row(RunId(link.run))
    _check_stay(link, row)
    program = await Shown(backend).program(row)
    declared = program.events[link.event].declaration
    return {
        "run": link.run,
        "event": link.event,
        "doc": declared.doc,
        "actor": link.actor,
        "role": link.role or None,
        "state": row.head.state,
        "args": link.args,
        "asks": [one.name for one in declared.params if one.name not in link.args],
    }


async def spend(backend: Backend, state: State, link: Link, args: Any) -> Sent:
    """Do what a link says, once.

    Raises:
        Problem: the run has moved on, or the link was used.
        InputInvalid, EventRefused, RoleRequired, ...: the event was refused; the link is not used.
    """
    if not isinstance(args, dict):
        raise Problem("body_invalid", "expected a JSON object as the body", path="")
    if fixed := sorted({*args} & {*link.args}):
        raise InputInvalid("the link", fixed[0], "is said by the link already; leave it out")
    for _ in range(_TRIES):
        row = await backend.row(RunId(link.run))
        try:
            _check_stay(link, row)
            sent = await backend.send(
                row.run, link.event, {**link.args, **args}, actor=link.actor, role=link.role or None,
                if_seq=row.seq, delivery=f"link:{link.id}",
            )  # fmt: skip
        except RunMoved:
            continue
        except EventConflict as conflict:
            if not conflict.of_delivery:
                raise
            raise _spent(link) from conflict
        await mark_spent(state, link)
        if sent.status in ("repeated", "dropped"):
            raise _spent(link)
        return sent
    raise Problem("run_busy", f"{link.run} moves too often just now; send it again", run=link.run)


def _check_stay(link: Link, row: RunRow) -> None:
    head = row.head
    if (head.state, head.since) != (link.state, link.entered) or head.outcome is not None:
        raise Problem(
            "link_outdated",
            f"{link.run} is in {head.state} now; the link was for its stay in {link.state}, and does nothing any more",
            run=link.run,
            state=head.state,
        )


async def _taken_now(backend: Backend, row: RunRow, program: Program, event: str) -> Event:
    view = await Shown(backend).view(row)
    takes = [one["event"] for one in view["waiting_for"] if "event" in one]
    if event not in takes:
        raise EventRefused(row.run, event, row.head.state, takes, "does not take it now")
    return program.events[event].declaration


def _role(maker: Principal, event: Event, role: str | None) -> str:
    """Return the role in which the event is sent, one that the maker has; empty for none.

    Raises:
        Problem: it is none of the event's, or the maker lacks it.
    """
    wanted = event.roles
    if role is None and len(wanted) == 1:
        role = wanted[0]
    if wanted and role not in wanted:
        raise no_role(f"send {event.name}; name the role of the link", wanted)
    if event.name == CANCEL and not wanted:
        if not maker.has(OPERATOR):
            raise no_role("cancel a run", (OPERATOR,))
        return ""
    if role is not None and not maker.has(role):
        raise Problem("grant_refused", f"a link may not do more than who makes it: you do not have the role {role}", lacks=[role])  # fmt: skip
    return role or ""


def _check_fixed(program: Program, event: Event, args: Plain) -> None:
    """Refuse values that the link cannot hold: unknown ones, and secrets, which it would show."""
    params = {one.name: one for one in event.params}
    schemas = Schemas(program.contract, "#/")
    hidden = "writeOnly" in dumps(schemas.definitions())
    for name in args:
        if name not in params:
            raise InputInvalid("the link", f"args.{name}", f"is not a parameter of {event.name}")
        schema = dumps(schemas.of(params[name].type))
        if "writeOnly" in schema or (hidden and "$ref" in schema):
            raise InputInvalid(
                "the link", f"args.{name}", "may have a secret, which a link would show; leave it out"
            )


def _spent(link: Link) -> Problem:
    return Problem("link_spent", f"this link was used; GET the run {link.run} to see what became of it")
