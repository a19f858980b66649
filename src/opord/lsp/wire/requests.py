"""Register every request of the protocol with the feature that answers it."""

from __future__ import annotations

from opord.lsp.server import OpordServer
from opord.lsp.wire import navigation, showing, writing

_ALL = (navigation, writing, showing)


def register(server: OpordServer) -> None:
    """Register the handlers of all requests."""
    for part in _ALL:
        part.register(server)
