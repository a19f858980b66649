"""The HTTP API as an ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any

from opord.backends.codes import is_away, unanswered
from opord.server.access import admit
from opord.server.addresses import segments
from opord.server.answers import PLAIN, Answer, Send, encoded
from opord.server.api import ROUTES
from opord.server.desk import Desk, Source
from opord.server.limits import HttpLimits
from opord.server.once import Once, key_of
from opord.server.principals import SAFE_METHODS, Principal, Who, check_host, check_origin, local
from opord.server.problems import KINDS, Problem, as_plain, headers_of, problem_of
from opord.server.rates import Rates
from opord.server.requests import CLOSE, ClientGone, Inlet, Receive, Request
from opord.server.routing import Found, Routes
from opord.server.sign_in import KNOWN_S, SignIn
from opord.server.state import State
from opord.server.streams import Stream
from opord.server.trail import kept, refused
from opord.server.webhooks import Webhooks, read_webhooks
from opord.telemetry.app import HEALTH, health_of
from opord.telemetry.metrics import Metrics
from opord.telemetry.monitor import Monitor
from opord.telemetry.tracing import Spans, arrival_of, belonging_to, fails, spans_of_this_program

SIGNED_IN_S = KNOWN_S
"""How often it is looked whether a token is still good, for a stream and an answer that is held."""

DRAIN_S = 30.0
"""How long acts on many runs may go on when the server stops, in seconds."""

WHO_AGAIN_S = 30.0
"""How often a `who` of yours is asked again for a stream."""

NOBODY = Principal("", (), ())
"""Who uses an open route: somebody without a name, who sees no runs."""

_REST_S = 1.0
"""How long a refused request may go on sending its body, in seconds."""


class HttpApi:
    """Serves contracts over HTTP: an ASGI application, to be mounted into yours or served alone.

        engine = opord.Engine("sqlite:///orders.db", [OrderFulfilment])
        app = Starlette(routes=[Mount("/opord", HttpApi(engine, who=signed_in))], lifespan=...)

    Its addresses are below `/api/v1`. It is written on the backend of the engine, which has to be
    open when a request comes. Served alone, it opens and closes the engine itself.

    Args:
        source: the engine. Runs of its contracts can be started; all runs of its store are shown.
        who: says who makes a request; see `Who`. Without it, tokens do (`opord tokens create`), and
            as long as none was ever made, requests from this machine are those of `local`, who may
            do everything.
        tokens_only: ask for a token also while none was made.
        hosts: the names that it answers to, without their ports; None for any. Requests of `local`
            have to be for `localhost` in any case.
        limits: how much a client may ask.
        origins: other web sites whose pages may ask, such as `https://shop.example`.
        state: the URL of a store in which the API keeps what is its own. Without it, that lies in
            tables beside the runs.
        metrics: counts the requests, and how long their answers took.
        webhooks: a table for each route of webhooks, as in `opord.toml`; see docs/webhooks.md.
            Their paths are below where this application is mounted, and need no sign-in: each
            delivery is signed.

    Raises:
        WebhookInvalid: a route of webhooks is not known, or does not fit its contract.
    """

    def __init__(
        self,
        source: Source,
        *,
        who: Who | None = None,
        tokens_only: bool = False,
        hosts: Collection[str] | None = None,
        limits: HttpLimits | None = None,
        origins: Collection[str] = (),
        state: str | None = None,
        metrics: Metrics | None = None,
        webhooks: Mapping[str, Any] | None = None,
    ) -> None:
        self._limits = limits if limits is not None else HttpLimits()
        self._desk = Desk(source, self._limits, State(lambda: source.backend, state))
        self._rates = Rates(self._limits)
        self._once = Once(self._desk.state)
        self._who = who or SignIn(self._desk.state, alone=None if tokens_only else local)
        self._again_s = SIGNED_IN_S if who is None else WHO_AGAIN_S
        self._hosts = None if hosts is None else frozenset(one.lower() for one in hosts)
        self._origins = frozenset(origins)
        self._webhooks = Webhooks(
            read_webhooks(webhooks, [one.contract for one in source.programs]) if webhooks else ()
        )
        self._routes = Routes((*ROUTES, *self._webhooks.routes()))
        self._requests = 0
        self._metrics = metrics
        self._spans: Spans | None = None
        self._looked_for_spans: bool = False
        self._monitor = Monitor(source)

    def stop(self) -> None:
        """Answer those who wait now, and end all streams: the server is about to stop."""
        self._monitor.close()
        self._desk.watch.close()
        self._desk.jobs.stop()

    async def has_token(self) -> bool:
        """Say whether a token was ever made; of a server for tokens alone, whether one is good."""
        return not isinstance(self._who, SignIn) or await self._who.is_on()

    async def close(self, *, drain_s: float = DRAIN_S) -> None:
        """Write what the trail of acts has yet to say, and close what the API keeps.

        What acts on many runs may go on for `drain_s` seconds.
        """
        await self._desk.jobs.end(drain_s)
        await self._desk.audit.close()
        await self.state.close()

    @property
    def state(self) -> State:
        """What the API keeps for itself. It is opened when it is first needed."""
        return self._desk.state

    async def prepare(self) -> None:
        """Have the store index what routes of webhooks look for, if they do.

        Without it, the first delivery waits for that. In a large store it takes some time.
        """
        await self._webhooks.prepare(self._desk)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003})

    # --- requests --------------------------------------------------------------------------------

    async def _serve(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self._requests += 1
        began = time.perf_counter()
        inlet = Inlet(receive)
        try:
            answer = await self._in_trace(scope, inlet)
        except ClientGone:
            return
        finally:
            self._requests -= 1
        if self._metrics is not None:
            self._measure(self._metrics, scope, answer, time.perf_counter() - began)
        headless = scope["method"] == "HEAD"
        if isinstance(answer, Stream):
            await answer.send(send, inlet, headless=headless)
        else:
            await answer.send(send, headless=headless)

    async def _in_trace(self, scope: Mapping[str, Any], inlet: Inlet) -> Answer | Stream:
        """Answer a request, in the trace that it belongs to."""
        if not self._looked_for_spans:
            self._spans, self._looked_for_spans = spans_of_this_program(), True
        arrival = arrival_of(scope["headers"])
        if self._spans is None:
            if not any(arrival):
                return await self._answered(scope, inlet)
            with belonging_to(*arrival):
                return await self._answered(scope, inlet)
        route = self._route(scope)
        name = f"{scope['method']} {route}" if route is not None else str(scope["method"])
        with (
            belonging_to(*arrival),
            self._spans.request(name, scope["method"], arrival.traceparent) as span,
        ):
            answer = await self._answered(scope, inlet)
            status = answer.status if isinstance(answer, Answer) else 200
            span.set_attribute("http.response.status_code", status)
            if route is not None:
                span.set_attribute("http.route", route)
            if status >= 500:
                fails(span, str(status))
            return answer

    async def _answered(self, scope: Mapping[str, Any], inlet: Inlet) -> Answer | Stream:
        try:
            return await self._answer(scope, inlet)
        except ClientGone:
            raise
        except Exception as error:
            return await self._refuse(problem_of(error), scope, inlet)

    def _route(self, scope: Mapping[str, Any]) -> str | None:
        """Return the template of a request's path; None if no route has that path."""
        try:
            return self._routes.path_of(segments(scope))
        except Problem:
            return None

    def _measure(
        self, metrics: Metrics, scope: Mapping[str, Any], answer: Answer | Stream, took_s: float
    ) -> None:
        if scope["path"].endswith(HEALTH):
            return  # asked again and again, by nobody who waits
        status = answer.status if isinstance(answer, Answer) else 200
        metrics.requested(scope["method"], self._route(scope), status, took_s)

    async def _answer(self, scope: Mapping[str, Any], inlet: Inlet) -> Answer | Stream:
        if (health := await self._health(scope)) is not None:
            return health
        limits = self._limits
        if self._requests > limits.requests:
            raise Problem(
                "server_busy", f"the server answers {limits.requests} requests now; send it again later"
            )
        try:
            async with asyncio.timeout(limits.answer_s):
                (route, parts), principal = await self._admitted(scope)
        except TimeoutError:
            raise self._unanswered() from None
        signed = route.access == "signed"
        has_body = scope["method"] not in SAFE_METHODS
        patience = asyncio.timeout(limits.body_s if has_body else limits.answer_s)
        request = Request(scope, inlet, limits, principal, parts, patience)
        request.still = lambda: self._is_still(principal, scope)
        began = asyncio.get_running_loop().time()
        try:
            # A signed route says itself who may do what: by a signature, or by a link.
            desk = self._desk if signed else self._desk.seen_by(principal)
            async with patience, kept(self._desk.audit, route, request) as outcome:
                if (key := key_of(request, route)) is None:
                    answer = await route.handler(desk, request)
                else:
                    answer = await self._once.answer(desk, request, route, key)
                if outcome is not None:
                    outcome.of(answer)
        except TimeoutError:
            raise request.body_slow or self._unanswered() from None
        if signed or has_body:
            return answer
        if isinstance(answer, Stream):
            answer.until(request.still, self._again_s)
        elif asyncio.get_running_loop().time() - began > self._again_s:
            await self._ask_again(principal, scope)
        return answer

    async def _admitted(self, scope: Mapping[str, Any]) -> tuple[Found, Principal]:
        """Return the route of a request, and who asks, if that may use it.

        Raises:
            Problem: nobody is known to ask, there is no such route, or it is not for who asks.
        """
        found = self._found(scope)
        signed = not isinstance(found, Problem) and found.route.access == "signed"
        principal = NOBODY if signed else await self._principal(scope)
        try:
            if not signed:
                self._check(scope)
            if not isinstance(found, Problem):
                admit(principal, found.route.access, f"use {found.route.method} {found.route.path}")
        except Problem as problem:
            if not isinstance(found, Problem):
                await refused(self._desk.audit, scope, principal, found, problem)
            raise
        if isinstance(found, Problem):
            raise found
        return found, principal

    def _check(self, scope: Mapping[str, Any]) -> None:
        """Refuse what is asked of another host, or by the page of another web site.

        Raises:
            Problem: it is.
        """
        if self._hosts is not None:
            check_host(scope, self._hosts)
        check_origin(scope, self._origins)

    def _unanswered(self) -> Problem:
        """Return the problem of a store that has kept a request waiting for too long."""
        said = unanswered(self._limits.answer_s, self._desk.backend.outage())
        return Problem(
            "store_unavailable",
            f"{said}. What was asked for may or may not be done; you can safely send it again",
        )

    def _found(self, scope: Mapping[str, Any]) -> Found | Problem:
        """Return the route of a request, or why there is none: that is told to principals alone."""
        try:
            return self._routes.find(scope["method"], segments(scope))
        except Problem as nothing:
            return nothing

    async def _principal(self, scope: Mapping[str, Any]) -> Principal:
        principal = await self._who(scope)
        if principal is None:
            raise Problem("unauthenticated", "the request does not say who asks; sign in first")
        self._rates.take(principal.name, time.monotonic())
        return principal

    async def _health(self, scope: Mapping[str, Any]) -> Answer | None:
        """Answer `/livez` or `/readyz` to everybody; None for another path."""
        if not scope["path"].endswith(HEALTH):
            return None
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["method"] not in SAFE_METHODS or (health := await health_of(self._monitor, path)) is None:
            return None
        return Answer(*health, (PLAIN,))

    async def _ask_again(self, principal: Principal, scope: Mapping[str, Any]) -> None:
        """Refuse an answer that was held to somebody whose token is no longer good.

        Raises:
            Problem: who asked may no longer ask.
        """
        if await self._who(scope) != principal:
            raise Problem("unauthenticated", "who asked may no longer ask for this; send the request again")

    async def _is_still(self, principal: Principal, scope: Mapping[str, Any]) -> bool:
        """Say whether a stream or a set may go on. It does nothing while the store is away."""
        try:
            return await self._who(scope) == principal
        except Problem:
            return False
        except Exception as error:
            return is_away(error)

    async def _refuse(self, problem: Problem, scope: Mapping[str, Any], inlet: Inlet) -> Answer:
        headers = headers_of(problem)
        if scope["method"] not in SAFE_METHODS and not inlet.ended and CLOSE[0] not in headers:
            waits = any(name == b"expect" for name, _ in scope["headers"])
            if waits or not await inlet.drop_rest(self._limits.body_bytes, _REST_S):
                headers += CLOSE
        return Answer(KINDS[problem.code].status, encoded(as_plain(problem)), headers)

    # --- life ------------------------------------------------------------------------------------

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open and close the engine, where this application is served alone."""
        source: Any = self._desk.source
        owns = hasattr(source, "__aenter__")
        await receive()
        try:
            if owns:
                await source.__aenter__()
                await self.state.open()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.stop()
        await self.close()
        if owns:
            await source.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})
