"""Handlers for webhooks: a signed request to a partner, and a message to whoever owns the partner's account."""

from __future__ import annotations

import hashlib
import hmac
import json

import opord
from examples.patterns.retry_budget.webhook_delivery import PartnerError, Webhook, WebhookDelivery
from examples.patterns.service import NotSent, Service, Strange, body_of


class Handlers(WebhookDelivery.Handlers):
    """Speaks to partners and to a mail service."""

    def __init__(self, partners: Service, mail: Service) -> None:
        self._partners = partners
        self._mail = mail

    async def deliver(self, webhook: Webhook, *, call: opord.Call) -> None:
        """Send it; the partner drops what has the same key."""
        text = json.dumps(webhook.body, sort_keys=True)
        mac = hmac.new(webhook.signing_key.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()
        try:
            answer = await self._partners.post(webhook.url, {"text": text, "signature": mac}, key=call.key)
        except NotSent:
            raise PartnerError.Unreachable from None
        if answer.status in (404, 410):
            raise PartnerError.Gone(status=answer.status)
        if answer.status in (429, 503):
            raise PartnerError.Busy
        if answer.status // 100 != 2:
            raise Strange(f"status {answer.status}")

    async def tell_owner(self, text: str, *, call: opord.Call) -> None:
        """Send a mail."""
        body_of(await self._mail.post("/mails", {"text": text}, key=call.key))
