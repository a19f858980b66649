"""The rows of contracts in a file, in the open transaction."""

from __future__ import annotations

import apsw

from opord.stores.base import StoredContract, WorkerRow
from opord.stores.sqlite.connection import rows
from opord.values.types import Instant


class ContractRows:
    """Implements `putting.ContractRows`. `now` is the store's clock."""

    def __init__(self, connection: apsw.Connection, sql: dict[str, str], now: Instant) -> None:
        self._connection = connection
        self._sql = sql
        self._now = now

    def of_version(self, name: str, version: int) -> tuple[int, StoredContract] | None:
        found = rows(
            self._connection, self._sql["contract_of_version"], (name, version), tuple[int, StoredContract]
        )
        return found[0] if found else None

    def put(self, contract: StoredContract) -> None:
        number = rows(self._connection, self._sql["highest_contract"], (), int)[0] + 1
        columns = (contract.digest, contract.name, contract.version, contract.sources, contract.form)
        self._connection.execute(self._sql["put_contract"], (number, *columns))

    def remove(self, number: int) -> None:
        self._connection.execute(self._sql["remove_contract"], (number,))

    def set_digest(self, number: int, offer: StoredContract) -> None:
        self._connection.execute(self._sql["set_current"], (number, offer.digest))

    def set_sources(self, number: int, sources: str) -> None:
        self._connection.execute(self._sql["set_sources"], (number, sources))

    def needed_by_runs(self, number: int) -> str:
        found = rows(self._connection, self._sql["who_needs"], (number,), str)
        return found[0] if found else ""

    def live_workers(self) -> list[WorkerRow]:
        return rows(self._connection, self._sql["workers"], (self._now,), WorkerRow)
