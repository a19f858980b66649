"""The contract of these tests, loaded once, and a store of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.server.kit import load_refund
from tests.support.postgres import AnyServer


@pytest.fixture(scope="session")
def refund(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The contract `Refund`."""
    return load_refund(tmp_path_factory.mktemp("refund"))


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new store, in a file and in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/runs.db"
        return
    postgres: AnyServer = request.getfixturevalue("postgres")
    schema = f"s_{uuid4().hex[:12]}"
    yield postgres.url(schema=schema)
    postgres.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
