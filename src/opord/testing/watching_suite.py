"""What a store must do for observers: report changes by others, and count its runs."""

from __future__ import annotations

import threading

from opord.stores.base import Applied, Store
from opord.testing.store_rows import OpenHandle, a_head, a_message, a_write, started
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

    def test_a_listener_is_called_when_another_handle_makes_work(
        self, store: Store, open_handle: OpenHandle
    ) -> None:
        other, called = open_handle(), threading.Event()
        stop = store.listen(called.set)
        if stop is None:
            return
        for name in ("A/1", "A/2", "A/3"):  # the first may come before it listens
            started(other, name)
            if called.wait(1):
                break
        assert called.is_set()
        stop()
        called.clear()
        started(other, "A/4")
        assert not called.wait(0.05), "it listens no more"
        stop()

    def test_a_message_and_an_end_are_heard(self, store: Store, open_handle: OpenHandle) -> None:
        other, heard = open_handle(), threading.Semaphore(0)
        stop = store.listen(heard.release)
        if stop is None:
            return
        held = started(other, head=a_head(worker="w"))
        while heard.acquire(timeout=0.2):
            pass
        for write in (
            a_write(held, records=0, put=(a_message("m"),)),
            a_write(held, head=a_head(status="ended", outcome="success", wake_at=None)),
        ):
            other.apply([write])
            assert heard.acquire(timeout=5)
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
