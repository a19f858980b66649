"""The cost of a verb depends on its arguments, not on how much the store holds.

Neither the number of runs nor the length of their histories matters. Costs are counted in steps of
SQLite's virtual machine, which are the same on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import apsw
import pytest

from opord.kernel.rows import DueNeed
from opord.stores.base import RunFilter, RunRow
from opord.stores.sqlite.store import SqliteStore
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
from tests.support.store_verbs import ENDED, VERBS

WAITING = a_head(state="Asked", status="waiting", wake_at=BEGIN + 10**6 * SECOND)
FAR = a_head(state="Asked", status="waiting", wake_at=None)


class Steps:
    """Counts the steps of all statements of a store's writing connection.

    A store in memory has only that one.
    """

    def __init__(self, store: SqliteStore) -> None:
        self.taken = 0
        store._pool.writer.connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._add)

    def _add(self, event: Any) -> None:
        self.taken += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

    def of(self, verb: Callable[[], Any]) -> int:
        """Return how many steps a verb takes."""
        before = self.taken
        verb()
        return self.taken - before


def filled(crowd: int, head: Any) -> tuple[SqliteStore, RunRow]:
    """Return a store with many runs of one kind, and one with a message that can go on."""
    clock = SteppedClock()
    store = SqliteStore(None, clock=clock)
    store.put_contract(ORDERS)
    half = crowd // 2
    for first, last in ((0, half), (half, crowd)):
        for number in range(first, last, 500):
            store.apply([a_start(f"Orders/c{n}", head=head) for n in range(number, min(number + 500, last))])
        if first == 0:
            started(store, "Orders/it", records=3)
            store.apply([a_write(the_run(store, "Orders/it"), put=(a_message("m"),))])
    return store, the_run(store, "Orders/it")


def costs(crowd: int, head: Any) -> Iterator[tuple[str, int]]:
    store, row = filled(crowd, head)
    steps = Steps(store)
    for name, verb in VERBS.items():
        if name == "resting":
            continue  # it reads up to a thousand runs; the looks of a worker have a test of their own
        taken = steps.of(lambda verb=verb: verb(store, the_run(store, row.run)))  # type: ignore[misc]
        assert taken > 0, name
        yield name, taken
    store.close()


CROWDS = {"ended": ENDED, "waiting for a timer": WAITING, "waiting for an event": FAR}


@pytest.mark.parametrize("head", CROWDS.values(), ids=CROWDS)
def test_no_verb_costs_more_with_many_runs(head: Any) -> None:
    few, many = dict(costs(20, head)), dict(costs(4000, head))
    grown = {name: (few[name], many[name]) for name in few if many[name] > few[name] + 10}
    assert grown == {}
    assert all(taken < 1000 for taken in many.values()), many


def test_no_verb_that_moves_a_run_costs_more_with_a_long_history() -> None:
    def taken(records: int) -> dict[str, int]:
        store = SqliteStore(None, clock=SteppedClock())
        store.put_contract(ORDERS)
        started(store, "Orders/it", records=records)
        steps = Steps(store)
        found = {}
        for name in (
            "load",
            "a write",
            "claim",
            "inbox",
            "waiting",
            "event_key",
            "journal",
            "newest runs",
            "an end",
        ):
            found[name] = steps.of(lambda name=name: VERBS[name](store, the_run(store, "Orders/it")))  # type: ignore[misc]
        store.close()
        return found

    assert taken(4000) == taken(4)


def test_claiming_a_batch_costs_the_same_however_many_runs_are_due() -> None:
    found = []
    for crowd in (600, 6000):
        store, _ = filled(crowd, a_head(status="waiting"))
        steps = Steps(store)
        found.append(steps.of(lambda store=store: store.claim("w", [DIGEST], limit=500, ttl_us=SECOND)))  # type: ignore[misc]
        store.close()
    assert found[0] == found[1]


def with_priorities(crowd: int) -> SqliteStore:
    """Return a store whose runs have a few priorities and labels, most of them far from due."""
    store = SqliteStore(None, clock=SteppedClock())
    store.put_contract(ORDERS)
    for first in range(0, crowd, 500):
        starts = [
            a_start(f"Orders/{n}", head=WAITING, priority=n % 3 * 5 - 5, label="gpu" * (n % 2))
            for n in range(first, min(first + 500, crowd))
        ]
        store.apply(starts)
    for number, priority in enumerate((-5, 0, 5, 5)):
        store.apply([a_start(f"Orders/due{number}", priority=priority, label="gpu")])
    return store


def test_claims_and_looks_cost_the_same_however_many_runs_of_each_priority_wait() -> None:
    """A claim goes from one priority to the next, past all runs of each."""
    found, labels = [], ("gpu", "")

    for crowd in (1_000, 50_000):
        store = with_priorities(crowd)
        steps = Steps(store)

        def claim(limit: int, store: SqliteStore = store) -> Any:
            return store.claim("w", [DIGEST], limit=limit, ttl_us=SECOND, labels=labels)

        found.append(
            [
                steps.of(partial(store.next_wake, [DIGEST], labels=labels)),
                steps.of(partial(store.next_wake, [DIGEST])),
                steps.of(partial(store.any_held, [DIGEST], within_us=SECOND, labels=labels)),
                steps.of(partial(claim, 3)),
                steps.of(partial(claim, 100)),
                steps.of(partial(claim, 100)),
            ]
        )
        assert claim(9) == []
        store.close()
    assert found[0] == found[1]
    assert max(found[0]) < 2000


def test_a_store_without_priorities_and_labels_pays_little_for_them() -> None:
    """The look of an idle worker, and a claim that finds nothing, are what happens most often."""
    store, _ = filled(1000, FAR)
    store.claim("w", [DIGEST], limit=9, ttl_us=10**6 * SECOND)
    steps = Steps(store)
    assert steps.of(lambda: store.next_wake([DIGEST])) < 130
    assert steps.of(lambda: store.claim("w", [DIGEST], limit=9, ttl_us=SECOND)) < 130
    store.close()


def test_a_look_for_needs_costs_the_same_however_many_runs_are_due() -> None:
    found = []
    for crowd in (1200, 6000):
        store, _ = filled(crowd, a_head(status="waiting"))
        store.now.forward(3600)  # type: ignore[attr-defined]
        steps = Steps(store)
        reasons: tuple[DueNeed, ...] = ("overdue", "unserved")
        found.append([steps.of(partial(store.due_needs, one, limit=100)) for one in reasons])
        assert [len(store.due_needs(one, limit=100)) for one in reasons] == [100, 100]
        store.close()
    assert found[0] == found[1]


TRIED = '{"data":null,"entered":1,"pending":{"tries":{"seq":1,"call":"find"}}}'


def test_a_look_for_runs_that_stand_still_costs_the_same_however_many_do() -> None:
    """They rest between two attempts, have messages that wait, and need somebody."""
    found = []
    for crowd in (1200, 6000):
        store, _ = filled(crowd, a_head(status="waiting", body=TRIED).replace(needs="alarm"))
        for number in range(0, crowd, 500):
            runs = [the_run(store, f"Orders/c{n}") for n in range(number, min(number + 500, crowd))]
            store.apply([a_write(row, put=(a_message("m"), a_message("n"))) for row in runs])
        steps = Steps(store)
        looks: list[Callable[[], list[Any]]] = [
            partial(store.resting, limit=100),
            partial(store.kept_for, before=BEGIN + SECOND, limit=100),
            partial(store.runs, RunFilter(needs="alarm"), limit=100),
            partial(store.runs, RunFilter(needs="alarm"), limit=100, after="Orders/c700"),
        ]
        found.append([steps.of(look) for look in looks])
        assert [len(look()) for look in looks] == [100] * len(looks)
        store.close()
    assert found[0] == found[1]


def test_the_cost_of_many_events_of_one_run_is_linear_and_reading_them_is_one_scan() -> None:
    store, _ = filled(2, ENDED)
    steps = Steps(store)
    taken = []
    for number in range(300):
        row = the_run(store, "Orders/it")
        taken.append(
            steps.of(
                lambda row=row, n=number: store.apply([a_write(row, records=1, put=(a_message(f"n{n}"),))])
            )
        )  # type: ignore[misc]
    assert max(taken) <= min(taken) + 10
    few, many = steps.of(lambda: store.waiting("Orders/it")), steps.of(lambda: store.inbox("Orders/it"))
    assert few < 301 * 10
    assert many < 301 * 40
    store.close()
