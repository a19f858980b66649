"""How a server comes to speak: over standard input and output, or to one editor after the other over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys

from pygls.io_ import run_async

from opord.lsp.server import OpordServer
from opord.lsp.wire.requests import register

log = logging.getLogger(__name__)


def make_server() -> OpordServer:
    """Make a server with all its features."""
    server = OpordServer()
    register(server)
    return server


def write_log(path: str | None) -> None:
    """Log what happens to a file, or only what goes wrong to standard error."""
    handler = logging.FileHandler(path, encoding="utf-8") if path is not None else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    if path is not None:
        logging.getLogger("opord").setLevel(logging.DEBUG)


def serve_stdio() -> int:
    """Serve the one editor that started this process; return the exit status that the protocol asks for.

    Standard output belongs to the protocol: what anything else prints goes to standard error.
    """
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    server = make_server()
    _collect_when_idle()
    # The end of the process comes from within a message, and pygls would keep its exit status to itself.
    with os.fdopen(own, "wb", buffering=0) as out, contextlib.suppress(BrokenPipeError):
        server.start_io(sys.stdin.buffer, _Whole(out))  # type: ignore[arg-type]
    code = server.protocol.exit_code
    return code if code is not None else 1


class _Whole:
    """Writes every message whole, also to a pipe that takes only a part at a time."""

    def __init__(self, raw: object) -> None:
        self._raw = raw

    def write(self, data: bytes) -> None:
        """Write all of it."""
        rest = memoryview(data)
        while rest:
            written = self._raw.write(rest)  # type: ignore[attr-defined]
            rest = rest[written or 0 :]

    def flush(self) -> None:
        """Do nothing: nothing is kept back."""

    def close(self) -> None:
        """Leave it open: whoever opened it closes it."""


def _collect_when_idle() -> None:
    """Leave the cyclic collector to the server, which runs it when nobody waits.

    The trees of contracts are large and have no cycles: walking them in the midst of typing takes longer than
    checking them.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def serve_tcp(host: str, port: int) -> int:
    """Serve editors that connect, each with a server of its own, until interrupted."""
    _collect_when_idle()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_listen(host, port))
    return 0


async def _listen(host: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import threading

        server = make_server()
        server.protocol.set_writer(writer)
        try:
            await run_async(
                stop_event=threading.Event(),
                reader=reader,
                protocol=server.protocol,
                logger=log,
                error_handler=server.report_server_error,
            )
        except SystemExit:
            pass  # an editor that leaves ends its own connection
        except (ConnectionError, asyncio.IncompleteReadError) as gone:
            log.info("the editor is gone: %s", gone)
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, host, port)
    bound = listening.sockets[0].getsockname()
    sys.stderr.write(f"opord lsp listens on {bound[0]}:{bound[1]}\n")
    sys.stderr.flush()
    async with listening:
        await listening.serve_forever()
