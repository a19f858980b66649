"""Several handles of one PostgreSQL store at once: each thing is done once."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Barrier
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from opord.kernel.outgoing import Subscription, Tried
from opord.stores.base import Applied, Exists, Prune, Start, StoredContract, Tombstone, WasPruned
from opord.stores.postgres import opening, sql
from opord.stores.postgres.connections import Connection
from opord.stores.postgres.store import PostgresStore
from opord.stores.postgres.transaction import PostgresTransaction
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    ORDERS,
    SECOND,
    SteppedClock,
    a_head,
    a_record,
    a_start,
    a_write,
    the_run,
)
from opord.values.types import Digest, Instant, RunId
from tests.support.postgres import AnyServer

T = TypeVar("T")

HANDLES = 4
ENDED = a_head(state="Done", status="ended", outcome="success", wake_at=None)

OPEN = """
import sys
from opord.stores.postgres.store import PostgresStore
sys.stdin.readline()
store = PostgresStore(sys.argv[1])
print(store.identity())
store.close()
"""


@pytest.fixture
def url(postgres: AnyServer) -> str:
    return postgres.url(schema=f"s_{uuid4().hex[:12]}")


@pytest.fixture
def handles(url: str) -> Iterator[list[PostgresStore]]:
    with ExitStack() as stack:
        clock = SteppedClock()
        made = [PostgresStore(url, clock=clock) for _ in range(HANDLES)]
        for store in made:
            stack.callback(store.close)
        yield made


def at_once(jobs: list[Callable[[], T]]) -> list[T]:
    """Do all jobs at once, each on a thread of its own; return their answers."""
    barrier = Barrier(len(jobs))

    def do(job: Callable[[], T]) -> T:
        barrier.wait(30)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(do, jobs))


def test_processes_that_open_a_new_store_at_once_make_it_once(url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate(timeout=60)
        said.append((process.returncode, out))
    assert len({*said}) == 1, said
    assert said[0][0] == 0


def test_threads_that_open_a_new_store_at_once_make_it_once(url: str) -> None:
    stores = at_once([lambda: PostgresStore(url)] * 8)
    assert len({store.identity() for store in stores}) == 1
    with stores[0]._connections.use() as connection:
        statement = sql.in_schema("SELECT number FROM opord.migrations", stores[0].location.schema)
        rows = connection.execute(statement.encode(), prepare=False).fetchall()
    assert rows == [(number,) for number in range(1, len(sql.migrations()) + 1)]
    for store in stores:
        store.close()


def test_a_store_that_is_made_between_two_looks_is_not_another_programs(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = opening.schema_version

    def too_early(connection: Connection, schema: str) -> tuple[int, int]:
        seen = look(connection, schema)
        monkeypatch.setattr(opening, "schema_version", look)
        PostgresStore(url).close()
        return seen

    monkeypatch.setattr(opening, "schema_version", too_early)
    PostgresStore(url).close()


def test_each_run_is_claimed_once(handles: list[PostgresStore]) -> None:
    handles[0].put_contract(ORDERS)
    handles[0].apply([a_start(f"Orders/{number}") for number in range(300)])

    def claim_all(number: int) -> list[str]:
        mine: list[str] = []
        while rows := handles[number].claim(f"w{number}", [DIGEST], limit=7, ttl_us=SECOND):
            assert {(row.head.worker, row.epoch) for row in rows} == {(f"w{number}", 1)}
            mine += [row.run for row in rows]
        return mine

    claimed = at_once([partial(claim_all, number) for number in range(HANDLES)])
    counts = Counter(run for mine in claimed for run in mine)
    assert len(counts) == 300
    assert set(counts.values()) == {1}


def own_start(run: str, caller: int) -> Start:
    """Return a start that differs from those of other callers."""
    record = a_record(run, 1, f'"{caller}"')
    return Start(a_start(run).row.replace(hash=record.hash), (record,))


def test_a_key_is_taken_once(handles: list[PostgresStore]) -> None:
    handles[0].put_contract(ORDERS)
    for round_ in range(10):
        # A start that is the same would be taken for a repeated one.
        batches = [
            [own_start(f"Orders/{round_}-{number}", caller) for number in range(20)]
            for caller in range(HANDLES)
        ]
        answers = at_once(
            [partial(store.apply, batch) for store, batch in zip(handles, batches, strict=True)]
        )
        for number in range(20):
            kinds = Counter(type(answer[number]) for answer in answers)
            assert kinds == {Applied: 1, Exists: HANDLES - 1}


def test_writers_of_the_same_runs_take_turns_and_none_writes_over_another(
    handles: list[PostgresStore],
) -> None:
    """Batches name the same runs in different orders: locks taken as they come would cross."""
    handles[0].put_contract(ORDERS)
    runs = [f"Orders/{number}" for number in range(12)]
    handles[0].apply([a_start(run) for run in runs])

    def write(number: int) -> int:
        store, written = handles[number], 0
        mine = runs[number:] + runs[:number]
        for _ in range(15):
            rows = [the_run(store, run) for run in (mine if number % 2 else mine[::-1])]
            batch = [
                a_write(row).replace(records=(a_record(row.run, row.seq + 1, f'"{number}"'),)) for row in rows
            ]
            written += sum(isinstance(one, Applied) for one in store.apply(batch))
        return written

    written = at_once([partial(write, number) for number in range(HANDLES)])
    assert sum(written) == sum(the_run(handles[0], run).seq - 1 for run in runs)
    assert sum(written) > 0
    for run in runs:
        assert [one.seq for one in handles[0].journal(RunId(run))] == [
            *range(1, the_run(handles[0], run).seq + 1)
        ]


def content(number: int) -> StoredContract:
    digest = hashlib.sha256(f"content {number}".encode()).hexdigest()
    return StoredContract(Digest(digest), "Orders", 1, f'[["order.opord","text {number}"]]')


def test_the_same_contract_is_put_once(handles: list[PostgresStore]) -> None:
    for number in range(5):
        one = content(number).replace(version=number + 1)
        at_once([partial(store.put_contract, one) for store in handles])
    assert [one.version for one in handles[0].contracts()] == [1, 2, 3, 4, 5]


def test_of_different_contents_of_a_contract_without_runs_one_stays(handles: list[PostgresStore]) -> None:
    at_once([partial(store.put_contract, content(number)) for number, store in enumerate(handles)])
    (left,) = handles[0].contracts()
    assert left in [content(number) for number in range(HANDLES)]
    assert [store.contract(left.digest) for store in handles] == [left] * HANDLES


def test_pruning_goes_on_beside_claims_and_steps(handles: list[PostgresStore]) -> None:
    first, second, third, fourth = handles
    first.put_contract(ORDERS)
    first.apply([a_start(f"Orders/old{number}", head=ENDED) for number in range(100)])
    first.apply([a_start(f"Orders/new{number}") for number in range(100)])

    def prune(store: PostgresStore) -> int:
        gone = 0
        for _ in range(50):
            found = store.ended(Instant(BEGIN + SECOND), limit=9)
            if not found:
                break
            rows = [row for one in found if (row := store.load(one.run)) is not None]
            stones = [
                Prune(row.epoch, row.seq, row.arrivals, row.hash, Tombstone(
                    *(row.run, row.contract, row.name, row.version, row.started_at, "mark", row.head.state),
                    *(row.head.outcome, row.head.since, BEGIN, BEGIN + 100 * SECOND, None),
                ))
                for row in rows
            ]  # fmt: skip
            gone += sum(store.prune(stones)) if stones else 0
        return gone

    def work(store: PostgresStore, name: str) -> int:
        ended = 0
        while rows := store.claim(name, [DIGEST], limit=5, ttl_us=SECOND):
            answers = store.apply(
                [a_write(row, head=ENDED.replace(since=BEGIN + 10 * SECOND)) for row in rows]
            )
            assert all(isinstance(answer, Applied) for answer in answers)
            ended += len(rows)
        return ended

    jobs: list[Callable[[], Any]] = [
        partial(prune, first), partial(prune, second), partial(work, third, "w3"), partial(work, fourth, "w4"),
    ]  # fmt: skip
    answers = at_once(jobs)
    assert (answers[0] + answers[1], answers[2] + answers[3]) == (100, 100)
    assert {status: count for status, count in first.counts().items() if count} == {"ended": 100}
    assert [type(one) for one in first.apply([a_start("Orders/old1")])] == [WasPruned]


# --- messages to endpoints -----------------------------------------------------------------------


def test_endpoints_come_and_go_beside_writers_and_miss_nothing_in_between(
    handles: list[PostgresStore],
) -> None:
    """To make and remove triggers locks tables; who writes waits."""
    main, sender, *writers = handles
    main.put_contract(ORDERS)
    moves = 60

    def write(store: PostgresStore, run: str) -> None:
        assert store.apply([a_start(run)]) == [Applied(0)]
        for _ in range(moves):
            assert store.apply([a_write(the_run(store, run))]) == [Applied(0)]

    def come_and_go() -> None:
        for _ in range(8):
            main.outbox.subscribe([Subscription("other")])
            main.outbox.unsubscribe("other")
        main.outbox.subscribe([Subscription("billing")])

    sent: dict[str, list[int]] = {}

    def send() -> None:
        """Send while they write: what is taken out and what comes in meet in the queues."""
        while True:
            leases = sender.outbox.lease("s", ["billing"], ttl_us=SECOND)
            for lease in leases:
                for one in sender.outbox.due(lease, limit=10):
                    sent.setdefault(one.run, []).append(one.seq)
                    assert sender.outbox.sent(lease, [Tried(one, True, BEGIN)])
            ended = all(row is not None and row.seq > moves for row in map(main.load, map(RunId, runs)))
            if leases and ended and sender.outbox.next_due(leases[0]) is None:
                return

    runs = [f"Orders/{number}" for number, _ in enumerate(writers)]
    at_once(
        [come_and_go, send, *(partial(write, store, run) for store, run in zip(writers, runs, strict=True))]
    )
    for run in runs:
        told = sent.get(run, [])  # from the subscription on, which may come after the last move
        assert told == [*range(moves + 2 - len(told), moves + 2)]
    (endpoint,) = main.outbox.endpoints()
    assert endpoint.waiting == 0


def an_end_that_is_not_committed(store: PostgresStore, run: str) -> PostgresTransaction:
    """Return a transaction that has ended a run, and told so."""
    row = the_run(store, run)
    opened = store.transaction((row.run, row.epoch, row.seq))
    assert opened is not None
    assert opened.apply([a_write(row, head=ENDED)]) == [Applied(0)]
    return opened


def left_over(store: PostgresStore) -> list[tuple[str, str]]:
    """Return what waits in the tables for endpoints: table and run."""
    with store._connections.use() as connection:
        rows = connection.execute(
            sql.in_schema(
                "SELECT 'outbox', run FROM opord.outbox UNION ALL SELECT 'queued', run FROM opord.queued",
                store.location.schema,
            ).encode(),
            prepare=False,
        ).fetchall()
    return [(str(table), str(run)) for table, run in rows]


def test_what_an_open_transaction_tells_an_endpoint_that_is_forgotten_keeps_no_run(
    handles: list[PostgresStore],
) -> None:
    main, worker, *_ = handles
    main.put_contract(ORDERS)
    assert main.apply([a_start("Orders/1")]) == [Applied(0)]
    main.outbox.subscribe([Subscription("billing", ("Refunds",)), Subscription("gone")])
    opened = an_end_that_is_not_committed(worker, "Orders/1")
    assert main.outbox.unsubscribe("gone") == 0
    opened.commit()
    assert left_over(main) == [("outbox", "Orders/1"), ("queued", "Orders/1")]
    assert [one.run for one in main.ended(Instant(BEGIN + SECOND), limit=10)] == ["Orders/1"]
    row = the_run(main, "Orders/1")
    stone = Tombstone(
        *(row.run, Digest(DIGEST), "Orders", 1, BEGIN, "{}", "Done", "success", BEGIN, BEGIN),
        *(Instant(BEGIN + SECOND), None),
    )  # fmt: skip
    assert main.prune([Prune(row.epoch, row.seq, row.arrivals, row.hash, stone)]) == [True]
    assert main.outbox.lease("s", ["billing"], ttl_us=SECOND)
    assert left_over(main) == []


def test_to_forget_an_endpoint_drops_what_a_transaction_tells_it_meanwhile(
    handles: list[PostgresStore],
) -> None:
    """A message of this run waits already, so who forgets waits for the transaction."""
    main, worker, other, _ = handles
    main.put_contract(ORDERS)
    main.outbox.subscribe([Subscription("gone")])
    assert main.apply([a_start("Orders/1")]) == [Applied(0)]
    opened = an_end_that_is_not_committed(worker, "Orders/1")
    with ThreadPoolExecutor(1) as thread:
        forgotten = thread.submit(main.outbox.unsubscribe, "gone")
        _until_a_lock_is_waited_for(other)
        opened.commit()
        assert forgotten.result(30) == 1
    assert left_over(main) == []


def _until_a_lock_is_waited_for(store: PostgresStore) -> None:
    end = monotonic() + 30
    with store._connections.use() as connection:
        while monotonic() < end:
            if connection.execute(b"SELECT 1 FROM pg_locks WHERE NOT granted", prepare=False).fetchall():
                return
            sleep(0.01)
    raise AssertionError("nobody waits for a lock")
