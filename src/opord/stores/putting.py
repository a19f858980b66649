"""Put a contract's text into a store of rows, in its open transaction."""

from __future__ import annotations

import logging
from typing import Protocol

from opord.kernel.conflicts import compare
from opord.stores.base import ContractConflict, StoredContract, WorkerRow

log: logging.Logger = logging.getLogger("opord.store")


class ContractRows(Protocol):
    """The rows of a store's contracts. A number is the key of a contract's row."""

    def of_version(self, name: str, version: int) -> tuple[int, StoredContract] | None:
        """Return the contract of a name and version, with its number."""
        ...

    def put(self, contract: StoredContract) -> None:
        """Add a contract under a number that was never used before."""
        ...

    def remove(self, number: int) -> None:
        """Remove a contract."""
        ...

    def set_digest(self, number: int, offer: StoredContract) -> None:
        """Give a contract the digest of `offer`, which is in a newer form; it keeps its others."""
        ...

    def set_sources(self, number: int, sources: str) -> None:
        """Replace the text of a contract."""
        ...

    def needed_by_runs(self, number: int) -> str:
        """Say in words which runs were started with a contract; an empty text if none were."""
        ...

    def live_workers(self) -> list[WorkerRow]:
        """Return the workers that are alive."""
        ...


def put_contract(rows: ContractRows, contract: StoredContract) -> None:
    """Keep a contract's text; see `Store.put_contract`."""
    name_and_version = (contract.name, contract.version)
    same_version = rows.of_version(*name_and_version)
    if same_version is not None:
        number, other = same_version
        if _keep(rows, number, other, contract):
            return
        needed_by = _needed_by(rows, number, other)
        if needed_by:
            raise ContractConflict(*name_and_version, other.digest, contract.digest, needed_by)
        rows.remove(number)
        log.warning(
            "contract %s version %d: the stored content (%s) had no runs, and was replaced by the given one (%s)",
            *(*name_and_version, other.digest[:12], contract.digest[:12]),
        )
    rows.put(contract)


def _keep(rows: ContractRows, number: int, contract: StoredContract, offer: StoredContract) -> bool:
    """Say whether both are the same contract; if so, store what is newer in the given one."""
    how = compare(contract, offer)
    if how == "other":
        return False
    if how == "newer digest":
        rows.set_digest(number, offer)
    if offer.sources != contract.sources:
        rows.set_sources(number, offer.sources)
        log.info(
            "contract %s version %d: a new text with the same content replaced the older one",
            *(offer.name, offer.version),
        )
    return True


def _needed_by(rows: ContractRows, number: int, contract: StoredContract) -> str:
    """Say in words what keeps a contract from being replaced.

    Return an empty text if nothing does.
    """
    runs = rows.needed_by_runs(number)
    if runs:
        return runs
    digests = {contract.digest, *contract.also}
    for worker in rows.live_workers():
        if not digests.isdisjoint(worker.contracts):
            return f"the worker {worker.worker} serves it"
    return ""
