"""Ask a store that may not answer for a while, such as a server that starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from opord.stores.base import StoreMoved, StoreOtherServer, StoreUnavailable

T = TypeVar("T")

PAUSE_S = 1.0
"""How long to wait before a store is asked again, in seconds."""


class Patience:
    """Asks until the store answers, and tells once that it waits and once that it goes on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question; ask it again while the store cannot answer.

        Raises:
            StoreMoved, StoreOtherServer: what answers now may be another store.
        """
        told = False
        while True:
            try:
                answer = await question()
            except (StoreMoved, StoreOtherServer):
                raise
            except StoreUnavailable as wrong:
                if not told:
                    self._tell(f"the store does not answer: {wrong}; waiting until it does")
                told = True
                await asyncio.sleep(PAUSE_S)
            else:
                if told:
                    self._tell("the store answers again")
                return answer
