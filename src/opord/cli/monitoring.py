"""`--metrics`: a port beside the work on which a process says how it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opord.cli.errors import CliError
from opord.cli.listening import listen_or_refuse

if TYPE_CHECKING:
    import socket

    from opord.backends.front import Engine
    from opord.telemetry import Metrics, Monitor

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

log: logging.Logger = logging.getLogger("opord.telemetry")

_EXAMPLE = "127.0.0.1:9000"


def metrics_option(command: F) -> F:
    """Add `--metrics` to a command."""
    return click.option(
        "--metrics", envvar="OPORD_METRICS", default=None, show_default="none",
        metavar="HOST:PORT",
        help=f"Serve /metrics, /livez and /readyz there, such as {_EXAMPLE}. There is no sign-in: choose who reaches it.",
    )(command)  # fmt: skip


class Watching:
    """The metrics of a process, and the port on which they are served."""

    def __init__(self, listening: socket.socket) -> None:
        from opord.telemetry import Metrics, Monitor

        self.metrics: Metrics = Metrics()
        self.monitor: Monitor = Monitor(None, self.metrics)
        self.listening = listening

    def watch(self, engine: Engine) -> None:
        """Say from now on how an open engine is."""
        self.monitor.source = engine

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve while this block lasts."""
        from opord.server import serving
        from opord.telemetry import TelemetryApp

        over = asyncio.Event()
        app = TelemetryApp(self.monitor)
        task = asyncio.create_task(serving.serve(app, self.listening, over.wait(), drain_s=1))
        log.info("metrics and health at %s", serving.address_of(self.listening))
        try:
            yield
        finally:
            over.set()
            await task


def watching_at(address: str | None) -> Watching | None:
    """Listen on the address of `--metrics`; None without one.

    Raises:
        CliError: it is no address, cannot be listened on, or the extra `server` is missing.
    """
    place = check_address(address)
    if place is None:
        return None
    try:
        import_module("opord.server.serving")
        import_module("prometheus_client")
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", 'metrics need more packages: pip install "opord[server]"', 2
        ) from missing
    return Watching(listen_or_refuse(*place, "--metrics"))


def check_address(address: str | None) -> tuple[str, int] | None:
    """Return the host and the port of `--metrics`; None without one.

    Raises:
        CliError: it is no address.
    """
    if address is None:
        return None
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise CliError(
            "address", f"expected for --metrics a host and a port, as in {_EXAMPLE}, got: {address}", 2
        )
    return host, int(port)


async def watched(watching: Watching | None, work: Coroutine[Any, Any, T]) -> T:
    """Do the work of a process, and serve its metrics meanwhile, if it has any."""
    if watching is None:
        return await work
    async with watching.served():
        return await work
