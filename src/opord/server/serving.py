"""Run an application in a process of its own, with uvicorn.

uvicorn waits for ever for the head of a request, and for a client to read its answer. A connection
here has limits on both.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log: logging.Logger = logging.getLogger("opord.server")

BACKLOG: Final = 2048


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may be idle, and how much it may send.

    - `head_bytes`: the request line and the headers.
    - `head_s`: how long a client may take to send them, in seconds.
    - `read_s`: how long a client may take to read the rest of an answer, in seconds.
    - `linger_s`, `linger_bytes`: how long, in seconds, and how much a client may go on sending of a
      body that was refused.
    - `idle_s`: how long a connection stays open without a request, in seconds.
    - `connections`: how many connections are open at once.
    """

    head_bytes: int = 32 * 1024
    head_s: float = 10.0
    read_s: float = 30.0
    linger_s: float = 2.0
    linger_bytes: int = 8 * 1024 * 1024
    idle_s: float = 60.0
    connections: int = 5000


LIMITS: Final = ConnectionLimits()


class _OneWrite:
    """A transport that sends the head and the body of an answer with one call of the system.

    `on_left` is called when not all of it could be sent at once. `sends` says whether the client is
    still sending: it would not see its answer if the connection was closed then. So it is read on
    for a while, and dropped.
    """

    __slots__ = ("_loop", "_on_left", "_parts", "_sends", "_transport", "lingers")

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        on_left: Callable[[], object],
        sends: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._on_left = on_left
        self._sends = sends
        self.lingers: bool = False
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write with what else is written before the loop goes on."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Close, once all is sent."""
        self._flush()
        if self.lingers or not self._sends() or self._transport.is_closing():
            self._transport.close()
            return
        self.lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LIMITS.linger_s, self._transport.abort)

    def is_closing(self) -> bool:
        """Say whether nothing more may be written."""
        return self.lingers or bool(self._transport.is_closing())

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))
            if self._transport.get_write_buffer_size():
                self._on_left()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class GuardedConnection(HttpToolsProtocol):
    """A connection whose client has to send and to read in time."""

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _dropped = 0
    _in_head = False

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        writing: Any = _OneWrite(transport, self.loop, self._limit_reading, self._is_sending)
        super().connection_made(writing)
        if len(self.connections) > LIMITS.connections:
            self._refuse(b"503 Service Unavailable", b"retry-after: 1\r\n")
        else:
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take in data: the head of a request is limited, its body is for the application."""
        if self.transport.is_closing():
            self._dropped += len(data)
            if self._dropped > LIMITS.linger_bytes:
                self.transport.abort()
            return
        super().data_received(data)
        if self._is_answering:
            self._head_bytes = 0
            self._stop_timer()
            return
        self._head_bytes += len(data)
        if self._head_bytes > LIMITS.head_bytes:
            self._in_head = True
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._timer is None and not self.transport.is_closing():
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._timer = self.loop.call_later(LIMITS.head_s, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if not self._is_answering:
            self._in_head = self._head_bytes > 0
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes, header: bytes = b"") -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\n" + header + b"connection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def _is_sending(self) -> bool:
        return self._in_head or (self.cycle is not None and self.cycle.more_body)

    def _limit_reading(self) -> None:
        self.loop.call_later(LIMITS.read_s, self._abort_if_unread)

    def _abort_if_unread(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()


class Stoppable(Protocol):
    """An ASGI application that can be told to stop."""

    def stop(self) -> None:
        """Answer those who wait now: the server is about to stop."""
        ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        ...


class _Server(uvicorn.Server):
    """A server that leaves signals to the command."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_everywhere(host: str) -> bool:
    """Say whether a host stands for every address of this machine."""
    try:
        return ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; `port` 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: Stoppable, listening: socket.socket, stop: Awaitable[object], *, drain_s: float, proxies: str = ""
) -> None:
    """Serve an application until `stop` is done; then let requests under way end.

    After `drain_s` seconds those that are left are cancelled. `proxies` are the addresses of those
    whose `X-Forwarded-For` is believed, with commas between them.
    """
    config = uvicorn.Config(
        app, http=GuardedConnection, ws="none", lifespan="off", loop="none", access_log=False, log_config=None,
        log_level="warning", proxy_headers=bool(proxies), forwarded_allow_ips=proxies, server_header=False, backlog=BACKLOG,
        timeout_keep_alive=int(LIMITS.idle_s), timeout_graceful_shutdown=max(1, round(drain_s)),
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve([listening]))
    stopping = asyncio.ensure_future(stop)
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    app.stop()
    server.should_exit = True
    stopping.cancel()
    await serving
