"""The routes of the API: a file a resource."""

from __future__ import annotations

from opord.server.api import acting, changes, contracts, history, listing, sending, showing, starting
from opord.server.routing import Route

__all__ = ["ROUTES"]

BASE = "/api/v1"

ROUTES = tuple(
    Route(one.method, BASE + one.path, one.handler)
    for part in (starting, sending, acting, changes, showing, history, listing, contracts)
    for one in part.ROUTES
)
"""Every route, with its whole path."""
