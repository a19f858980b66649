"""The routes of the API: a file a resource."""

from __future__ import annotations

from opord.server.api import (
    acting,
    audit,
    bulk,
    changes,
    contracts,
    history,
    links,
    listing,
    sending,
    showing,
    starting,
    tokens,
)

__all__ = ["ROUTES"]

BASE = "/api/v1"

ROUTES = tuple(
    one._replace(path=BASE + one.path)
    for part in (
        starting,
        sending,
        acting,
        bulk,
        changes,
        showing,
        history,
        listing,
        contracts,
        tokens,
        links,
        audit,
    )
    for one in part.ROUTES
)
"""Every route, with its whole path."""
