"""Answer a delivery: verify it, find its route, and start a run or send an event, once.

The id of a delivery is kept with what it did, in one write. So a sender that got no answer sends it
again, and nothing is done twice; it gets a 2xx only when what it asked for is durable. A delivery
that cannot be used now gets no 2xx either, so that its sender keeps it and comes again.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from opord.backends.base import InputInvalid
from opord.errors import StartConflict
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.integers import may_have_one
from opord.server.problems import Problem, problem_of
from opord.server.requests import Request
from opord.server.routing import Route
from opord.server.trail import address_of, written
from opord.server.webhooks.carrying import Done, carry_out
from opord.server.webhooks.lookup import RunFinding
from opord.server.webhooks.places import Delivery
from opord.server.webhooks.routes import WebhookRoute
from opord.server.webhooks.schemes import Headers, Untrusted, verify
from opord.values.guard import BadValue, parse
from opord.values.types import RunId
from opord.values.visible import safe

log: logging.Logger = logging.getLogger("opord.webhooks")

_ID: Final = re.compile(r"[!-~]{1,256}")
_UNTRUSTED: Final = (
    "the signature of this delivery is missing or does not fit, or its time is too far from now; "
    "check the secret at both ends"
)
_WHY_MOST: Final = 1000
_TOLD_MOST: Final = 1000
_TOLD_FOR_S: Final = 10.0


class Webhooks:
    """The routes of webhooks, and what answers them."""

    def __init__(self, routes: Sequence[WebhookRoute], *, now: Callable[[], float] = time.time) -> None:
        self._by_path: dict[str, list[WebhookRoute]] = {}
        for route in routes:
            self._by_path.setdefault(route.path, []).append(route)
        self._now = now
        self._told = _Told()
        self._finding = RunFinding()

    async def prepare(self, desk: Desk) -> None:
        """Have the store index what routes look for; or else the first delivery waits for it."""
        for routes in self._by_path.values():
            for route in routes:
                if route.where is not None:
                    await self._finding.prepare(desk.backend.finder(), route.where)

    def routes(self) -> list[Route]:
        """Return the routes of the server. There is one for each method, but only POST delivers."""
        endpoints = {
            path: _Endpoint(routes, self._now, self._told, self._finding)
            for path, routes in self._by_path.items()
        }
        return [
            Route(method, path, endpoint, "signed")
            for path, endpoint in endpoints.items()
            for method in ("GET", "OPTIONS", "PATCH", "POST", "PUT", "DELETE")
        ]


class _Endpoint:
    """Answers the deliveries at one path. All its routes have one scheme and the same secrets."""

    def __init__(
        self, routes: Sequence[WebhookRoute], now: Callable[[], float], told: _Told, finding: RunFinding
    ) -> None:
        self._routes = routes
        self._finding = finding
        self._now = now
        self._told = told

    async def __call__(self, desk: Desk, request: Request) -> Answer:
        """Answer a delivery."""
        if request.scope["method"] != "POST":
            raise Problem(
                "method_not_allowed",
                f"this address takes POST, got: {request.scope['method']}",
                headers=((b"allow", b"POST"),),
                methods=["POST"],
            )
        body = await request.body()
        headers = _headers_of(request)
        delivery = self._verified(headers, body, request.limits.body_bytes)
        route = next((one for one in self._routes if one.is_for(delivery)), None)
        if route is None:
            log.info("webhook %s: delivery %s is for no route", self._names, delivery.id)
            return _answer(delivery, Done("ignored"))
        act = await desk.audit.act(
            route.actor, f"delivery {delivery.id}", address_of(request.scope), route.does, ""
        )
        async with written(desk.audit, act, request) as outcome:
            done = await self._carried_out(desk, request, route, delivery, whole_numbers=may_have_one(body))
            request.made, outcome.status = done.run, 200
        return _answer(delivery, done)

    async def _carried_out(
        self, desk: Desk, request: Request, route: WebhookRoute, delivery: Delivery, *, whole_numbers: bool
    ) -> Done:
        def found(run: RunId) -> None:
            request.made = run  # for the trail, also of a delivery that is refused then

        try:
            done = await carry_out(
                desk, self._finding, route, delivery, whole_numbers=whole_numbers, found=found
            )
        except Exception as error:
            problem = problem_of(error)
            if problem.code != "internal" and self._told.is_new((route.name, delivery.id, problem.code)):
                log.warning(
                    "webhook %s: delivery %s is refused (%s): %s",
                    route.name, delivery.id, problem.code, safe(_why(error))[:_WHY_MOST],
                )  # fmt: skip
            raise problem from error
        if done.too_late and self._told.is_new((route.name, delivery.id, done.why or "")):
            log.warning(
                "webhook %s: delivery %s comes too late: %s", route.name, delivery.id, safe(done.too_late)
            )
        elif done.why is not None:
            log.info("webhook %s: delivery %s is ignored (%s)", route.name, delivery.id, done.why)
        return done

    def _verified(self, headers: Headers, body: bytes, body_bytes: int) -> Delivery:
        first = self._routes[0]
        try:
            delivery_id = verify(
                first.scheme, first.keys, headers, body, now_s=self._now(), tolerance_s=first.tolerance_s
            )
        except Untrusted as why:
            # Whoever sends nonsense must not fill the log.
            if self._told.is_new((first.path,), for_s=_TOLD_FOR_S, now_s=self._now()):
                log.warning("webhook %s: a delivery is refused: %s", self._names, why)
            raise Problem("signature_invalid", _UNTRUSTED) from None
        try:
            plain = parse(body, limit=body_bytes)
        except BadValue as bad:
            where = f" at {bad.path}" if bad.path else ""
            if self._told.is_new((first.path, "body"), for_s=_TOLD_FOR_S, now_s=self._now()):
                log.warning(
                    "webhook %s: the body of a delivery is no JSON that can be kept exactly", self._names
                )
            raise Problem(
                "body_invalid", f"the body is refused{where}: {bad.message}", path=bad.path
            ) from None
        if first.scheme == "stripe":
            in_body = plain.get("id") if isinstance(plain, dict) else None
            delivery_id = in_body if isinstance(in_body, str) else ""
        if _ID.fullmatch(delivery_id) is None:
            raise Problem(
                "body_invalid", "the delivery has no id of 1 to 256 printable characters", path="id"
            )
        return Delivery(delivery_id, headers, plain)

    @property
    def _names(self) -> str:
        return ", ".join(one.name for one in self._routes)


def _answer(delivery: Delivery, done: Done) -> Answer:
    shown = {"delivery": delivery.id, "did": done.did, "run": done.run, "why": done.why}
    return as_json({name: value for name, value in shown.items() if value is not None})


def _why(error: Exception) -> str:
    """Return why a delivery is refused, without what it carries."""
    if isinstance(error, InputInvalid):
        return error.short
    if isinstance(error, StartConflict):
        return f"{error.run} was started with another input"
    return str(error)


def _headers_of(request: Request) -> Headers:
    headers: dict[bytes, list[bytes]] = {}
    for name, value in request.scope["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    return headers


class _Told:
    """What was told in the log already. A sender repeats a delivery for days."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def is_new(self, what: tuple[str, ...], *, for_s: float = float("inf"), now_s: float = 0.0) -> bool:
        """Say whether something was not told in the last `for_s` seconds; it counts as told now."""
        until = self._until.get(what)
        if until is not None and now_s < until:
            return False
        self._until[what] = now_s + for_s
        self._until.move_to_end(what)
        if len(self._until) > _TOLD_MOST:
            self._until.popitem(last=False)
        return True
