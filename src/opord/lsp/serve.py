"""Run a server over standard input and output, or over TCP for the editors that connect."""

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

log: logging.Logger = logging.getLogger(__name__)

_FOR_EDITORS = "opord lsp speaks to an editor, which starts it itself: see docs/editor.md"


def make_server() -> OpordServer:
    """Make a server with all its features."""
    server = OpordServer()
    register(server)
    return server


def write_log(path: str | None) -> None:
    """Log what Opord does to the file `path`, or only warnings and errors to standard error."""
    handler = logging.FileHandler(path, encoding="utf-8") if path is not None else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    if path is not None:
        logging.getLogger("opord").setLevel(logging.DEBUG)


def serve_stdio() -> int:
    """Serve the editor that started this process, and return the exit status of the protocol.

    Standard output belongs to the protocol, so everything else that is printed goes to standard
    error.
    """
    if sys.stdin.isatty():
        _say(f"{_FOR_EDITORS}. Ctrl-C ends it")
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    server = make_server()
    _collect_when_idle()
    # A message ends the process, and pygls does not pass the exit status on. So it is read here.
    with os.fdopen(own, "wb", buffering=0) as out, contextlib.suppress(BrokenPipeError):
        server.start_io(sys.stdin.buffer, _Whole(out))  # type: ignore[arg-type]
    if not server.greeted and not sys.stdin.isatty():
        _say(f"{_FOR_EDITORS}; the input has ended, and no editor has spoken")
    code = server.protocol.exit_code
    return code if code is not None else 1


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class _Whole:
    """Writes every message completely, even to a pipe that accepts only a part at a time."""

    def __init__(self, raw: object) -> None:
        self._raw = raw

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        rest = memoryview(data)
        while rest:
            written = self._raw.write(rest)  # type: ignore[attr-defined]
            rest = rest[written or 0 :]

    def flush(self) -> None:
        """Do nothing: writes are not buffered."""

    def close(self) -> None:
        """Do nothing: the owner of the stream closes it."""


def _collect_when_idle() -> None:
    """Let the server run the garbage collector when it is idle.

    The trees of contracts are large and have no cycles. Walking them while a person types would
    take longer than checking them.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def serve_tcp(host: str, port: int) -> int:
    """Serve the editors that connect, each with its own server, until interrupted."""
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
            pass  # an editor that exits ends only its own connection
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
