"""What a store promises of the transactions in which a program writes beside it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from opord.stores.base import Applied, Stale, Store, StoreTransaction, Write
from opord.testing.store_rows import ORDERS, OpenHandle, a_message, a_start, a_write, the_run
from opord.values.types import RunId

RUN = RunId("A/1")


class TransactionSuite:
    """The part of `StoreSuite` on transactions; the program's tables lie beside the store's."""

    @pytest.fixture
    def table(self) -> str:
        """Return the name of a table that no other test uses."""
        return f"notes_{uuid4().hex[:12]}"

    @pytest.fixture
    def started_store(self, open_handle: OpenHandle) -> Store:
        """Return a store with one run, at epoch 1 and record 1."""
        store = open_handle()
        store.put_contract(ORDERS)
        store.apply([a_start(RUN)])
        return store

    def test_both_are_there_after_the_commit(self, started_store: Store, table: str) -> None:
        transaction = _begun(started_store)
        _write(transaction.connection, table)
        assert transaction.apply([_move(started_store)]) == [Applied(0)]
        transaction.commit()
        assert the_run(started_store, RUN).seq == 2
        assert _count(started_store, table) == 1

    def test_neither_is_there_after_a_rollback(self, started_store: Store, table: str) -> None:
        transaction = _begun(started_store)
        _write(transaction.connection, table)
        transaction.apply([_move(started_store)])
        transaction.roll_back()
        transaction.roll_back()
        assert the_run(started_store, RUN).seq == 1
        assert _count(started_store, table) == 0

    def test_a_rollback_of_what_is_in_use(self, started_store: Store, table: str) -> None:
        transaction = _begun(started_store)
        _write(transaction.connection, table)
        transaction.roll_back(in_use=True)
        with pytest.raises(Exception, match=r"transaction|connection|terminat"):
            transaction.connection.execute("SELECT 1")
        assert _count(started_store, table) == 0
        started_store.apply([_move(started_store)])

    def test_there_is_none_for_a_run_that_has_moved(self, started_store: Store) -> None:
        row = the_run(started_store, RUN)
        assert started_store.transaction((RUN, row.epoch, row.seq + 1)) is None
        assert started_store.transaction((RUN, row.epoch + 1, row.seq)) is None
        assert started_store.transaction((RunId("A/none"), 0, 0)) is None
        started_store.apply([_move(started_store)])  # nothing is locked

    def test_it_says_how_many_messages_have_come(self, started_store: Store) -> None:
        row = the_run(started_store, RUN)
        assert _arrivals(started_store) == 0
        for count in (1, 2):
            started_store.apply([a_write(row, records=0, put=(a_message(f"m{count}"),))])
            assert _arrivals(started_store) == count
        unheld = started_store.transaction()
        assert unheld is not None
        assert unheld.arrivals == 0
        unheld.roll_back()

    def test_a_change_that_does_not_fit_is_refused(self, started_store: Store, table: str) -> None:
        transaction = _begun(started_store)
        stale = a_write(the_run(started_store, RUN).replace(epoch=7))
        (result,) = transaction.apply([stale])
        assert isinstance(result, Stale)
        transaction.roll_back()

    def test_a_start_in_a_transaction(self, started_store: Store, table: str) -> None:
        for ends, there in (("roll_back", None), ("commit", "A/2")):
            transaction = started_store.transaction()
            assert transaction is not None
            _write(transaction.connection, table)
            assert transaction.apply([a_start("A/2")]) == [Applied(0)]
            getattr(transaction, ends)()
            row = started_store.load(RunId("A/2"))
            assert (row and row.run) == there
        assert _count(started_store, table) == 1

    def test_a_program_does_not_end_it(self, started_store: Store, table: str) -> None:
        transaction = _begun(started_store)
        _write(transaction.connection, table)
        for word in ("commit", "rollback"):
            with pytest.raises(Exception, match=f"so `{word}` has no place in it"):
                getattr(transaction.connection, word)()
        transaction.connection.close()
        assert transaction.connection.execute("SELECT 1").fetchone() == (1,)
        transaction.roll_back()
        assert _count(started_store, table) == 0

    def test_a_connection_is_of_no_use_after_the_end(self, started_store: Store, table: str) -> None:
        for end in ("commit", "roll_back"):
            transaction = _begun(started_store)
            connection = transaction.connection
            getattr(transaction, end)()
            with pytest.raises(Exception, match="the transaction has ended"):
                _write(connection, table)
            with pytest.raises(RuntimeError, match="the transaction has ended"):
                transaction.apply([_move(started_store)])

    def test_an_error_of_the_program_is_its_own(self, started_store: Store) -> None:
        transaction = _begun(started_store)
        with pytest.raises(Exception, match=r"nowhere") as raised:
            transaction.connection.execute("SELECT * FROM nowhere")
        assert transaction.in_the_way(raised.value) == ""
        assert transaction.in_the_way(ValueError("x")) == ""
        transaction.roll_back()


def _move(store: Store) -> Write:
    return a_write(the_run(store, RUN))


def _arrivals(store: Store) -> int:
    transaction = _begun(store)
    transaction.roll_back()
    return transaction.arrivals


def _begun(store: Store) -> StoreTransaction:
    row = the_run(store, RUN)
    transaction = store.transaction((RUN, row.epoch, row.seq))
    assert transaction is not None
    return transaction


def _write(connection: Any, table: str) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (note text)")
    connection.execute(f"INSERT INTO {table} VALUES ('one')")  # noqa: S608


def _count(store: Store, table: str) -> int:
    transaction = store.transaction()
    assert transaction is not None
    try:
        transaction.connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (note text)")
        return int(transaction.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    finally:
        transaction.roll_back()
