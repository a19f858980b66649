"""The PostgreSQL store keeps the promise, in a schema shared by several handles."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from opord.stores import open_store
from opord.stores.base import Store
from opord.testing.store_rows import OpenHandle, SteppedClock
from opord.testing.store_suite import StoreSuite
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
