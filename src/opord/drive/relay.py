"""Carry a flight in a task, and go on in another task if a handler keeps the first one.

A coroutine can refuse to be cancelled, and what it began belongs to the task in which it began: its
time limits, its scopes, its context. So while a handler waits for something, the task is the
handler's. If the handler is given up and does not end at once, it keeps the task, and the flight
goes on in a new one.

A handler that answers without waiting costs no task and no turn of the loop.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Literal, TypeAlias

import msgspec

from opord.drive import children

log: logging.Logger = logging.getLogger("opord.worker")

GRACE_TURNS: Final = 20
"""How many turns of the loop a handler has to end after it was cancelled.

A cancellation takes some turns for each task that a handler waits for. A limit in seconds would be
added to the time limit of the call.
"""

Withdrawal: TypeAlias = Literal["limit", "timer", "cancelled"]
"""Why a call is given up: its limit, a timer of its phase, or the flight itself is cancelled."""


class Returned(msgspec.Struct, frozen=True):
    """The handler returned a value."""

    value: Any


class Raised(msgspec.Struct, frozen=True):
    """The handler raised an exception. `withdrawn` is why it had been cancelled, if it had been."""

    error: BaseException
    withdrawn: Withdrawal | None = None


class GivenUp(msgspec.Struct, frozen=True):
    """The handler did not end when it was cancelled."""

    withdrawn: Withdrawal


HandlerEnd: TypeAlias = Returned | Raised | GivenUp


class Waiting:
    """A handler that has taken its first step and waits for something.

    `limit_s` is the time limit of the call in seconds, and `timer_at` when a timer of the phase is
    due by the loop's clock. `left` is called if the handler is given up, with the task that it
    keeps. It returns a function that is called when the handler ends at last. `strays` is how often
    the handler cancelled its own task, and did not take that back.
    """

    __slots__ = ("left", "limit_s", "on_late", "running", "strays", "timer_at", "waits_for", "withdrawn")

    def __init__(
        self,
        running: Coroutine[Any, Any, Any],
        waits_for: Any,
        *,
        limit_s: float,
        timer_at: float | None,
        left: Callable[[asyncio.Task[Any]], Callable[[HandlerEnd], None]],
        strays: int = 0,
    ) -> None:
        self.running: Coroutine[Any, Any, Any] = running
        self.waits_for: Any = waits_for
        self.limit_s: float = limit_s
        self.timer_at: float | None = timer_at
        self.left: Callable[[asyncio.Task[Any]], Callable[[HandlerEnd], None]] = left
        self.strays: int = strays
        self.withdrawn: Withdrawal | None = None
        self.on_late: Callable[[HandlerEnd], None] | None = None


@types.coroutine
def end_of(waiting: Waiting) -> Generator[Waiting, HandlerEnd, HandlerEnd]:
    """Hand a handler to the relay that carries this flight, and return how it ended."""
    return (yield waiting)


_NEW_TASK: Final = object()


@types.coroutine
def in_a_new_task() -> Generator[object, None, None]:
    """Go on in a new task: a handler has cancelled the present one, and did not take that back."""
    yield _NEW_TASK


class Relay:
    """Carries a coroutine in one task after the other. `task` is the present or last one."""

    __slots__ = ("_ended", "_loop", "_made_in", "_on_end", "_waiting", "_work", "over", "task")

    def __init__(self, work: Coroutine[Any, Any, Any], *, on_end: Callable[[], None] | None = None) -> None:
        """Begin to carry `work`. Needs a running event loop.

        `on_end` is called when it has ended.
        """
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._on_end = on_end
        self._waiting: Waiting | None = None
        self._made_in = children.generation
        self._ended: asyncio.Future[None] | None = None
        self.over: bool = False
        self.task: asyncio.Task[Any] = self._start(None)

    def cancel(self) -> None:
        """Cancel the work. A handler that does not end at once is given up."""
        if self._waiting is not None:
            self._withdraw(self._waiting, "cancelled")
        else:
            self.task.cancel()

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done once the work is over."""
        if self._ended is None:
            self._ended = self._loop.create_future()
            if self.over:
                self._ended.set_result(None)
        return self._ended

    def _start(self, end: HandlerEnd | None) -> asyncio.Task[Any]:
        task = self._loop.create_task(self._carry(end))
        task.add_done_callback(self._task_done)
        return task

    async def _carry(self, end: HandlerEnd | None) -> Any:
        return await self._steps(end)

    @types.coroutine
    def _steps(self, value: Any) -> Generator[Any, Any, Any]:
        """Take the steps of the work in this task, until it ends or a handler keeps the task."""
        work = self._work
        error: BaseException | None = None
        while True:
            try:
                request = work.send(value) if error is None else work.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            if request is _NEW_TASK:
                self.task = self._start(None)
                return None
            if type(request) is Waiting:
                value = yield from self._run_handler(request)
                if request.on_late is not None:
                    request.on_late(value)
                    return None
                if request.strays > 0:
                    self.task = self._start(value)
                    return None
                continue
            try:
                value = yield request
            except GeneratorExit:
                work.close()
                raise
            except BaseException as raised:
                error = raised

    def _run_handler(self, waiting: Waiting) -> Generator[Any, Any, HandlerEnd]:
        """Take the steps of a handler until it ends."""
        running, waits_for = waiting.running, waiting.waits_for
        task = self.task
        limit_at, timer_at = self._loop.time() + waiting.limit_s, waiting.timer_at
        if timer_at is not None and timer_at < limit_at:
            timer = self._loop.call_at(timer_at, self._withdraw, waiting, "timer")
        else:
            timer = self._loop.call_at(limit_at, self._withdraw, waiting, "limit")
        self._waiting = waiting
        step: Callable[[Any], Any]
        end: HandlerEnd
        try:
            while True:
                try:
                    reply = yield waits_for
                    step = running.send
                except GeneratorExit:  # this task is dropped, and nobody takes a further step
                    running.close()
                    raise
                except BaseException as raised:
                    # Its frames are to be the handler's alone.
                    step, reply = running.throw, raised.with_traceback(None)
                self._check_process()
                cancelled = task.cancelling()
                try:
                    waits_for = step(reply)
                except StopIteration as stop:
                    end = Returned(stop.value)
                except BaseException as error:
                    self._check_process(error)
                    end = Raised(error, waiting.withdrawn)
                else:
                    self._check_process()
                    waiting.strays = max(0, waiting.strays + task.cancelling() - cancelled)
                    continue
                waiting.strays = max(0, waiting.strays + task.cancelling() - cancelled)
                self._check_process()
                break
        finally:
            timer.cancel()
            if self._waiting is waiting:
                self._waiting = None
        if (
            isinstance(end, Raised)
            and end.withdrawn is None
            and issubclass(type(end.error), asyncio.CancelledError)
            and task.cancelling() > waiting.strays
        ):
            end = Raised(end.error, "cancelled")  # by somebody who knows this task
        if waiting.on_late is None and waiting.withdrawn is not None:
            task.uncancel()
        return end

    def _check_process(self, error: BaseException | None = None) -> None:
        """End a child that a handler forked: nothing of the worker's happens in it."""
        if children.generation != self._made_in:
            children.end_child(error)

    def _withdraw(self, waiting: Waiting, why: Withdrawal) -> None:
        """Cancel a handler, and give it up if it does not end within some turns of the loop."""
        if self._waiting is not waiting:
            return
        if waiting.withdrawn is None:
            waiting.withdrawn = why
            self.task.cancel()
            self._loop.call_soon(self._give_up, waiting, GRACE_TURNS)
        elif why == "cancelled":
            waiting.withdrawn = why

    def _give_up(self, waiting: Waiting, turns: int) -> None:
        if self._waiting is not waiting or waiting.withdrawn is None:
            return
        if turns > 0:
            self._loop.call_soon(self._give_up, waiting, turns - 1)
            return
        self._waiting = None
        waiting.on_late = waiting.left(self.task)
        self.task = self._start(GivenUp(waiting.withdrawn))

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        if task is not self.task:
            return  # a handler kept it
        self._work.close()  # it may never have begun
        self.over = True
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        if (on_end := self._on_end) is not None:
            self._on_end = None  # it knows who knows this relay, and garbage in circles is dear
            if not task.cancelled() and (error := task.exception()) is not None:
                log.critical("a worker's work on a run was broken off", exc_info=error)
            on_end()


async def carried(work: Coroutine[Any, Any, Any]) -> Any:
    """Carry a coroutine that calls handlers to its end, and return its result."""
    relay = Relay(work)
    try:
        await relay.ended
    except asyncio.CancelledError:
        relay.cancel()
        raise
    return relay.task.result()
