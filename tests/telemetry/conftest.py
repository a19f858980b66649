"""The contract of these tests, loaded once."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from tests.telemetry.kit import PARCEL


@pytest.fixture(scope="session")
def parcel(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module of the contract `Parcel`."""
    file = tmp_path_factory.mktemp("parcel") / "parcel.opord"
    file.write_text(PARCEL)
    return opord.load(file)
