"""Wake somebody on the event loop when another process has made work, and limit the sleep.

Where the store has a bell, sleeps are long: looking at the store only catches rings that were lost.
Without a bell, looks come quickly after one that found something, and then at longer intervals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from opord.stores.base import Store
from opord.stores.bell import Bell, Ring

HEARD_POLL_S: Final = 1.0
"""How often a store whose bell is heard is looked at, in seconds."""

DEAF_S: Final = 60.0
"""How long rings are not relied on after one was missed, in seconds."""

SHORTEST_POLL_S: Final = 0.001
"""Without a bell, the pause after a look that found something, in seconds."""

GROWTH: Final = 1.5
"""Each pause is so many times as long as the one before, until a look finds something."""


class Hearing:
    """Calls `wake` on the event loop when the bell of a store rings."""

    def __init__(
        self, store: Store, ring: Ring, wake: Callable[[], None], *, hears: bool, poll_s: float
    ) -> None:
        """Hear a kind of ring once it is opened, if `hears` is true.

        `poll_s` is how often a store without a bell is looked at, in seconds.
        """
        self._store = store
        self._kind: Ring = ring
        self._wake = wake
        self._hears = hears
        self._poll_s = poll_s
        self._bell: Bell | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deaf_until = 0.0
        self._pause_s = poll_s

    def open(self) -> None:
        """Begin to hear, if the store has a bell and the running loop can wait for it."""
        loop = asyncio.get_running_loop()
        bell = self._store.bell(self._kind) if self._hears and self._bell is None else None
        if bell is None:
            return
        try:
            loop.add_reader(bell.fileno(), self._rung)
        except NotImplementedError:
            # The loops of asyncio and uvloop can wait for a file. Others need not: those inside an
            # editor, for virtual time, or over io_uring often cannot. The store is looked at then.
            bell.close()
            return
        self._bell, self._loop = bell, loop

    def close(self) -> None:
        """Hear no more."""
        bell, self._bell = self._bell, None
        if bell is not None and self._loop is not None:
            self._loop.remove_reader(bell.fileno())
            bell.close()

    def pause_s(self) -> float:
        """Return how long to sleep at most before the next look, in seconds."""
        if not self._hears:
            return self._poll_s
        if self._bell is not None and asyncio.get_running_loop().time() >= self._deaf_until:
            return max(HEARD_POLL_S, self._poll_s)
        pause = self._pause_s
        self._pause_s = min(self._poll_s, pause * GROWTH)
        return pause

    def found(self, *, by_looking: bool) -> None:
        """Note that a look has found something; `by_looking` says that no ring announced it."""
        self._pause_s = min(SHORTEST_POLL_S, self._poll_s)
        if by_looking and self._bell is not None:
            self._deaf_until = asyncio.get_running_loop().time() + DEAF_S

    def _rung(self) -> None:
        if self._bell is not None:
            self._bell.heard()
            self._wake()
