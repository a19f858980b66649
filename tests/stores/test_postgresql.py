"""The PostgreSQL store keeps the promise, in a schema shared by several handles."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from opord.stores import open_store
from opord.stores.base import RunFilter, Store
from opord.testing.store_rows import OpenHandle, SteppedClock, started
from opord.testing.store_suite import StoreSuite
from opord.values.types import Key, RunId
from tests.support.postgres import AnyServer


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def open_handle(self, clock: SteppedClock, postgres: AnyServer) -> Iterator[OpenHandle]:
        handles: list[Store] = []
        url = postgres.url(schema=f"s_{uuid4().hex[:12]}")
        assert url.startswith("postgresql://")

        def open_handle() -> Store:
            handles.append(open_store(url, clock=clock))
            return handles[-1]

        yield open_handle
        for handle in handles:
            handle.close()

    def test_nothing_is_found_under_a_text_with_a_zero_byte(self, store: Store) -> None:
        """PostgreSQL takes no such text as a parameter, and a question is not an error."""
        started(store, "Orders/1")
        name = RunId("Orders/1\0")
        assert (store.load(name), store.tombstone(name), store.kept(name)) == (None, None, None)
        assert store.rewrite(name, lambda kept: kept) is None
        assert (store.journal(name), store.inbox(name), store.values(name)) == ([], [], [])
        assert (store.waiting(name), store.waiting_bytes(name)) == (0, 0)
        assert store.event_key(RunId("Orders/1"), "paid", Key("k\0")) is None
        assert store.used_key(RunId("Orders/1"), "charge", Key("k\0")) is None
        assert store.runs(RunFilter(), limit=5, after="Orders/1\0") == []
        for where in (RunFilter("Orders\0"), RunFilter(state="A\0"), RunFilter(texts=(("{\0",),))):
            assert store.runs(where, limit=5) == []
        assert len(store.runs(RunFilter(texts=(("\0", "{"),)), limit=5)) == 1
