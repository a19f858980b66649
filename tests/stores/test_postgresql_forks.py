"""PostgreSQL in a process that forks, and in threads: each process has its own connections."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import opord
from opord.stores.postgres.store import PostgresStore
from opord.testing.store_rows import ORDERS, a_start
from opord.values.types import RunId
from tests.support.children import answer_of_child
from tests.support.contracts import compiled, workflow_of
from tests.support.postgres import AnyServer

WAITING = """contract C(a: int) key str(a) version 1
event go
initial state Waiting -> Done { on go -> goto Done }
final state Done success
"""


def backend_of(store: PostgresStore) -> int:
    """Return the number of the server's process behind a connection of this handle."""
    with store._connections.use() as connection:
        return connection.info.backend_pid


def test_a_child_has_connections_of_its_own_and_its_parent_goes_on(postgres: AnyServer) -> None:
    store = PostgresStore(postgres.url(schema=f"s_{uuid.uuid4().hex[:12]}"))
    store.put_contract(ORDERS)
    before = backend_of(store)

    def job() -> str:
        store.apply([a_start("child")])
        other = backend_of(store)
        store.close()
        return str(other)

    said = answer_of_child(job)
    assert said.isdigit(), said
    assert int(said) != before
    # The child has ended, and the parent's connection is the same as before.
    assert backend_of(store) == before
    store.apply([a_start("parent")])
    assert store.load(RunId("child")) is not None
    store.close()


def test_a_client_is_used_by_many_threads_and_in_a_child(postgres: AnyServer) -> None:
    contract = workflow_of(compiled(WAITING))
    url = postgres.url(schema=f"s_{uuid.uuid4().hex[:12]}")
    with opord.Client(url) as client:
        with ThreadPoolExecutor(8) as threads:
            runs = list(threads.map(lambda n: client.start(contract, a=n % 20).id, range(40)))
        assert len(set(runs)) == 20
        said = answer_of_child(lambda: client.start(contract, a=100).id)
        assert said == "C/100"
        assert client.start(contract, a=101).id == "C/101"
