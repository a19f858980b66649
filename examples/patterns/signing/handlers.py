"""Handlers for documents: a service for envelopes, and an archive that seals."""

from __future__ import annotations

import opord
from examples.patterns.service import NotSent, Service, body_of
from examples.patterns.signing.contract_signing import ContractSigning, Document, EnvelopeError, Signature


class Handlers(ContractSigning.Handlers):
    """Speaks to the envelope service and to the archive."""

    def __init__(self, envelopes: Service, archive: Service) -> None:
        self._envelopes = envelopes
        self._archive = archive

    async def send_envelope(self, document: Document, *, call: opord.Call) -> str:
        """Send the document to all signers."""
        letter = {"title": document.title, "to": document.signers, "sha256": document.sha256}
        try:
            answer = await self._envelopes.post("/envelopes", letter, key=call.key)
        except NotSent:
            raise EnvelopeError.Down from None
        if answer.status == 400:
            raise EnvelopeError.Invalid(reason=answer.body["reason"])
        if answer.status == 503:
            raise EnvelopeError.Down
        return str(body_of(answer)["envelope"])

    async def void_envelope(self, envelope: str, *, call: opord.Call) -> None:
        """Take it back."""
        body_of(await self._envelopes.post(f"/envelopes/{envelope}/void", {}, key=call.key))

    async def remind(self, envelope: str, signed: list[str], *, call: opord.Call) -> None:
        """Remind all who have not signed."""
        body_of(await self._envelopes.post(f"/envelopes/{envelope}/remind", {"but": signed}, key=call.key))

    async def seal(self, envelope: str, signatures: list[Signature], *, call: opord.Call) -> str:
        """Put document and signatures away for good."""
        kept = {
            "envelope": envelope,
            "signatures": [f"{one.signer} {one.at.isoformat()}" for one in signatures],
        }
        return str(body_of(await self._archive.post("/sealed", kept, key=call.key))["sealed"])
