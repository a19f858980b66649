"""What a store must do for observers: report changes by others, and count its runs."""

from __future__ import annotations

import select
from typing import get_args

import pytest

from opord.stores.base import Applied, Progress, RunRow, Store, Write
from opord.stores.bell import Bell, Ring
from opord.testing.store_rows import REFUNDS, OpenHandle, a_head, a_message, a_write, started
from opord.values.types import START_OF_TIME, Instant, RunId


class WatchingSuite:
    """The promise about watching as tests; part of `StoreSuite`, which provides the fixtures."""

    def test_the_number_of_changes_moves_when_another_handle_writes(
        self, store: Store, open_handle: OpenHandle
    ) -> None:
        other = open_handle()
        row = started(store)
        before = store.changes()
        assert store.changes() == before
        other.apply([a_write(row)])
        assert store.changes() != before

    def test_the_number_of_changes_stays_when_only_this_handle_writes(self, store: Store) -> None:
        before = store.changes()
        started(store)
        assert store.changes() == before

    @pytest.mark.parametrize("ring", get_args(Ring))
    def test_a_bell_rings_for_what_another_handle_does(
        self, ring: Ring, store: Store, open_handle: OpenHandle
    ) -> None:
        other, bell = open_handle(), store.bell(ring)
        if bell is None:
            return
        try:
            _wait_until_it_hears(bell, other)
            held = [started(other, f"A/{n}", head=a_head(worker="w")) for n in range(3)]
            if ring == "end":
                other.apply([_an_end(held[0])])
                assert _rings(bell)
                return
            other.apply([a_write(held[1], records=0, put=(a_message("m"),))])
            assert _rings(bell), "a message"
            other.release("w", [(held[2].run, held[2].epoch)])
            assert _rings(bell), "a run that was given back"
            started(other, "A/due")
            assert _rings(bell), "a run that is due"
        finally:
            bell.close()

    def test_a_closed_bell_rings_no_more(self, store: Store, open_handle: OpenHandle) -> None:
        bell = store.bell("work")
        if bell is None:
            return
        bell.close()
        bell.close()
        started(open_handle())
        bell.heard()
        assert bell.fileno() == -1

    def test_the_ends_are_told_of_those_runs_that_have_ended(self, store: Store) -> None:
        ended, live = started(store, "A/1"), started(store, "A/2")
        store.apply([_an_end(ended)])
        found = store.ends([ended.run, live.run, RunId("A/3"), RunId("A/\0")])
        assert dict(found) == {ended.run: store.load(ended.run), "A/3": None, "A/\0": None}
        assert store.ends([]) == []

    def test_where_runs_are_is_told_of_those_that_exist(self, store: Store) -> None:
        one, other = started(store, "A/1"), started(store, "A/2")
        store.apply([_an_end(other)])
        found = store.progress([one.run, other.run, RunId("A/3"), RunId("A/\0")])
        rows = [row for row in (store.load(one.run), store.load(other.run)) if row is not None]
        assert sorted(found) == [Progress(row.run, row.seq, row.arrivals, row.head.status) for row in rows]
        assert store.progress([]) == []

    def test_moves_are_the_newest_records_since_an_instant(self, store: Store) -> None:
        first = started(store, "A/1")
        store.apply([_an_end(first)])
        started(store, "A/2")
        every = store.moves(START_OF_TIME, limit=100)
        assert sorted((one.run, one.seq) for one in every) == sorted(
            (RunId(run), record.seq) for run in ("A/1", "A/2") for record in store.journal(RunId(run))
        )
        assert [one.at for one in every] == sorted(one.at for one in every)
        (newest,) = store.moves(START_OF_TIME, limit=1)
        assert newest in every
        assert store.moves(Instant(every[-1].at + 1), limit=100) == []

    def test_runs_are_counted_by_their_status(self, store: Store) -> None:
        assert sum(store.counts().values()) == 0
        for name in ("A/1", "A/2", "A/3"):
            started(store, name)
        assert {status: count for status, count in store.counts().items() if count} == {"running": 3}
        row = store.load(RunId("A/1"))
        assert row is not None
        waiting = a_write(row, head=row.head.replace(status="waiting", wake_at=None))
        assert isinstance(store.apply([waiting])[0], Applied)
        assert {status: count for status, count in store.counts().items() if count} == {
            "running": 2,
            "waiting": 1,
        }

    def test_runs_are_tallied_by_contract_status_and_needs(self, store: Store) -> None:
        assert not any([*store.tally().statuses.values(), *store.tally().needs.values()])
        started(store, "a")
        started(store, "b", head=a_head(status="waiting", wake_at=None))
        started(store, "c", head=a_head(status="stalled", wake_at=None, needs="stalled"))
        started(store, "d", head=a_head(status="in_doubt", wake_at=None, needs="doubt alarm"))
        for name in ("e", "f"):
            ended = a_head(state="T", status="ended", outcome="success", wake_at=None)
            started(store, name, head=ended, contract=REFUNDS)
        ended = a_head(state="T", status="ended", outcome="success", wake_at=None, needs="alarm")
        started(store, "g", head=ended, contract=REFUNDS)
        tally = store.tally()
        assert {key: runs for key, runs in tally.statuses.items() if runs} == {
            ("Orders", "running"): 1,
            ("Orders", "waiting"): 1,
            ("Orders", "stalled"): 1,
            ("Orders", "in_doubt"): 1,
            ("Refunds", "ended"): 3,
        }
        assert {key: runs for key, runs in tally.needs.items() if runs} == {
            ("Orders", "stalled"): 1,
            ("Orders", "doubt"): 1,
            ("Orders", "alarm"): 1,
            ("Refunds", "alarm"): 1,
        }


def _an_end(row: RunRow) -> Write:
    return a_write(row, head=a_head(status="ended", outcome="success", wake_at=None))


def _rings(bell: Bell, wait_s: float = 10.0) -> bool:
    """Say whether a bell has rung, or does so in some time; take in what has rung."""
    ready, _, _ = select.select([bell.fileno()], [], [], wait_s)
    bell.heard()
    return bool(ready)


def _wait_until_it_hears(bell: Bell, other: Store) -> None:
    """Let another handle ring until it is heard. A server may take a moment until it listens."""
    for n in range(100):
        row = started(other, f"A/before-{n}")
        other.apply([_an_end(row)])
        if _rings(bell, wait_s=0.1):
            return
    raise AssertionError("it does not ring")
