"""Calls of handlers that an observer hears of."""

from __future__ import annotations

import asyncio
from typing import Any, assert_never

from opord.drive.calls import Answered, Calls, Ending, Failed, Overtaken, TookTooLong, Unexpected
from opord.drive.observing import CallEnd, Observer
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call


class ObservedCalls(Calls):
    """Calls handlers of one program, and tells `observer` how each attempt ended."""

    observer: Observer

    async def attempt(
        self, call: CallProgram, args: tuple[Any, ...], about: Call | None, **how: Any
    ) -> Ending:
        """Make one attempt; see `Calls.attempt`."""
        began = self._monotonic()
        end: CallEnd = "error"
        try:
            ending = await super().attempt(call, args, about, **how)
            end = _end_of(ending)
            return ending
        except (Overtaken, asyncio.CancelledError):
            end = "cancelled"
            raise
        finally:
            took_s = self._monotonic() - began
            self.observer.called(self.program.name, call.declaration.name, end, took_s)


def _end_of(ending: Ending) -> CallEnd:
    match ending:
        case Answered():
            return "ok"
        case Failed():
            return "failed"
        case TookTooLong():
            return "timed_out"
        case Unexpected():
            return "error"
        case _:
            assert_never(ending)
