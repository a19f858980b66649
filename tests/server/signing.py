"""Sign deliveries of webhooks, as their senders do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STRIPE = "whsec_test_of_stripe"
GITHUB = "It's a Secret to Everybody"


def as_body(payload: Any) -> bytes:
    """Write a payload as the senders of these tests do."""
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def standard(body: bytes, id: str, *, secret: str = STANDARD, at: float | None = None) -> dict[str, str]:
    """Return the headers of a delivery of Standard Webhooks."""
    moment = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{id}.{moment}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": id, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}


def stripe(body: bytes, *, secret: str = STRIPE, at: float | None = None) -> dict[str, str]:
    """Return the headers of a delivery of Stripe."""
    moment = str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={moment},v1={signature}"}


def github(body: bytes, id: str, *, secret: str = GITHUB, event: str = "push") -> dict[str, str]:
    """Return the headers of a delivery of GitHub."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={signature}", "x-github-delivery": id, "x-github-event": event}
