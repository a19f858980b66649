"""Reach an event loop from other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


def call_in(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Call a function in a loop soon, from any thread. After the loop has ended, do nothing."""
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(function)
