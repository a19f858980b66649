"""Call handlers: check their form, limit their time, and classify how each call ends."""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeAlias

import msgspec

from opord.contract import Action, Effect
from opord.drive.purity import NotPure, call_watched, install
from opord.drive.wrong_answers import describe_error, wrong_error, wrong_failure, wrong_result
from opord.generated.handlers import handler_names
from opord.kernel.program import CallProgram, Program
from opord.kernel.requests import Call
from opord.values.canonical import dumps, encode
from opord.values.failure import Failure
from opord.values.guard import LIMIT_BYTES, check_size


class Handler(NamedTuple):
    """A handler as found on the user's object."""

    function: Callable[..., Any]
    wants_call: bool
    is_async: bool


class Answered(msgspec.Struct, frozen=True):
    """The call ended with a result of the declared type.

    `rest` is the result in rest form, and `text` is the rest form as canonical JSON.
    """

    value: Any
    ms: float
    rest: Any = None
    text: bytes = b"null"


class Failed(msgspec.Struct, frozen=True):
    """The call ended with a declared failure."""

    failure: Failure
    ms: float


class TookTooLong(msgspec.Struct, frozen=True):
    """The call was given up after its timeout.

    `limit` is true if the worker's call limit ended it.
    """

    after_s: float
    limit: bool


class Unexpected(msgspec.Struct, frozen=True):
    """The handler raised something undeclared, or returned something that does not fit."""

    error: BaseException
    ms: float


Undeclared: TypeAlias = TookTooLong | Unexpected
"""An ending that does not say whether the call took effect."""

Ending: TypeAlias = Answered | Failed | Undeclared


def bind_handlers(program: Program, target: Any) -> dict[str, Handler]:
    """Find the handler of each call on the user's object, which `check_handlers` has approved."""
    handlers = {}
    for name, form in handler_names(program).items():
        function = getattr(target, form)
        call = program.calls[name]
        wants_call = call.kind == "action" or "call" in inspect.signature(function).parameters
        handlers[name] = Handler(function, wants_call, inspect.iscoroutinefunction(function))
    return handlers


