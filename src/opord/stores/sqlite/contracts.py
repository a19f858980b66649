"""Put a contract's text into the store, in the open transaction."""

from __future__ import annotations

import logging

import apsw

from opord.kernel.conflicts import compare
from opord.stores.base import ContractConflict, StoredContract, WorkerRow
from opord.stores.sqlite.connection import rows
from opord.values.types import Instant

log: logging.Logger = logging.getLogger("opord.store")


def put_contract(
    connection: apsw.Connection, sql: dict[str, str], contract: StoredContract, now: Instant
) -> None:
    """Keep a contract's text; see `Store.put_contract`."""
    name_and_version = (contract.name, contract.version)
    same_version = rows(connection, sql["contract_of_version"], name_and_version, tuple[int, StoredContract])
    highest = rows(connection, sql["highest_contract"], (), int)[0]
    if same_version:
        number, other = same_version[0]
        if _keep(connection, sql, number, other, contract):
            return
        needed_by = _needed_by(connection, sql, number, other, now)
        if needed_by:
            raise ContractConflict(*name_and_version, other.digest, contract.digest, needed_by)
        connection.execute(sql["remove_contract"], (number,))
        log.warning(
            "contract %s version %d: the stored content (%s) had no runs, and was replaced by the given one (%s)",
            *(*name_and_version, other.digest[:12], contract.digest[:12]),
        )
    columns = (contract.digest, *name_and_version, contract.sources, contract.form)
    connection.execute(sql["put_contract"], (highest + 1, *columns))


def _keep(
    connection: apsw.Connection,
    sql: dict[str, str],
    number: int,
    contract: StoredContract,
    offer: StoredContract,
) -> bool:
    """Say whether both are the same contract; if so, store what is newer in the given one."""
    how = compare(contract, offer)
    if how == "other":
        return False
    if how == "newer digest":
        connection.execute(sql["set_current"], (number, offer.digest))
    if offer.sources != contract.sources:
        connection.execute(sql["set_sources"], (number, offer.sources))
        log.info(
            "contract %s version %d: a new text with the same content replaced the older one",
            *(offer.name, offer.version),
        )
    return True


def _needed_by(
    connection: apsw.Connection, sql: dict[str, str], number: int, contract: StoredContract, now: Instant
) -> str:
    """Say in words what keeps a contract from being replaced.

    Return an empty text if nothing does.
    """
    reasons = rows(connection, sql["who_needs"], (number,), str)
    if reasons:
        return reasons[0]
    digests = {contract.digest, *contract.also}
    for worker in rows(connection, sql["workers"], (now,), WorkerRow):
        if not digests.isdisjoint(worker.contracts):
            return f"the worker {worker.worker} serves it"
    return ""
