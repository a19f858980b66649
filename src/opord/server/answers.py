"""Answers: a status, headers and a body, sent at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

Header: TypeAlias = tuple[bytes, bytes]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = (b"content-type", b"application/json")
PLAIN = (b"content-type", b"text/plain; charset=utf-8")

_encode = msgspec.json.Encoder(order="sorted").encode

ALWAYS: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Headers of every answer: it is the caller's alone, and is no page."""


class Answer(NamedTuple):
    """An answer."""

    status: int
    body: bytes = b""
    headers: Sequence[Header] = ()

    async def send(self, send: Send, *, headless: bool) -> None:
        """Send it; with `headless`, without its body, as HEAD asks."""
        headers = [*self.headers, *ALWAYS]
        if self.status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if headless else self.body})


def as_json(value: Any, status: int = 200, headers: Sequence[Header] = ()) -> Answer:
    """Answer with data as canonical JSON."""
    return Answer(status, _encode(value), (JSON, *headers))


def encoded(value: Any) -> bytes:
    """Return data as canonical JSON."""
    return _encode(value)
