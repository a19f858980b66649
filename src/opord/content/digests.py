"""Compute the digests of a contract's content."""

from __future__ import annotations

from opord.content.form import FORM, content
from opord.content.legacy_digest import legacy_digest
from opord.contract import Contract
from opord.values import canonical


def contract_digest(contract: Contract) -> str:
    """Return the SHA-256 of a contract's content, in form `FORM`.

    Two contracts with the same digest are the same for every run.
    """
    return canonical.digest(canonical.encode(content(contract)))


def digest_in(contract: Contract, form: int) -> str | None:
    """Return a contract's digest in a form.

    `None` if the contract has no digest in this form, or if this version of Opord does not know the
    form.
    """
    if form == FORM:
        return contract_digest(contract)
    return legacy_digest(contract) if form == 0 else None
