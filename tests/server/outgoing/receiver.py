"""A receiver on a port of this machine, in the event loop of the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class Got(NamedTuple):
    """A request as it came."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class Receiver:
    """Answers each request with what `answer` says, and keeps it."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Callable[[Got], bytes] = lambda got: ANSWER
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}/hook?k=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Posted the requests of one connection."""
        self.connections += 1
        try:
            while line := await reader.readline():
                _, target, _ = line.decode().split()
                headers: dict[str, str] = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.got.append(Got(target, headers, body))
                said = self.answer(self.got[-1])
                if not said:
                    await asyncio.sleep(3600)
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def answered(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer."""
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
