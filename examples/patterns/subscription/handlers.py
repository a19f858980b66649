"""Handlers for subscriptions: a card service that honours keys for a month, mails, and the accounts."""

from __future__ import annotations

import opord
from examples.patterns.service import NotSent, Service, body_of
from examples.patterns.subscription.subscription import Account, CardError, Plan, Subscription


class Handlers(Subscription.Handlers):
    """Speaks to the card service, the mail service and the accounts."""

    def __init__(self, cards: Service, mail: Service, accounts: Service) -> None:
        self._cards = cards
        self._mail = mail
        self._accounts = accounts

    async def charge(
        self, account: Account, plan: Plan, period: int, notice: int, *, call: opord.Call
    ) -> str:
        """Charge one period."""
        order = {"card": account.card.reveal(), "cents": plan.cents, "text": f"{plan.name} {period}"}
        try:
            answer = await self._cards.post("/charges", order, key=call.key)
        except NotSent:
            raise CardError.Unavailable from None
        if answer.status == 402:
            raise CardError.Declined(reason=answer.body["reason"])
        if answer.status == 410:
            raise CardError.Stolen
        if answer.status in (429, 503):
            raise CardError.Unavailable
        return str(body_of(answer)["receipt"])

    async def remind(self, account: Account, text: str, *, call: opord.Call) -> None:
        """Mail a notice."""
        body_of(await self._mail.post("/mails", {"to": account.email, "text": text}, key=call.key))

    async def close_access(self, account: Account, *, call: opord.Call) -> None:
        """Close what the subscription opened."""
        body_of(await self._accounts.post(f"/accounts/{account.id}/close", {}, key=call.key))