@types.coroutine
def _rest_of(running: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Await a coroutine whose first step has been taken; `waits_for` is what it yielded."""
    try:
        while True:
            try:
                value = yield waits_for
            except BaseException as error:
                waits_for = running.throw(error)
            else:
                waits_for = running.send(value)
    except StopIteration as end:
        return end.value


class Calls:
    """Calls handlers of one program, coroutines in place and others on threads."""

    def __init__(
        self,
        program: Program,
        handlers: Mapping[str, Handler],
        *,
        threads: Executor | None,
        slots: asyncio.Semaphore,
        limit_s: float,
        monotonic: Callable[[], float],
        watch_pure: Callable[[NotPure], None] | None = None,
    ) -> None:
        if watch_pure is not None:
            install()
        self._watch_pure = watch_pure
        self.program = program
        self._handlers = handlers
        self._threads = threads
        self._slots = slots
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._limits = {call.declaration.name: self._limit(call) for call in program.calls.values()}

    def pure(self, call: CallProgram, args: tuple[Any, ...]) -> Any:
        """Call a `pure` on this thread.

        An exception of the handler, or a result that does not fit, is raised to the caller.
        """
        function = self._handlers[call.declaration.name].function
        if not call.args.fixed:
            args = call.args.copy(args)
        if self._watch_pure is None:
            value = function(*args)
        else:
            try:
                value = call_watched(call.declaration.name, function, args)
            except NotPure as caught:
                self._watch_pure(caught)
                raise
        if call.result is None:
            return None
        try:
            return call.result.accept(value)
        except Exception as error:
            raise wrong_result(call, value, error) from None

    def describe(self, call: CallProgram, error: BaseException) -> dict[str, Any]:
        """Describe what the handler of a call raised, or did wrong, for a record."""
        explained = wrong_error(self.program, call, error)
        return describe_error(call, self._handlers[call.declaration.name].function, explained)

    def wants_call(self, call: CallProgram) -> bool:
        """Say whether the handler takes the argument `call`."""
        return self._handlers[call.declaration.name].wants_call

    def time_limit(self, call: CallProgram) -> tuple[float, bool]:
        """Return an attempt's time limit in seconds, and whether it is the worker's limit."""
        return self._limits[call.declaration.name]

    def _limit(self, call: CallProgram) -> tuple[float, bool]:
        declaration = call.declaration
        timeout = declaration.timeout if isinstance(declaration, Effect | Action) else None
        if timeout is None:
            return self._limit_s, True
        return timeout.total_seconds(), False

    async def attempt(
        self,
        call: CallProgram,
        args: tuple[Any, ...],
        about: Call | None,
        *,
        late: Callable[[Ending], None] | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
        entering: Callable[[], None] | None = None,
    ) -> Ending:
        """Make one attempt and return how it ended.

        Raises only if the caller itself is cancelled, and what `ready` raises: it is awaited if the
        call had to wait for a thread. `entering` is called just before the handler is entered.
        `late` gets the ending of a call that was given up while it still ran on a thread.
        """
        handler = self._handlers[call.declaration.name]
        on_thread = not handler.is_async and self._threads is not None
        if on_thread:
            # Before the time limit begins: waiting for a thread is not part of the attempt.
            await self._take_slot(ready)
        seconds, limited = self.time_limit(call)
        began = self._monotonic()
        kwargs = {"call": about} if handler.wants_call else {}
        if not call.args.fixed:
            args = call.args.copy(args)  # the run keeps its own copy; a handler may change this one
        scope: asyncio.Timeout | None = None
        if entering is not None:
            entering()
        try:
            if handler.is_async:
                running = handler.function(*args, **kwargs)
                # A handler that answers without waiting for anything needs no timer.
                try:
                    waits_for = running.send(None)
                except StopIteration as end:
                    return self._returned(call, end.value, began)
                async with asyncio.timeout(seconds) as scope:
                    value = await _rest_of(running, waits_for)
            else:
                async with asyncio.timeout(None) as scope:
                    value = await self._on_thread(call, handler, args, kwargs, scope, seconds, late)
        except TimeoutError as error:
            if scope is not None and scope.expired():
                return TookTooLong(seconds, limited)
            return Unexpected(error, self._since(began))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return Unexpected(error, self._since(began))
        except BaseException as error:
            ending = self._raised(call, error, began)
            # An exception that the cancellation caused says only that the call was cut off.
            given_up = scope is not None and scope.expired() and isinstance(ending, Unexpected)
            return TookTooLong(seconds, limited) if given_up else ending
        return self._returned(call, value, began)

    async def _take_slot(self, ready: Callable[[], Awaitable[None]] | None) -> None:
        """Wait for a thread, and for `ready` if that took time."""
        waited = self._slots.locked()
        await self._slots.acquire()
        if not waited or ready is None:
            return
        try:
            await ready()
        except BaseException:
            self._slots.release()
            raise

    async def _on_thread(
        self,
        call: CallProgram,
        handler: Handler,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        scope: asyncio.Timeout,
        seconds: float,
        late: Callable[[Ending], None] | None,
    ) -> Any:
        loop = asyncio.get_running_loop()
        if self._threads is None:
            scope.reschedule(loop.time() + seconds)
            value = handler.function(*args, **kwargs)
            return await value if isinstance(value, Awaitable) else value
        began = self._monotonic()
        scope.reschedule(loop.time() + seconds)
        running = loop.run_in_executor(self._threads, lambda: _on_this_thread(handler, args, kwargs))
        running.add_done_callback(lambda _: self._slots.release())
        try:
            value = await asyncio.shield(running)
        except asyncio.CancelledError:
            if not running.done():
                running.add_done_callback(lambda done: self._came_late(call, done, began, late))
            raise
        return await value if inspect.isawaitable(value) else value

    def _came_late(
        self,
        call: CallProgram,
        future: asyncio.Future[Any],
        began: float,
        late: Callable[[Ending], None] | None,
    ) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if late is None:
            return
        late(
            self._raised(call, error, began)
            if error is not None
            else self._returned(call, future.result(), began)
        )

    def _returned(self, call: CallProgram, value: Any, began: float) -> Ending:
        try:
            if call.result is None:
                if value is not None:
                    raise TypeError("a result where the contract has none")
                return Answered(None, self._since(began))
            accepted = call.result.accept(value)
            # User code may return a value that cannot be stored, or one that is too large.
            rest = call.result.dump(accepted)
            text = encode(rest)
            if len(text) > LIMIT_BYTES:
                check_size(text, what=f"the result of {call.declaration.name}")
            return Answered(accepted, self._since(began), rest, text)
        except Exception as error:
            return Unexpected(wrong_result(call, value, error), self._since(began))

    def _raised(self, call: CallProgram, error: BaseException, began: float) -> Ending:
        if isinstance(error, _NotForFutures):
            error = error.raised
        if isinstance(error, Failure) and error.opord_type in call.fails:
            try:
                # A copy, of this program's class: the code that raised it may still change its
                # lists, and may know it from another module of the contract.
                failure = call.failure.accept(error)
                text = dumps(call.failure.dump(failure))
                check_size(text, what=f"the failure {error.opord_type} of {call.declaration.name}")
            except Exception as misfit:
                wrong = wrong_failure(self.program, call, error, misfit)
                return Unexpected(wrong, self._since(began))
            return Failed(failure, self._since(began))
        return Unexpected(error, self._since(began))

    def _since(self, began: float) -> float:
        return round((self._monotonic() - began) * 1000, 1)


class _NotForFutures(Exception):
    """Carries an exception that a future cannot carry, or that would end the awaiting task."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__()
        self.raised = raised


def _on_this_thread(handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return handler.function(*args, **kwargs)
    except (StopIteration, GeneratorExit) as error:
        raise _NotForFutures(error) from None
