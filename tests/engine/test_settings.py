"""The settings of an engine: durations and counts without meaning are refused at once."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

import opord
from opord.engine.reaper import LONGEST_LEASE_S, LONGEST_LEASE_US
from opord.stores.base import StoreMissing


@pytest.mark.parametrize("lease_s", [0, -1, math.nan, math.inf, 600.1, 1e300])
def test_a_lease_longer_than_the_limit_is_refused(lease_s: float) -> None:
    with pytest.raises(ValueError, match="expected lease_s above 0 and at most 600, got: "):
        opord.Engine("sqlite:///never-made.db", lease_s=lease_s)


def test_the_longest_lease_is_accepted() -> None:
    assert (LONGEST_LEASE_S, LONGEST_LEASE_US) == (600, 600_000_000)
    opord.Engine("sqlite:///never-made.db", lease_s=LONGEST_LEASE_S)


@pytest.mark.parametrize(("call_limit_s", "concurrency"), [(0, 1), (math.nan, 1), (1, 0)])
def test_a_limit_of_zero_is_refused(call_limit_s: float, concurrency: int) -> None:
    with pytest.raises(
        ValueError, match="expected call_limit_s above 0 and concurrency of at least 1, got: "
    ):
        opord.Engine("sqlite:///never-made.db", call_limit_s=call_limit_s, concurrency=concurrency)


def test_an_engine_makes_a_store_unless_create_is_false(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/orders.db"

    async def opened(*, create: bool) -> None:
        async with opord.Engine(url, create=create):
            pass

    with pytest.raises(StoreMissing, match=rf"there is no store at {url} \(.*\): there is no such file"):
        asyncio.run(opened(create=False))
    assert list(tmp_path.iterdir()) == []
    asyncio.run(opened(create=True))
    asyncio.run(opened(create=False))
