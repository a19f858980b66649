"""The store of plain dicts keeps the promise, so the promise does not depend on one database."""

from __future__ import annotations

import pytest

from opord.stores.memory import MemoryStore
from opord.testing.store_rows import OpenHandle, SteppedClock
from opord.testing.store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def open_handle(self, clock: SteppedClock) -> OpenHandle:
        return MemoryStore(clock).another
