"""Engines in virtual time whose workers look for needs and for runs that stand still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from opord.backends.front import Engine
from opord.kernel.open_needs import OpenNeed
from tests.support.kit import Kit


def watching(kit: Kit, needs: list[OpenNeed], **options: Any) -> Engine:
    """Return an engine whose worker looks for needs."""
    engine = kit.engine(on_need=needs.append, **options)
    assert engine._environment is not None
    engine._environment.watch_needs = True
    return engine


def watched(kit: Kit, story: Callable[[], Awaitable[Any]], **options: Any) -> list[OpenNeed]:
    """Tell a story while an engine looks for needs, and return those that it was called with."""
    needs: list[OpenNeed] = []

    async def main() -> None:
        async with watching(kit, needs, **options):
            await story()

    kit.run(main())
    return needs


def sharing(kit: Kit, text: str) -> Kit:
    """Return a kit with another contract on the same store and clock."""
    other = Kit(text, lambda _: type("Handlers", (), {"look": lambda self, n: "found"})())
    other.clock, other.store, other.engines = kit.clock, kit.store, 10
    return other


async def a_minute() -> None:
    await asyncio.sleep(61)
