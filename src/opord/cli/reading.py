"""Reading runs from a store: without a worker or a key, and without creating the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from opord.backends.shown import Shown

T = TypeVar("T")


def on_reader(url: str, job: Callable[[Shown], Awaitable[T]]) -> T:
    """Open the store that a URL names, do a job with its runs as they are shown, and close it.

    Raises:
        StoreError: it cannot be reached.
    """
    import asyncio

    async def main() -> T:
        from opord.backends.opening import open_backend
        from opord.backends.shown import Shown

        async with open_backend(url) as backend:
            return await job(Shown(backend))

    return asyncio.run(main())
