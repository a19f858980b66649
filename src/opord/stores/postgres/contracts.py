"""The rows of contracts in a database, in the open transaction."""

from __future__ import annotations

from typing import Any

from opord.stores.base import StoredContract, WorkerRow
from opord.stores.postgres.connections import Connection, fetch
from opord.stores.postgres.rows import contract_row, worker_rows


class ContractRows:
    """Implements `putting.ContractRows`. `clock` is the store's; None is the server's."""

    def __init__(self, connection: Connection, queries: dict[str, str], clock: int | None) -> None:
        self._connection = connection
        self._queries = queries
        self._clock = clock

    def of_version(self, name: str, version: int) -> tuple[int, StoredContract] | None:
        found = self._fetch("contract_of_version", name, version)
        return (found[0][0], contract_row(found[0][1:])) if found else None

    def put(self, contract: StoredContract) -> None:
        columns = (contract.digest, contract.form, contract.name, contract.version, contract.sources)
        self._fetch("put_contract", *columns)

    def remove(self, number: int) -> None:
        self._fetch("remove_contract", number)

    def set_digest(self, number: int, offer: StoredContract) -> None:
        self._fetch("set_digest", number, offer.digest, offer.form)

    def set_sources(self, number: int, sources: str) -> None:
        self._fetch("set_sources", number, sources)

    def needed_by_runs(self, number: int) -> str:
        found = self._fetch("who_needs", number)
        return str(found[0][0]) if found else ""

    def live_workers(self) -> list[WorkerRow]:
        return worker_rows(self._fetch("workers", self._clock, False))

    def _fetch(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return fetch(self._connection, self._queries[name], parameters)
