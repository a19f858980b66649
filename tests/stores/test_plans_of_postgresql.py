"""No statement of the PostgreSQL store reads a whole table that grows.

The plans are those that the store's own connections make once and keep, here beside 2,000 and
20,000 runs that have ended. Costs are counted in pages.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from opord.kernel.rows import NEED_REASONS
from opord.stores.base import RunFilter
from opord.stores.filters import Place
from opord.stores.postgres import sql
from opord.stores.postgres.listing import Listing
from opord.stores.postgres.store import PostgresStore
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    ORDERS,
    SECOND,
    SteppedClock,
    a_head,
    a_message,
    a_start,
    a_write,
    started,
    the_run,
)
from opord.values.types import Instant
from tests.support.explained import GROWING, Pages, plan_of
from tests.support.postgres import AnyServer
from tests.support.store_verbs import VERBS

FEW, MANY = 2_000, 20_000

FILL = """
INSERT INTO opord.runs (run, contract, started_at, input)
  SELECT 'Orders/c' || n, (SELECT id FROM opord.contracts), {begin}, '{{}}' FROM generate_series(1, {crowd}) AS n;
INSERT INTO opord.heads (run, contract, epoch, seq, arrivals, since, ended_since, hash, state, status, outcome, needs,
    rest_state, body)
  SELECT id, contract, 1, 3, 0, {begin}, {begin}, 'h', 'Done', 'ended', 'success', '', 'Done', '{{}}' FROM opord.runs;
INSERT INTO opord.journal (run, seq, at, kind, hash, body)
  SELECT id, n, {begin}, 'transition', 'h', '{{}}' FROM opord.runs, generate_series(1, 3) AS n;
INSERT INTO opord.inbox (run, message, arrived, kind, body)
  SELECT id, 'm', {begin}, 'event', NULL FROM opord.runs;
