"""Listen on an address, or say why not and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opord.cli.errors import CliError

if TYPE_CHECKING:
    import socket


def listen_or_refuse(host: str, port: int, option: str) -> socket.socket:
    """Return a socket that listens on an address, which an option of the command names.

    Raises:
        CliError: it cannot be listened on.
    """
    from opord.server import serving

    try:
        return serving.listen(host, port)
    except OSError as wrong:
        raise CliError(
            "address",
            f"cannot listen on {host}:{port}: {wrong.strerror or wrong}; choose another {option}",
            2,
        ) from wrong
