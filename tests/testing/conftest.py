"""A contract with all kinds of calls, and fakes that carry it to its happy end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.testing import Fakes, World
from opord.testing import world as world_module
from opord.testing.lone_store import new_store
from tests.support.postgres import shared_server
from tests.support.stores import CHOSEN

PAYOUT: Any = opord.load(Path(__file__).parent / "payout.opord")
RECEIPT = {"ref": "r1", "at": datetime(2026, 1, 1, tzinfo=UTC)}


def scripted(world: World) -> Fakes:
    """Make fakes that answer with success."""
    fakes = world.fakes(PAYOUT.Payout)
    fakes.fee.does(lambda cents: cents // 100)
    fakes.rate.returns(1.5)
    fakes.transfer.returns(**RECEIPT)
    fakes.find_transfer.looks_up(fakes.transfer)
    fakes.notify.returns()
    return fakes


@pytest.fixture(autouse=True)
def store_of_the_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every world be in PostgreSQL if the suites run there."""
    if CHOSEN == "postgres":
        url = shared_server().url()
        monkeypatch.setattr(world_module, "new_store", lambda _, now: new_store(url, now))


@pytest.fixture
def fakes(opord_world: World) -> Fakes:
    return scripted(opord_world)
