"""Put a contract's text into the store, in the open transaction."""

from __future__ import annotations

import logging

from opord.kernel.conflicts import compare
from opord.stores.base import ContractConflict, StoredContract
from opord.stores.postgres.connections import Connection, fetch
from opord.stores.postgres.rows import contract_row

log: logging.Logger = logging.getLogger("opord.store")


def put_contract(
    connection: Connection, queries: dict[str, str], contract: StoredContract, clock: int | None
) -> None:
    """Keep a contract's text; see `Store.put_contract`."""
    name, version = contract.name, contract.version
    same_version = fetch(connection, queries["contract_of_version"], (name, version))
    for number, *columns in same_version:
        other = contract_row(columns)
        if _keep(connection, queries, number, other, contract):
            return
        needed_by = _needed_by(connection, queries, number, other, clock)
        if needed_by:
            raise ContractConflict(name, version, other.digest, contract.digest, needed_by)
        fetch(connection, queries["remove_contract"], (number,))
        log.warning(
            "contract %s version %d: the stored content (%s) had no runs, and was replaced by the given one (%s)",
            *(name, version, other.digest[:12], contract.digest[:12]),
        )
    fetch(
        connection, queries["put_contract"], (contract.digest, contract.form, name, version, contract.sources)
    )


def _keep(
    connection: Connection,
    queries: dict[str, str],
    number: int,
    contract: StoredContract,
    offer: StoredContract,
) -> bool:
    """Say whether both are the same contract; if so, store what is newer in the given one."""
    how = compare(contract, offer)
    if how == "other":
        return False
    if how == "newer digest":
        fetch(connection, queries["set_digest"], (number, offer.digest, offer.form))
    if offer.sources != contract.sources:
        fetch(connection, queries["set_sources"], (number, offer.sources))
        log.info(
            "contract %s version %d: a new text with the same content replaced the older one",
            *(offer.name, offer.version),
        )
    return True


def _needed_by(
    connection: Connection, queries: dict[str, str], number: int, contract: StoredContract, clock: int | None
) -> str:
    """Say in words what keeps a contract from being replaced.

    Return an empty text if nothing does.
    """
    reasons = fetch(connection, queries["who_needs"], (number,))
    if reasons:
        return str(reasons[0][0])
    digests = {contract.digest, *contract.also}
    for worker, contracts, *_ in fetch(connection, queries["workers"], (clock, False)):
        if not digests.isdisjoint(contracts):
            return f"the worker {worker} serves it"
    return ""
