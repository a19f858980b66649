"""The pytest plugin: the fixture `opord_world`. Pytest finds it once Opord is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opord.testing.world import World


@pytest.fixture
def opord_world() -> Iterator[World]:
    """A world of its own for each test, in virtual time. At its end every journal is verified."""
    from opord.testing.world import World

    world = World()
    try:
        yield world
        world.close()
    finally:
        world.discard()
