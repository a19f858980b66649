"""Open the engine of a worker or a server, and wait for a store whose server is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opord.backends.front import Engine

log: logging.Logger = logging.getLogger("opord.worker")

OPENING_S: Final = 1.0
"""After an order to stop: how long to wait for a store that is still being opened, in seconds."""

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 2.0

MOVED_S, LOOK_S = 10.0, 0.5
"""How long a store's file is waited for until it is put back, and how often to look, in seconds."""

SAY_AGAIN_S: Final = 60.0
"""How often the log says that the worker waits for its store, in seconds."""


async def open_engine(
    make: Callable[[], Engine], stop: asyncio.Task[Any], wait_s: float, who: str = "worker"
) -> Engine | None:
    """Return an engine that is open; None if the process was told to stop first.

    A store whose server is away is waited for, at most `wait_s` seconds; infinity waits for ever.
    `who` names the process in the log.
    """
    from opord.backends.opening import may_come_back

    began, pause, say_at = time.monotonic(), FIRST_PAUSE_S, 0.0
    while True:
        engine = make()
        if say_at:
            engine.on_open = _saying(began, engine.on_open)
        try:
            is_open = await _opened(engine, stop)
        except Exception as error:
            now = time.monotonic()
            if not may_come_back(error) or now - began >= wait_s:
                raise
            if now >= say_at:
                log.warning("%s; the %s waits for the store", error, who)
                say_at = now + SAY_AGAIN_S
        else:
            return engine if is_open else None
        await asyncio.wait({stop}, timeout=pause)
        if stop.done():
            return None
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def until_moved(engine: Engine) -> None:
    """Return once a file of the store has been moved, deleted or replaced for some time."""
    while engine.writer.moved is None or time.perf_counter() - engine.writer.moved_at < MOVED_S:  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)


def _saying(began: float, then: Callable[[], None] | None) -> Callable[[], None]:
    """Return a function that says that the store answers, and then calls `then`."""

    def said() -> None:
        log.warning("the store answers, after %.0f s", time.monotonic() - began)
        if then is not None:
            then()

    return said


async def _opened(engine: Engine, stop: asyncio.Task[Any]) -> bool:
    """Open the engine, unless the process is told to stop first. Return whether it is open."""
    opening = asyncio.create_task(engine.__aenter__())
    await asyncio.wait({opening, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        opening.cancel()
        await asyncio.wait({opening}, timeout=OPENING_S)
    if not opening.done() or opening.cancelled():
        return False
    opening.result()
    return True
