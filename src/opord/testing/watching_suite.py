"""What a store must do for observers: report changes by others, and count its runs."""

from __future__ import annotations

import threading

from opord.stores.base import Applied, Store
from opord.testing.store_rows import SECOND, OpenHandle, a_write, started
from opord.values.types import RunId


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

    def test_a_listener_is_called_when_another_handle_writes(
        self, store: Store, open_handle: OpenHandle
    ) -> None:
        other, called = open_handle(), threading.Event()
        row = started(store)
        stop = store.listen(called.set)
        if stop is None:
            return
        store.apply([a_write(row)])
        assert not called.is_set(), "nobody else has written"
        other.heartbeat("w", [], ttl_us=SECOND)
        assert called.wait(5)
        stop()
        called.clear()
        other.heartbeat("w", [], ttl_us=SECOND)
        assert not called.wait(0.05), "it listens no more"
        stop()

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
