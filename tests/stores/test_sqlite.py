"""The SQLite store keeps the promise, in a file shared by several handles and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opord.stores import open_store
from opord.stores.base import Store
from opord.testing.store_rows import OpenHandle, SteppedClock
from opord.testing.store_suite import StoreSuite


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    def open_handle(self, clock: SteppedClock, tmp_path: Path) -> Iterator[OpenHandle]:
        handles: list[Store] = []

        def open_handle() -> Store:
            handles.append(open_store(f"sqlite:///{tmp_path}/runs.db", clock=clock))
            return handles[-1]

        yield open_handle
        for handle in handles:
            handle.close()
