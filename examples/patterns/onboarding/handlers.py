"""Handlers for onboarding: mails, and the accounts."""

from __future__ import annotations

import opord
from examples.patterns.onboarding.user_onboarding import Step, User, UserOnboarding
from examples.patterns.service import Service, body_of

TEXTS = {
    Step.VerifyEmail: "please confirm your address",
    Step.FirstProject: "your first project takes two minutes",
}


class Handlers(UserOnboarding.Handlers):
    """Speaks to the mail service and to the accounts."""

    def __init__(self, mail: Service, accounts: Service) -> None:
        self._mail = mail
        self._accounts = accounts

    async def send_welcome(self, user: User, *, call: opord.Call) -> None:
        """Mail a welcome."""
        await self._send(user, f"Welcome, {user.name}", call.key)

    async def send_reminder(self, user: User, step: Step, number: int, *, call: opord.Call) -> None:
        """Mail a reminder of a step."""
        await self._send(user, f"{user.name}, {TEXTS[step]} ({number})", call.key)

    async def free_account(self, user_id: str, *, call: opord.Call) -> None:
        """Let the name be used by others."""
        body_of(await self._accounts.post(f"/accounts/{user_id}/free", {}, key=call.key))

    async def grant_trial(self, user_id: str, *, call: opord.Call) -> None:
        """Open a trial."""
        body_of(await self._accounts.post(f"/accounts/{user_id}/trial", {}, key=call.key))

    async def _send(self, user: User, text: str, key: str) -> None:
        body_of(await self._mail.post("/mails", {"to": user.email, "text": text}, key=key))
