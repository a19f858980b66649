"""The ASGI application that answers `/metrics`, `/livez` and `/readyz`, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from opord.telemetry.monitor import Monitor

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

PLAIN: Final = "text/plain; charset=utf-8"

HEALTH: Final = ("/livez", "/readyz")
"""The paths that say how the process is."""


class TelemetryApp:
    """Answers those who watch a process: an ASGI application, to be mounted or served alone.

    It asks nobody who they are. `/metrics` names contracts, states, calls and limits, and no run
    and no person.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def stop(self) -> None:
        """Say from now on that the process is not ready: it is about to stop."""
        self._monitor.close()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        status, body, kind = await self._answer(scope)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Mapping[str, Any]) -> tuple[int, bytes, str]:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["method"] not in ("GET", "HEAD"):
            return 405, b"only GET is answered here\n", PLAIN
        if (health := await health_of(self._monitor, path)) is not None:
            return (*health, PLAIN)
        if path == "/metrics" and self._monitor.metrics is not None:
            accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
            body, kind = await self._monitor.text(accept.decode("latin-1"))
            return 200, body, kind
        return 404, b"there are /metrics, /livez and /readyz\n", PLAIN


async def health_of(monitor: Monitor, path: str) -> tuple[int, bytes] | None:
    """Answer `/livez` or `/readyz`; None for another path.

    A process that answers at all is alive: its event loop turns.
    """
    if path == "/livez":
        return 200, b"ok\n"
    if path == "/readyz":
        return (200, b"ok\n") if await monitor.ready() else (503, b"not ready\n")
    return None
