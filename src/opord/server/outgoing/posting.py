"""Post a message, and say what became of it.

The name of a receiver is resolved here, and the address that was checked is the one that is
connected to, so it does not matter what the name leads to a moment later. Redirects are not
followed, settings of a proxy are not heeded, and of an answer little more than its status is read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeAlias, cast

import httpcore

from opord.server.outgoing.reach import may_reach
from opord.server.outgoing.schedule import asked_pause_s

TIMEOUT_S: Final = 15.0
"""How long one attempt may take, from the name to the end of the answer, in seconds."""

ANSWER_BYTES: Final = 64 * 1024
"""How much of an answer is read. If there is more, its connection is not used again."""

ADDRESSES_MOST: Final = 4
"""How many addresses of a name are tried in one attempt."""

NAMES_AT_ONCE: Final = 2
"""How many threads resolve the name of an endpoint."""

_IDLE_S: Final = 20.0

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a name."""


class Posted(NamedTuple):
    """What became of an attempt.

    - `status` is that of the answer; 0 if there was none.
    - `trouble` says what was wrong; empty if the message was received.
    - `asked_s` is the pause that the receiver asks for, in seconds.
    """

    status: int
    trouble: str = ""
    asked_s: float = 0.0


class Unreachable(Exception):
    """The receiver has no address that a webhook may be sent to; the message says why."""


class Names:
    """Resolves names as the system does, on threads of its own, as it may take long."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(NAMES_AT_ONCE, thread_name_prefix="opord-webhooks-names")

    async def addresses_of(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _addresses_of, host, port)

    def close(self) -> None:
        """Leave what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses_of(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that may be reached, and to no other."""

    def __init__(self, *, allow_private: bool, resolve: Resolve) -> None:
        self._allow_private, self._resolve = allow_private, resolve
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the protocol of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a name that may be reached and that answers.

        Raises:
            Unreachable: it has none that may be reached.
        """
        try:
            found = await self._resolve(host.strip("[]"), port)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"the name {host} cannot be resolved ({_in_words(error)})") from error
        allowed = [one for one in found if may_reach(one, allow_private=self._allow_private)]
        if not allowed:
            hint = "" if self._allow_private else "; `allow_private = true` allows those of your own network"
            raise Unreachable(
                f"{host} leads to {', '.join(found[:ADDRESSES_MOST]) or 'no address'}, which no webhook is sent to{hint}"
            )
        last: Exception | None = None
        for address in allowed[:ADDRESSES_MOST]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        assert last is not None
        raise last

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: a receiver is on a network."""
        raise Unreachable("a webhook is not sent to a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait; called between tries of a connection."""
        await self._inner.sleep(seconds)


class Poster:
    """Posts to one receiver, and keeps connections to it."""

    def __init__(
        self,
        url: str,
        *,
        allow_private: bool,
        connections: int,
        resolve: Resolve | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self._url, self._timeout_s = url, TIMEOUT_S if timeout_s is None else timeout_s
        self._names = Names()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_IDLE_S,
            network_backend=CheckedNetwork(
                allow_private=allow_private, resolve=resolve or self._names.addresses_of
            ),
        )

    async def post(self, headers: Mapping[str, str], body: bytes) -> Posted:
        """Post a body once, and say what became of it. No error of the network is raised."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(headers, body)
        except TimeoutError:
            return Posted(0, f"no answer within {self._timeout_s:g} s")
        except Unreachable as error:
            return Posted(0, str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            return Posted(0, f"no answer ({_in_words(error)})")

    async def _post(self, headers: Mapping[str, str], body: bytes) -> Posted:
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream("POST", self._url, headers=given, content=body) as answer:
            read = 0
            async for part in answer.aiter_stream():
                read += len(part)
                if read > ANSWER_BYTES:
                    break
            return _judged(answer.status, {name.lower(): value for name, value in answer.headers})

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
        self._names.close()


def _judged(status: int, headers: Mapping[bytes, bytes]) -> Posted:
    if 200 <= status < 300:
        return Posted(status)
    asked_s = asked_pause_s(headers.get(b"retry-after", b"").decode("latin-1"), time.time())
    if 300 <= status < 400:
        return Posted(status, f"HTTP {status}: redirects are not followed; give the address that it leads to")
    return Posted(status, f"HTTP {status}", asked_s)


def _in_words(error: BaseException) -> str:
    """Say what an error is, and what caused it, in a line."""
    while not str(error) and error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
