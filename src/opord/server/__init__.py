"""The HTTP API: derived from the contracts, written on `Backend` alone.

`app.py` is the application; `principals.py` says who asks, `routing.py` finds the route, and `api/`
has a file a resource; `webhooks/` takes deliveries of other services, and `outgoing/` tells other
programs of runs. `problems.py` has every error with its status. `serving.py` runs the application
in a process of its own, with uvicorn; the rest needs no other package but `httpcore`.
"""

from __future__ import annotations

from opord.server.app import HttpApi
from opord.server.limits import HttpLimits
from opord.server.principals import Principal, Who
from opord.server.problems import Problem
from opord.server.webhooks import WebhookInvalid

__all__ = [
    "HttpApi", "HttpLimits", "Principal", "Problem", "WebhookInvalid", "Who", "approving", "granting", "outgoing", "problems",
    "serving", "sign_in", "state", "webhooks",
]  # fmt: skip
