"""Webhooks in: other services' signed requests, which start runs and send events.

`reading.py` reads the declared routes and checks them against the contracts; `schemes.py` verifies
signatures; `places.py` finds values in a delivery; `receiving.py` answers one.
"""

from __future__ import annotations

from opord.server.webhooks.reading import WebhookInvalid, read_webhooks
from opord.server.webhooks.receiving import Webhooks
from opord.server.webhooks.routes import WebhookRoute

__all__ = ["WebhookInvalid", "WebhookRoute", "Webhooks", "read_webhooks"]
