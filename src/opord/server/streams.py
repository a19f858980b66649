"""Server-sent events: an answer that goes on until the client leaves or the server stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

from opord.backends.codes import code_of
from opord.server.answers import ALWAYS, Send, encoded
from opord.server.limits import RETRY_S
from opord.server.requests import Inlet

log: logging.Logger = logging.getLogger("opord.server")

HEARTBEAT_S: Final = 15.0
"""How often a silent stream says that it is alive, in seconds: proxies close silent connections."""

_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # a proxy that buffers would hold events back
    *ALWAYS,
)


def event(kind: str, data: Any, id: str | None = None) -> bytes:
    """Return an event. JSON has no line breaks of its own, so its data are one line."""
    name = b"" if id is None else b"id: %s\n" % id.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (name, kind.encode(), encoded(data))


def _log_unexpected(error: Exception) -> None:
    """Log what ended a stream, unless the store did, or a client that does not read."""
    if code_of(error) is None and not isinstance(error, OSError):
        log.error("a stream met an error of Opord itself, and ended", exc_info=error)


class Stream:
    """A stream of events. `place` is held while it is open."""

    def __init__(
        self,
        events: Callable[[], AsyncIterator[bytes]],
        place: AbstractContextManager[None],
        *,
        read_s: float,
        most_s: float,
    ) -> None:
        self._events = events
        self._place = place
        self._read_s = read_s
        self._most_s = most_s
        self._still: Callable[[], Awaitable[bool]] | None = None
        self._again_s = most_s

    def until(self, still: Callable[[], Awaitable[bool]], again_s: float) -> None:
        """End the stream when `still` is false, which is asked each `again_s` seconds."""
        self._still, self._again_s = still, again_s

    async def send(self, send: Send, inlet: Inlet, *, headless: bool) -> None:
        """Send events until the client leaves, does not read, or has had its time."""
        with self._place:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if not headless:
                gone = asyncio.ensure_future(inlet.gone())
                sending = asyncio.ensure_future(self._send_all(send))
                over = asyncio.ensure_future(self._over())
                tasks = (gone, sending, over)
                await asyncio.wait(tasks, timeout=self._most_s, return_when=asyncio.FIRST_COMPLETED)
                left = gone.done()
                for task in tasks:
                    task.cancel()
                _, ended, _ = await asyncio.gather(*tasks, return_exceptions=True)
                if isinstance(ended, Exception):
                    _log_unexpected(ended)
                if left:
                    return
            with suppress(TimeoutError):
                await self._part(send, b"", more=False)

    async def _over(self) -> None:
        """Return once the stream may no longer go on."""
        while True:
            await asyncio.sleep(self._again_s)
            if self._still is not None and not await self._still():
                return

    async def _send_all(self, send: Send) -> None:
        await self._part(send, b"retry: %d\n\n" % (1000 * RETRY_S))
        events = self._events()
        try:
            following = asyncio.ensure_future(anext(events, None))
            while True:
                await asyncio.wait({following}, timeout=HEARTBEAT_S)
                if not following.done():
                    await self._part(send, b":\n\n")
                    continue
                part = following.result()
                if part is None:
                    return
                await self._part(send, part)
                following = asyncio.ensure_future(anext(events, None))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await events.aclose()  # type: ignore[attr-defined]

    async def _part(self, send: Send, part: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._read_s):
            await send({"type": "http.response.body", "body": part, "more_body": more})
