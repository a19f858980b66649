"""The order contract as a program, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import opord
from opord.kernel.program import Program
from opord.loading import program_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def orders() -> Any:
    """The generated module of the order contract."""
    module: ModuleType = opord.load(GOLDEN / "order.opord")
    return module


@pytest.fixture(scope="session")
def program(orders: Any) -> Program:
    return program_of(orders.OrderFulfilment)
