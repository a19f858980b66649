"""Write a batch, the group commit: find the changes that fit, then write all rows at once.

This is the hot path of the whole engine. It runs under the interpreter lock beside a busy event
loop, so it does little for each row. `docs/decisions/0004-the-sqlite-store.md` lists the other ways
that were tried, and their cost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import apsw
import msgspec

from opord.kernel.conflicts import Facts, judge, last_record
from opord.stores.base import Applied, EventKey, Result, RunRow, Start, Tombstone, Write
from opord.stores.sqlite.connection import rows
from opord.values.types import Digest, Key, RunId

T = TypeVar("T")

_Row: TypeAlias = tuple[str | int | None, ...]

_encode = msgspec.json.Encoder().encode

columns: Callable[[msgspec.Struct], tuple[Any, ...]] = msgspec.structs.astuple


class ContractNumberStale(Exception):
    """A start uses the remembered number of a contract that was replaced since.

    Apply the batch again.
    """


class Position(msgspec.Struct, array_like=True, gc=False):
    """The position of a run; `number` is its key in the file."""

    run: RunId
    number: int
    epoch: int
    seq: int
    arrivals: int


class Batch:
    """Writes batches in a transaction that the caller has begun."""

    def __init__(self, statements: Mapping[str, str]) -> None:
        self._sql = statements
        # A replaced contract takes its number with it. So a remembered number is right, or the file
        # refuses it.
        self._contracts: dict[str, int] = {}

    def forget_contracts(self) -> None:
        """Forget the numbers of contracts, because one of them was replaced."""
        self._contracts.clear()

    def apply(self, connection: apsw.Connection, batch: Sequence[Start | Write]) -> list[Result]:
        """Apply the changes that fit, and return each result.

        Raises:
            ContractReplaced: a contract whose number is remembered is no longer stored.
        """
        names = [change.run if type(change) is Write else change.row.run for change in batch]  # type: ignore[union-attr]
        rows_of_runs = self._fetch(connection, "positions", names, Position)
        positions = {position.run: position for position in rows_of_runs}
        contracts = self._contract_ids(connection, batch)
        starts = [change.row.run for change in batch if type(change) is Start]
        stones = {stone.run: stone for stone in self._fetch(connection, "tombstones", starts, Tombstone)}
        answers: Sequence[Start | Write | Result] = batch
        if stones or not _all_fit(batch, positions, contracts):
            facts = self._facts(connection, batch, names, stones, contracts)
            answers = [judge(change, facts) for change in batch]
        return self._write(connection, answers, positions, contracts)

    def _write(
        self,
        connection: apsw.Connection,
        answers: Sequence[Start | Write | Result],
        positions: Mapping[RunId, Position],
        contracts: Mapping[str, int],
    ) -> list[Result]:
        """Write the changes among the answers, and return the results."""
        results: list[Result] = []
        starts: list[_Row] = []
        start_heads: list[_Row] = []
        moves: list[_Row] = []
        keeps: list[_Row] = []
        records: list[_Row] = []
        takes: list[_Row] = []
        puts: list[_Row] = []
        keys: list[_Row] = []
        used: list[_Row] = []
        values: list[_Row] = []
        new_id = 0
        for answer in answers:
            if type(answer) is Write:
                position, journal = positions[answer.run], answer.records
                number, arrivals = position.number, position.arrivals
                seq, digest = answer.seq + len(journal), None
                for one in journal:
                    records.append((number, one.seq, one.at, one.kind, one.body, digest := one.hash))
                if answer.put:
                    arrivals += len(answer.put)
                    puts += [(number, *columns(message)) for message in answer.put]
                if answer.head is None:
                    keeps.append((answer.new_epoch, seq, digest, arrivals, number))
                else:
                    moves.append((answer.new_epoch, seq, digest, arrivals, *columns(answer.head), number))
                if answer.take:
                    takes += [(number, message) for message in answer.take]
                if answer.event_keys:
                    keys += [(number, *columns(key)) for key in answer.event_keys]
                if answer.used_keys:
                    used += [(number, *columns(key)) for key in answer.used_keys]
                if answer.values:
                    values += [(number, *columns(value)) for value in answer.values]
                results.append(Applied(arrivals))
            elif type(answer) is Start:
                row = answer.row
                new_id = (new_id or self._highest(connection)) + 1
                contract_id = contracts[row.contract]
                starts.append((new_id, row.run, contract_id, row.started_at, row.input))
                head = columns(row.head)
                start_heads.append(
                    (
                        new_id,
                        contract_id,
                        row.epoch,
                        row.seq,
                        row.hash,
                        row.arrivals,
                        *head,
                        row.priority,
                        row.label,
                    )
                )
                records += [(new_id, *columns(record)) for record in answer.records]
                values += [(new_id, *columns(value)) for value in answer.values]
                results.append(Applied(row.arrivals))
            else:
                results.append(answer)  # type: ignore[arg-type]
        for name, given_rows in (
            ("start_run", starts),
            ("start_head", start_heads),
            ("move", moves),
            ("keep", keeps),
            ("record", records),
            ("take", takes),
            ("put", puts),
            ("claim_key", keys),
            ("put_used_keys", used),
            ("keep_value", values),
        ):
            if given_rows:
                try:
                    connection.executemany(self._sql[name], given_rows)
                except apsw.ConstraintError as error:
                    if (
                        getattr(error, "extendedresult", 0) == apsw.SQLITE_CONSTRAINT_FOREIGNKEY
                        and name == "start_run"
                    ):
                        raise ContractNumberStale from error
                    raise
        return results

    def _highest(self, connection: apsw.Connection) -> int:
        return rows(connection, self._sql["highest"], (), int)[0]

    def _contract_ids(self, connection: apsw.Connection, batch: Sequence[Start | Write]) -> Mapping[str, int]:
        ids = self._contracts
        digests = {change.row.contract for change in batch if type(change) is Start}
        if not digests <= ids.keys():
            ids.update(self._fetch(connection, "contract_ids", list(digests), tuple[str, int]))
        return ids

    def _facts(
        self,
        connection: apsw.Connection,
        batch: Sequence[Start | Write],
        names: list[str],
        tombstones: Mapping[RunId, Tombstone],
        contracts: Mapping[str, int],
    ) -> Facts:
        writes = [change for change in batch if isinstance(change, Write)]
        last = [where for change in batch if (where := last_record(change)) is not None]
        put = [(write.run, message.id) for write in writes for message in write.put]
        keys = [(write.run, key.event, key.key) for write in writes for key in write.event_keys]
        return Facts(
            rows={row.run: row for row in self._fetch(connection, "load_many", names, RunRow)},
            hashes={
                (run, seq): h
                for run, seq, h in self._fetch(connection, "hashes", last, tuple[RunId, int, Digest])
            },
            messages=set(self._fetch(connection, "messages", put, tuple[str, str])),
            event_keys={
                (run, event, key): EventKey(event, key, content)
                for run, event, key, content in self._fetch(
                    connection, "taken_keys", keys, tuple[RunId, str, Key, str]
                )
            },
            tombstones=tombstones,
            unstored={
                change.row.contract
                for change in batch
                if isinstance(change, Start) and change.row.contract not in contracts
            },
        )

    def _fetch(
        self, connection: apsw.Connection, name: str, keys: Collection[object], kind: type[T]
    ) -> list[T]:
        return rows(connection, self._sql[name], (_encode(keys).decode(),), kind) if keys else []


def _all_fit(
    batch: Sequence[Start | Write], positions: Mapping[RunId, Position], contracts: Mapping[str, int]
) -> bool:
    """Say whether all changes surely fit. Messages and event keys must be looked up first."""
    for change in batch:
        if type(change) is Write:
            position = positions.get(change.run)
            if (
                position is None
                or position.epoch != change.epoch
                or position.seq != change.seq
                or (change.arrivals is not None and position.arrivals != change.arrivals)
                or change.put
                or change.event_keys
            ):
                return False
        elif (row := change.row).run in positions or row.contract not in contracts:  # type: ignore[union-attr]
            return False
    return True
