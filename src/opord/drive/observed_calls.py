"""Calls of handlers that an observer hears of, and of which spans are made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any, assert_never

import msgspec

from opord.drive.calls import Answered, Calls, Ending, Failed, Overtaken, TookTooLong, Unexpected
from opord.drive.observing import CallEnd, Observer
from opord.drive.traces import Spans, fails, traceparent_of
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call
from opord.values.types import RunId


class ObservedCalls(Calls):
    """Calls handlers of one program, and tells `observer`, if any, how each attempt ended."""

    observer: Observer | None = None

    async def attempt(
        self, call: CallProgram, args: tuple[Any, ...], about: Call | None, **how: Any
    ) -> Ending:
        """Make one attempt; see `Calls.attempt`."""
        began = self._monotonic()
        end: CallEnd = "error"
        try:
            ending = await self._observed(call, args, about, **how)
            end = _end_of(ending)
            return ending
        except (Overtaken, asyncio.CancelledError):
            end = "cancelled"
            raise
        finally:
            if self.observer is not None:
                took_s = self._monotonic() - began
                self.observer.called(self.program.name, call.declaration.name, end, took_s)

    async def _observed(
        self, call: CallProgram, args: tuple[Any, ...], about: Call | None, **how: Any
    ) -> Ending:
        return await super().attempt(call, args, about, **how)


class TracedCalls(ObservedCalls):
    """Calls handlers of one program, each attempt in a span that is current for the handler."""

    spans: Spans

    async def _observed(
        self,
        call: CallProgram,
        args: tuple[Any, ...],
        about: Call | None,
        *,
        run: RunId | None = None,
        connect: Callable[[], Awaitable[Call]] | None = None,
        **how: Any,
    ) -> Ending:
        name, attempt = call.declaration.name, None if about is None else about.attempt
        with self.spans.call(run or RunId(""), self.program.name, name, attempt) as span:
            own = traceparent_of(span)
            connected = None if connect is None else _connecting(connect, own)
            if about is not None:
                about = _within(about, own)
            end: CallEnd = "error"
            try:
                ending = await Calls.attempt(self, call, args, about, run=run, connect=connected, **how)
                end = _end_of(ending)
                return ending
            except (Overtaken, asyncio.CancelledError):
                end = "cancelled"
                raise
            finally:
                if end != "ok":
                    fails(span, end)

    async def _on_thread(self, threads: Executor, attempt: Any, job: Callable[[], Any]) -> Any:
        """Call a plain handler on a thread, where the span is the current one too."""
        context = copy_context()
        return await super()._on_thread(threads, attempt, lambda: context.run(job))


def _connecting(connect: Callable[[], Awaitable[Call]], traceparent: str) -> Callable[[], Awaitable[Call]]:
    async def connected() -> Call:
        return _within(await connect(), traceparent)

    return connected


def _within(about: Call, traceparent: str) -> Call:
    """Return what a handler may know of its call, which belongs to the trace of its span."""
    return msgspec.structs.replace(about, traceparent=traceparent or about.traceparent)


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
