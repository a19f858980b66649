"""Put a contract's text into the store, in the open transaction."""

from __future__ import annotations

import logging

import apsw

from opord.kernel.conflicts import compare
from opord.stores.base import ContractConflict, StoredContract, WorkerRow
from opord.stores.sqlite.connection import rows
from opord.values.types import Instant

log = logging.getLogger("opord.store")


def put_contract(
    connection: apsw.Connection, sql: dict[str, str], contract: StoredContract, now: Instant
) -> None:
    """Keep a contract's text; see `Store.put_contract`."""
    name_and_version = (contract.name, contract.version)
    found = rows(connection, sql["contract_of_version"], name_and_version, tuple[int, StoredContract])
    highest = rows(connection, sql["highest_contract"], (), int)[0]
    if found:
        number, stored = found[0]
        if _keep(connection, sql, number, stored, contract):
            return
        needed_by = _needed_by(connection, sql, number, stored, now)
        if needed_by:
            raise ContractConflict(*name_and_version, stored.digest, contract.digest, needed_by)
        connection.execute(sql["remove_contract"], (number,))
        log.warning(
            "contract %s version %d: no run was started with the stored content (%s), so it is replaced by what was given (%s)",
            *(*name_and_version, stored.digest[:12], contract.digest[:12]),
        )
    given = (contract.digest, *name_and_version, contract.sources, contract.form)
    connection.execute(sql["put_contract"], (highest + 1, *given))


def _keep(
    connection: apsw.Connection,
    sql: dict[str, str],
    number: int,
    stored: StoredContract,
    given: StoredContract,
) -> bool:
    """Say whether both are the same contract; if so, store what is newer in the given one."""
    how = compare(stored, given)
    if how == "other":
        return False
    if how == "newer digest":
        connection.execute(sql["set_current"], (number, given.digest))
    if given.sources != stored.sources:
        connection.execute(sql["set_sources"], (number, given.sources))
        log.info(
            "contract %s version %d: another text with the same content was given; it is kept instead of the older one",
            *(given.name, given.version),
        )
    return True


def _needed_by(
    connection: apsw.Connection, sql: dict[str, str], number: int, stored: StoredContract, now: Instant
) -> str:
    """Say in words what keeps a contract from being replaced.

    Return an empty text if nothing does.
    """
    found = rows(connection, sql["who_needs"], (number,), str)
    if found:
        return found[0]
    digests = {stored.digest, *stored.also}
    for worker in rows(connection, sql["workers"], (now,), WorkerRow):
        if not digests.isdisjoint(worker.contracts):
            return f"the worker {worker.worker} serves it"
    return ""