"""


def filled(server: AnyServer, crowd: int) -> PostgresStore:
    """Return a store with many ended runs, and one run with a message that can go on."""
    store = PostgresStore(server.url(schema=f"s_{uuid4().hex[:12]}"), clock=SteppedClock())
    store.put_contract(ORDERS)
    fill = sql.in_schema(FILL.format(begin=BEGIN, crowd=crowd), store.location.schema)
    with store._connections.own() as connection:
        connection.execute(fill.encode())
        connection.execute(f"VACUUM ANALYZE {store.location.schema}.heads".encode())
    started(store, "Orders/it", records=3)
    store.apply([a_write(the_run(store, "Orders/it"), put=(a_message("m"),))])
    return store


@pytest.fixture(scope="module")
def few(postgres: AnyServer) -> Iterator[PostgresStore]:
    store = filled(postgres, FEW)
    yield store
    store.close()


@pytest.fixture(scope="module")
def many(postgres: AnyServer) -> Iterator[PostgresStore]:
    store = filled(postgres, MANY)
    yield store
    store.close()


# --- plans ---------------------------------------------------------------------------------------

WHOLE = {
    "counts": "it counts all runs, in two indexes",
    "tally": "it counts all runs of each contract",
    "strays": "it looks for rows that nothing else finds, when a person asks for that",
}
"""The statements that read a whole table, and why they may."""

WALKS = {"kept_for": "inbox_waiting"}
"""The statements that walk an index from its start, and stop."""


def whole_reads(store: PostgresStore, statement: str) -> list[str]:
    """Return the reads of a growing table that no condition on an index bounds."""
    with store._connections.use() as connection:
        found = plan_of(connection, statement)
    return [
        f"{node['Node Type']} {node.get('Index Name', node.get('Relation Name'))}"
        for node in found
        if node.get("Relation Name") in GROWING
        and "Scan" in node["Node Type"]
        and node["Node Type"] not in ("Bitmap Heap Scan", "Tid Scan")
        and "Index Cond" not in node
    ]


@pytest.mark.parametrize("name", sorted(sql.queries("opord").keys() - WHOLE.keys()))
def test_a_named_statement_reads_no_whole_table(few: PostgresStore, many: PostgresStore, name: str) -> None:
    for store in (few, many):
        found = whole_reads(store, store._sql[name])
        assert [one for one in found if WALKS.get(name, "-") not in one] == []


@pytest.mark.parametrize("crowd", ["few", "many"])
def test_no_batch_reads_a_whole_table(crowd: str, request: pytest.FixtureRequest) -> None:
    store = request.getfixturevalue(crowd)
    lists = [
        present
        for size in range(1, len(sql.LISTS) + 1)
        for present in itertools.combinations(sql.LISTS, size)
        if {"writes", "starts"} & {*present}
        # What only goes with a write.
        and ("writes" in present or not {"takes", "puts", "event_keys", "used_keys"} & {*present})
    ]
    assert len(lists) > 100
    for present in lists:
        statement = sql.batch_statement(
            store.location.schema, frozenset(present), notifies=len(present) % 2 == 0
        )
        assert whole_reads(store, statement) == [], present


FILTERS = [
    RunFilter(contract, state, status, outcome)
    for contract, state, status, outcome in itertools.product(
        (None, "Orders"), (None, "S"), (None, "running", "waiting", "ended"), (None, "success")
    )
] + [RunFilter("Orders", needs=needs) for needs in ("any", *NEED_REASONS)]
FILTERS += [
    RunFilter(state=("S", "T")),
    RunFilter(status=("stalled", "ended")),
    RunFilter(outcome=("success", "failure")),
    RunFilter(due_from=Instant(BEGIN), due_before=Instant(BEGIN + SECOND)),
    RunFilter(waiting_in=(Place("Orders", 1, "S"), Place("Orders", 2, "T"))),
    RunFilter(reason=("zero", "charge")),
]


@pytest.mark.parametrize(
    "where",
    FILTERS,
    ids=lambda where: f"{where.contract}-{where.state}-{where.status}-{where.outcome}-{where.needs}",
)
def test_a_listing_reads_no_whole_table(few: PostgresStore, many: PostgresStore, where: RunFilter) -> None:
    for store in (few, many):
        listing = Listing(
            where, [1], before=1 << 40, limit=3, now=Instant(BEGIN), schema=store.location.schema
        )
        # The newest of all runs, and the few that run, are read from the end of an index.
        found = [one for one in whole_reads(store, listing.statement) if "heads_running" not in one]
        assert found == []


# --- costs ---------------------------------------------------------------------------------------


def test_no_verb_costs_more_with_ten_times_as_many_ended_runs(
    few: PostgresStore, many: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Pages(monkeypatch)
    used: dict[str, list[int]] = {name: [] for name in VERBS}
    for store in (few, many):
        for name, verb in VERBS.items():
            row = the_run(store, "Orders/it")
            used[name].append(pages.of(lambda store=store, row=row, verb=verb: verb(store, row)))  # type: ignore[misc]
    assert all(less > 0 for less, _ in used.values())
    # An index of ten times as many rows is a page deeper at each look-up.
    assert {name: both for name, both in used.items() if both[1] > 1.5 * both[0] + 10} == {}
    assert all(more < 300 for _, more in used.values())


def test_the_steps_of_a_held_run_touch_no_index(postgres: AnyServer) -> None:
    clock = SteppedClock()
    store = PostgresStore(postgres.url(schema=f"s_{uuid4().hex[:12]}"), clock=clock)
    store.put_contract(ORDERS)
    store.apply([a_start(f"Orders/{number}") for number in range(40)])
    held = store.claim("w", [DIGEST], limit=40, ttl_us=10 * SECOND)
    for step in range(1, 6):
        head = a_head(state=f"S{step}", worker="w", wake_at=BEGIN + (10 + step) * SECOND)
        batch = [a_write(the_run(store, row.run), head=head) for row in held]
        store.apply(batch)
    store.close()

    end = time.monotonic() + 20
    updated = (0, 0)
    while updated[0] < 40 * 6 and time.monotonic() < end:
        time.sleep(0.02)  # the server counts when the connection is closed
        ((*updated,),) = postgres.execute(  # type: ignore[assignment]
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables "
            f"WHERE schemaname = '{store.location.schema}' AND relname = 'heads'"
        )
    # The claims change what the index of due runs goes by; of the steps, only those may that had no
    # room on their page.
    assert updated[0] == 40 * 6
    assert updated[1] >= 40 * 5 * 0.9
