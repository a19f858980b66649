"""Which requests are acts that the trail keeps, and what it says of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from opord.server.answers import Answer
from opord.server.principals import LOCAL, SAFE_METHODS, Principal
from opord.server.problems import KINDS, Problem, problem_of
from opord.server.requests import ClientGone, Request
from opord.server.routing import Route
from opord.server.state.audit import Act, Audit
from opord.server.streams import Stream


def is_act(route: Route, principal: Principal) -> bool:
    """Say whether the trail keeps a request.

    Without sign-in nobody knows who starts runs and sends events, so these are left out then.
    """
    if route.method in SAFE_METHODS or route.access == "signed":
        return False
    return principal is not LOCAL or route.access not in ("start", "send")


def name_of(route: Route, parts: Mapping[str, str]) -> str:
    """Return what a request does, in words: `start`, `send approve`."""
    name = route.handler.__name__.replace("_", " ")
    detail = next((parts[part] for part in ("event", "id") if part in parts), "")
    return f"{name} {detail}".rstrip()


def run_named(parts: Mapping[str, str]) -> str:
    """Return the run that a path names, or its contract alone; empty if it names none."""
    return "/".join(parts[name] for name in ("contract", "key") if name in parts)


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the address from which a request comes."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def refused(
    audit: Audit,
    scope: Mapping[str, Any],
    principal: Principal,
    found: tuple[Route, Mapping[str, str]],
    why: Problem,
) -> None:
    """Keep that a request was refused before it was looked at."""
    route, parts = found
    if is_act(route, principal):
        act = await _act(audit, scope, principal, route, parts)
        audit.tell(act._replace(status=KINDS[why.code].status, code=why.code))


class _Told(msgspec.Struct):
    """What of an answer the trail keeps."""

    run: str | None = None
    code: str | None = None


class Outcome:
    """The outcome of an act: the status of its answer, and the code if it was refused.

    Without a status, it is not known: the server was cut off while it waited for the store.
    """

    status: int | None = None
    code: str = ""
    run: str | None = None

    def of(self, answer: Answer | Stream) -> None:
        """Take the outcome from an answer, which may be a refusal that was kept for its key."""
        if isinstance(answer, Stream):
            self.status = 200
            return
        told = msgspec.json.decode(answer.body, type=_Told) if answer.body else _Told()
        self.status, self.run = answer.status, told.run
        self.code = (told.code or "") if answer.status >= 400 else ""


@asynccontextmanager
async def kept(audit: Audit, route: Route, request: Request) -> AsyncIterator[Outcome | None]:
    """Keep what is done inside, if it is an act; see `written`. Otherwise yield None."""
    if not is_act(route, request.principal):
        yield None
        return
    act = await _act(audit, request.scope, request.principal, route, request.route)
    async with written(audit, act, request) as outcome:
        yield outcome


@asynccontextmanager
async def written(audit: Audit, act: Act, request: Request) -> AsyncIterator[Outcome]:
    """Write down an act before it is done inside, and its outcome after.

    Raises:
        Problem: what was raised inside, as it is answered.
    """
    outcome = Outcome()
    await audit.begin(act)
    try:
        yield outcome
    except ClientGone:
        raise
    except Exception as error:
        problem = problem_of(error)
        outcome.status, outcome.code = KINDS[problem.code].status, problem.code
        raise problem from error
    finally:
        if outcome.status is not None:
            run, reason = request.made or outcome.run or act.run, request.reason or ""
            audit.end(act._replace(run=run, reason=reason, status=outcome.status, code=outcome.code))


async def _act(
    audit: Audit, scope: Mapping[str, Any], principal: Principal, route: Route, parts: Mapping[str, str]
) -> Act:
    return await audit.act(
        principal.name, principal.token or "", address_of(scope), name_of(route, parts), run_named(parts)
    )
