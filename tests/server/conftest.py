"""The contract of these tests, loaded once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.kit import load_refund


@pytest.fixture(scope="session")
def refund(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The contract `Refund`."""
    return load_refund(tmp_path_factory.mktemp("refund"))
