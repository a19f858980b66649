"""A request: who asks, for what, and its query, headers and body, each checked when it is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import parse_qsl

from opord.server.limits import HttpLimits
from opord.server.principals import SAFE_METHODS, Principal
from opord.server.problems import Problem
from opord.values.duration import parse_duration
from opord.values.guard import BadValue, parse

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")

CLOSE: Final = ((b"connection", b"close"),)
"""Ends the connection after an answer to a request that was not read to its end."""

_QUERY_MOST: Final = 100
"""How many parameters a query has at most."""


class ClientGone(Exception):
    """The client has closed the connection, so nobody waits for the answer."""


class Inlet:
    """What comes in of a request after its head."""

    __slots__ = ("_receive", "ended")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended: bool = False

    async def part(self) -> bytes:
        """Return the next part of the body; `ended` is true after the last.

        Raises:
            ClientGone: the client went away before the end.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self.ended = not message.get("more_body", False)
        return message.get("body", b"")  # type: ignore[no-any-return]

    async def drop_rest(self, most: int, within_s: float) -> bool:
        """Read a short rest that nobody asked for; say whether the connection can go on.

        A client that still sends would not see the answer if the connection was closed.
        """
        left = most
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self.ended and left >= 0:
                    left -= len(await self.part())
        return self.ended

    async def gone(self) -> None:
        """Return once the client has closed the connection. The body must have been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Claim(Protocol):
    """A request that is done once, however often it is sent; see `once.py`."""

    @property
    def delivery(self) -> str:
        """The id under which it delivers a start or an event, each time it is sent."""
        ...

    async def if_seq(self, desk: Any, request: Request, tag: Any, /) -> int | None:
        """Return the record that a run must stand at, for a verb to be done once."""
        ...


class Request:
    """A request to the API."""

    __slots__ = (
        "_body", "_query", "claim", "inlet", "limits", "made", "patience", "principal", "reason", "route", "scope",
        "still",
    )  # fmt: skip

    def __init__(
        self, scope: Mapping[str, Any], inlet: Inlet, limits: HttpLimits, principal: Principal,
        route: Mapping[str, str], patience: asyncio.Timeout,
    ) -> None:  # fmt: skip
        self.scope: Mapping[str, Any] = scope
        self.limits: HttpLimits = limits
        self.principal: Principal = principal
        self.route: Mapping[str, str] = route
        """The parts of the path that the route names, decoded."""
        self.patience: asyncio.Timeout = patience
        """The limit on the time of the body and then, from its end on, of the answer."""
        self.inlet: Inlet = inlet
        self.claim: Claim | None = None
        """The claim of a request with an `Idempotency-Key`, while it is done."""
        self.made: str | None = None
        """The token or the run that the trail of acts is to name."""
        self.reason: str | None = None
        """The reason that the body gives, for the trail of acts."""
        self.still: Callable[[], Awaitable[bool]] = _always
        """Says whether the principal may still ask, for what goes on after the answer."""
        self._query: dict[str, list[str]] | None = None
        self._body: bytes | None = None

    @property
    def delivery(self) -> str:
        """The id under which this request delivers a start or an event; empty if it has none."""
        return "" if self.claim is None else self.claim.delivery

    # --- headers ---------------------------------------------------------------------------------

    def header(self, name: bytes) -> str | None:
        """Return a header that comes once; None if it does not come.

        Raises:
            Problem: it comes more than once.
        """
        found = [value for one, value in self.scope["headers"] if one == name]
        if len(found) > 1:
            raise Problem("header_invalid", f"the header {name.decode()} comes more than once")
        return found[0].decode("latin-1") if found else None

    # --- the query -------------------------------------------------------------------------------

    def query(self, known: Collection[str], *, prefix: str | None = None) -> dict[str, list[str]]:
        """Return the parameters of the query, each with its values.

        Raises:
            Problem: one is neither known nor begins with `prefix`, or the query cannot be read.
        """
        given = self._given()
        for name in given:
            if name not in known and not (prefix is not None and name.startswith(prefix)):
                there = ", ".join([*known, *([f"{prefix}…"] if prefix else [])]) or "none"
                raise Problem(
                    "query_invalid", f"the query has the parameter {name!r}; this address takes {there}"
                )
        return given

    def once(self, name: str) -> str | None:
        """Return a parameter of the query that comes once at most.

        Raises:
            Problem: it comes more than once.
        """
        values = self._given().get(name, [])
        if len(values) > 1:
            raise Problem("query_invalid", f"the query has the parameter {name!r} more than once")
        return values[0] if values else None

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """Return a parameter of the query that is a whole number.

        Raises:
            Problem: it is none, or outside the limits.
        """
        text = self.once(name)
        if text is None:
            return default
        number = int(text) if _WHOLE.fullmatch(text) else None
        if number is None or not least <= number <= most:
            raise Problem(
                "query_invalid", f"expected for {name} a whole number from {least} to {most}, got: {text!r}"
            )
        return number

    def wait_s(self) -> float:
        """Return how long the answer may be held (`?wait=10s`), in seconds; 0 without it.

        Raises:
            Problem: it is no duration, or too long.
        """
        text = self.once("wait")
        if text is None:
            return 0.0
        most = self.limits.wait_s
        try:
            seconds = parse_duration(text).total_seconds()
        except BadValue:
            seconds = -1.0
        if not 0 <= seconds <= most:
            raise Problem(
                "query_invalid", f"expected for wait a duration up to {most:g}s, such as 10s, got: {text!r}"
            )
        return seconds

    def _given(self) -> dict[str, list[str]]:
        if self._query is None:
            self._query = {}
            text = self.scope.get("query_string", b"")
            if text:
                for name, value in _pairs(text):
                    self._query.setdefault(name, []).append(value)
        return self._query

    # --- the body --------------------------------------------------------------------------------

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            Problem: it is too large, or comes too slowly.
            ClientGone: the client went away while it sent it.
        """
        if self._body is None:
            self._check_length()
            part = await self.inlet.part()  # the server takes the request by its head; see `body_slow`
            self._body = part if self.inlet.ended else await self._rest(part)
            if len(self._body) > self.limits.body_bytes:
                raise _too_large(self.limits.body_bytes)
            self.answer_within(self.limits.answer_s)
        return self._body

    def answer_within(self, seconds: float) -> None:
        """Limit the time of the answer from now on."""
        self.patience.reschedule(asyncio.get_running_loop().time() + seconds)

    @property
    def body_slow(self) -> Problem | None:
        """The problem of a client that has not sent its body in time; None if it has."""
        if self.inlet.ended or self.scope["method"] in SAFE_METHODS:
            return None
        message = f"the body has not come within {self.limits.body_s:g} s"
        return Problem("body_slow", message, headers=CLOSE)

    async def json(self) -> Any:
        """Return the body as plain data; an empty one is an object without members.

        Raises:
            Problem: see `body`; it is not JSON that can be kept exactly, or not said to be JSON.
        """
        body = await self.body()
        if not body:
            return {}
        self._check_type()
        try:
            return parse(body, limit=self.limits.body_bytes)
        except BadValue as bad:
            where = f" at {bad.path}" if bad.path else ""
            raise Problem(
                "body_invalid", f"the body is refused{where}: {bad.message}", path=bad.path
            ) from None

    async def members(self, known: Collection[str]) -> dict[str, Any]:
        """Return the body as an object with these members at most.

        Raises:
            Problem: see `json`; it is no object, or has another member.
        """
        body = await self.json()
        if not isinstance(body, dict):
            raise Problem("body_invalid", "expected a JSON object as the body", path="")
        for name in body:
            if name not in known:
                raise Problem(
                    "body_invalid",
                    f"the body has the member {name!r}; this request takes {', '.join(known) or 'none'}",
                    path=name,
                )
        if isinstance(reason := body.get("reason"), str):
            self.reason = reason
        return body

    def _check_type(self) -> None:
        said = self.header(b"content-type") or ""
        kind = said.partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(
                "content_type",
                f"send the body as JSON, with the header content-type: application/json, got: {said or 'none'}",
            )

    def _check_length(self) -> None:
        said = self.header(b"content-length")
        if said is not None and said.isdecimal() and int(said[:20]) > self.limits.body_bytes:
            raise _too_large(self.limits.body_bytes)

    async def _rest(self, first: bytes) -> bytes:
        """Return a body that comes in several parts, beginning with the first."""
        parts, size = [first], len(first)
        while not self.inlet.ended:
            if size > self.limits.body_bytes:
                raise _too_large(self.limits.body_bytes)
            parts.append(await self.inlet.part())
            size += len(parts[-1])
        return b"".join(parts)


async def _always() -> bool:
    return True


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_QUERY_MOST
        )
    except UnicodeDecodeError:
        raise Problem("query_invalid", "the query holds bytes that are not UTF-8 after decoding") from None
    except ValueError:
        raise Problem("query_invalid", f"the query has more than {_QUERY_MOST} parameters") from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Problem("query_invalid", "the query holds a NUL character (%00)")
    return pairs


def _too_large(most: int) -> Problem:
    return Problem(
        "body_too_large", f"the body is larger than {most:,} bytes; store large values elsewhere, and send only "
        "their name", headers=CLOSE, limit=most,
    )  # fmt: skip
