"""Handlers for deletion: mails, the legal desk's list of cases, and two stores that lock while they are copied."""

from __future__ import annotations

import opord
from examples.patterns.deletion.deletion_request import DeletionRequest, Proof, StoreError
from examples.patterns.service import NotSent, Service, body_of
from opord import Secret


class Handlers(DeletionRequest.Handlers):
    """Speaks to the mail service, the legal desk and the stores."""

    def __init__(self, mail: Service, legal: Service, stores: Service) -> None:
        self._mail = mail
        self._legal = legal
        self._stores = stores

    async def open_case(self, person: str) -> str | None:
        """Ask whether a case is open that forbids deletion."""
        answer = await self._legal.get(f"/cases?person={person}")
        return None if answer.status == 404 else str(body_of(answer)["case"])

    async def send_code(self, email: str, code: Secret[str], *, call: opord.Call) -> None:
        """Mail the code with which a person says who they are."""
        body_of(await self._mail.post("/mails", {"to": email, "text": code.reveal()}, key=call.key))

    async def erase_account(self, person: str, *, call: opord.Call) -> Proof:
        """Erase what is in use."""
        return await self._erase("account", person, call.key)

    async def erase_archive(self, person: str, *, call: opord.Call) -> Proof:
        """Erase what is kept aside."""
        return await self._erase("archive", person, call.key)

    async def certify(self, request_id: str, proofs: list[Proof], *, call: opord.Call) -> str:
        """Write down that it was done."""
        done = {"request": request_id, "records": sum(proof.records for proof in proofs)}
        return str(body_of(await self._legal.post("/certificates", done, key=call.key))["certificate"])

    async def alert_officer(self, text: str, *, call: opord.Call) -> None:
        """Tell the officer for data protection."""
        body_of(await self._mail.post("/mails", {"to": "officer", "text": text}, key=call.key))

    async def _erase(self, store: str, person: str, key: str) -> Proof:
        try:
            answer = await self._stores.post(f"/{store}/erase", {"person": person}, key=key)
        except NotSent:
            raise StoreError.Locked from None
        if answer.status == 423:
            raise StoreError.Locked
        return Proof(system=store, records=body_of(answer)["records"])
