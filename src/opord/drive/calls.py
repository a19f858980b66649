"""Call handlers: check their form, limit their time, and classify how each call ends."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeAlias, assert_never, cast

import msgspec

from opord.contract import TRANSACTION_LIMIT, Action, Effect
from opord.drive import children
from opord.drive.held_calls import CallLeft, HeldCalls
from opord.drive.purity import NotPure, call_watched, install
from opord.drive.relay import GivenUp, HandlerEnd, Raised, Returned, Waiting, end_of, in_a_new_task
from opord.drive.traces import Spans
from opord.drive.wrong_answers import (
    WrongAnswer,
    describe_error,
    hung_at,
    wrong_error,
    wrong_failure,
    wrong_result,
)
from opord.generated.handlers import handler_names
from opord.kernel.calls_under_way import CallUnderWay
from opord.kernel.program import CallProgram, Program
from opord.kernel.requests import Call
from opord.values.canonical import dumps, encode
from opord.values.failure import Failure
from opord.values.guard import LIMIT_BYTES, check_size
from opord.values.types import RunId


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
    rest: Any = None
    text: bytes = b"null"


class Failed(msgspec.Struct, frozen=True):
    """The call ended with a declared failure."""

    failure: Failure


class TookTooLong(msgspec.Struct, frozen=True):
    """The call was given up after its timeout.

    `limit` is true if the worker's call limit ended it. `cut_off` is what the cancellation raised
    in a coroutine: its frames say where the handler hung.
    """

    after_s: float
    limit: bool
    cut_off: BaseException | None = None


class Unexpected(msgspec.Struct, frozen=True):
    """The handler raised something undeclared, or returned something that does not fit."""

    error: BaseException


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


class Overtaken(Exception):
    """A timer of the phase was due before the call ended. The call was given up."""


class _Attempt(NamedTuple):
    """An attempt under way: its call, its run, when a timer of its phase is due."""

    call: CallProgram
    run: RunId | None
    late: Callable[[Ending], None] | None
    timer_at: float | None


class Calls:
    """Calls handlers of one program, coroutines in place and others on threads.

    `spans` makes a span of each step; None makes none.
    """

    spans: Spans | None = None

    def __init__(
        self,
        program: Program,
        handlers: Mapping[str, Handler],
        *,
        threads: Executor | None,
        held: HeldCalls,
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
        self._held = held
        self._made_in = children.generation
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
        except BaseException as error:  # also code of the value runs here
            raise wrong_result(call, value, error)

    def describe(self, call: CallProgram, error: BaseException) -> dict[str, Any]:
        """Describe what the handler of a call raised, or did wrong, for a record."""
        explained = wrong_error(self.program, call, error)
        return describe_error(call, self._handlers[call.declaration.name].function, explained)

    def misfits(self, call: CallProgram, error: BaseException) -> bool:
        """Say whether a handler answered what the contract does not allow."""
        return issubclass(type(wrong_error(self.program, call, error)), WrongAnswer)

    def hung_at(self, call: CallProgram, ending: TookTooLong) -> list[dict[str, Any]]:
        """Return the frames in which a call hung that was given up; none if they are unknown."""
        return hung_at(self._handlers[call.declaration.name].function, ending.cut_off)

    def begins(self, under_way: CallUnderWay) -> None:
        """Note that a call of an effect begins, until `ends`."""
        self._held.under_way[under_way.run] = under_way

    def ends(self, run: RunId) -> None:
        """Note that the call of a run is over, if one has begun."""
        self._held.under_way.pop(run, None)

    def wants_call(self, call: CallProgram) -> bool:
        """Say whether the handler takes the argument `call`."""
        return self._handlers[call.declaration.name].wants_call

    def time_limit(self, call: CallProgram) -> tuple[float, bool]:
        """Return an attempt's time limit in seconds, and whether it is the worker's limit."""
        return self._limits[call.declaration.name]

    def _limit(self, call: CallProgram) -> tuple[float, bool]:
        declaration = call.declaration
        timeout = declaration.timeout if isinstance(declaration, Effect | Action) else None
        if isinstance(declaration, Action) and declaration.transaction:
            return min(timeout or TRANSACTION_LIMIT, TRANSACTION_LIMIT).total_seconds(), True
        if timeout is None:
            return self._limit_s, True
        return timeout.total_seconds(), False

    async def attempt(
        self,
        call: CallProgram,
        args: tuple[Any, ...],
        about: Call | None,
        *,
        run: RunId | None = None,
        late: Callable[[Ending], None] | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
        entering: Callable[[], None] | None = None,
        timer_s: float | None = None,
        connect: Callable[[], Awaitable[Call]] | None = None,
    ) -> Ending:
        """Make one attempt and return how it ended.

        `ready` is awaited if the call had to wait for a thread, and `entering` is called just
        before the handler is entered. `connect` is awaited once there is a thread, and returns the
        argument `call` in place of `about`. If the call is given up, `late` gets its ending later.
        `timer_s` is when a timer of the phase is due, in seconds from now.

        Raises:
            CancelledError: the caller itself is cancelled.
            Overtaken: the timer was due first.
            Exception: what `ready` or `connect` raises.
        """
        handler = self._handlers[call.declaration.name]
        kwargs = {"call": about} if handler.wants_call else {}
        if not call.args.fixed:
            args = call.args.copy(args)  # the run keeps its own copy; a handler may change this one
        timer_at = None if timer_s is None else asyncio.get_running_loop().time() + timer_s
        threads = None if handler.is_async else self._threads
        if threads is not None:
            # Before the time limit begins: waiting for a thread is not part of the attempt.
            await self._take_thread(call, run, ready, timer_at)
        if connect is not None:
            try:
                kwargs = {"call": await connect()}
            except BaseException:
                if threads is not None:
                    self._held.thread_is_free()
                raise
        attempt = _Attempt(call, run, late, timer_at)
        if entering is not None:
            entering()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is made in a task")
        cancelled = task.cancelling()
        begun: Ending | Waiting
        try:
            if threads is None:
                answer = handler.function(*args, **kwargs)
            else:
                answer = await self._on_thread(
                    threads, attempt, lambda: _on_this_thread(handler, args, kwargs, self._made_in)
                )
                if isinstance(answer, TookTooLong):
                    return answer
                threads, cancelled = None, task.cancelling()
            if not handler.is_async and not inspect.isawaitable(answer):
                begun = self._returned(call, answer)
            else:
                running = answer if inspect.iscoroutine(answer) else _awaited(answer)
                begun = self._begun(attempt, task, cancelled, running)
        except BaseException as error:
            if threads is not None and isinstance(error, asyncio.CancelledError | Overtaken):
                if isinstance(error, Overtaken) or task.cancelling():
                    raise
                return Unexpected(error)
            self._check_process(error)
            begun = self._raised(call, error)
        if isinstance(begun, Waiting):
            return self._ending(call, await end_of(begun))
        if task.cancelling() > cancelled:  # by the handler itself
            await in_a_new_task()
        return begun

    def _begun(
        self, attempt: _Attempt, task: asyncio.Task[Any], cancelled: int, running: Coroutine[Any, Any, Any]
    ) -> Ending | Waiting:
        """Take the first step of a coroutine. If it answers without waiting, it needs no timer.

        `cancelled` is how often the task had been cancelled before.
        """
        try:
            waits_for = running.send(None)
        except StopIteration as end:
            self._check_process()
            return self._returned(attempt.call, end.value)
        self._check_process()
        return Waiting(
            running,
            waits_for,
            limit_s=self.time_limit(attempt.call)[0],
            timer_at=attempt.timer_at,
            left=lambda task: self._left(attempt, task),
            strays=max(0, task.cancelling() - cancelled),
        )

    def _ending(self, call: CallProgram, end: HandlerEnd) -> Ending:
        """Classify how a handler ended that had waited for something."""
        cut_off: BaseException | None = None
        match end:
            case Returned(value):
                return self._returned(call, value)
            case Raised(error, withdrawn):
                ending = self._raised(call, error)
                if withdrawn is None or not isinstance(ending, Unexpected):
                    return ending
                cut_off = error
                # An exception that the cancellation caused says only that the call was cut off.
            case GivenUp(withdrawn):
                pass
            case _:
                assert_never(end)
        match withdrawn:
            case "limit":
                return TookTooLong(*self.time_limit(call), cut_off)
            case "timer":
                raise Overtaken
            case "cancelled":
                raise asyncio.CancelledError
            case _:
                assert_never(withdrawn)

    def _left(self, attempt: _Attempt, task: asyncio.Task[Any]) -> Callable[[HandlerEnd], None]:
        """Note a handler that keeps its task, and return what to do with its end."""
        call_left = self._held.give_up(attempt.call.declaration.name, attempt.run, self._monotonic())
        call_left.task = task
        task.set_name(f"opord: {call_left.name}, given up")

        def ended(end: HandlerEnd) -> None:
            match end:
                case Returned(value):
                    self._came_late(attempt, call_left, lambda: value)
                case Raised(error):
                    self._came_late(attempt, call_left, _raising(error))
                case GivenUp():
                    raise RuntimeError(f"{call_left.name} was given up twice")
                case _:
                    assert_never(end)

        return ended

    async def _take_thread(
        self,
        call: CallProgram,
        run: RunId | None,
        ready: Callable[[], Awaitable[None]] | None,
        timer_at: float | None,
    ) -> None:
        """Wait for a thread, and for `ready` if that took time.

        Raises:
            Overtaken: a timer of the phase was due first.
        """
        scope = asyncio.timeout_at(timer_at)
        try:
            async with scope:
                waited = await self._held.thread(call.declaration.name, run)
        except TimeoutError:
            raise Overtaken from None
        if not waited or ready is None:
            return
        try:
            await ready()
        except BaseException:
            self._held.thread_is_free()
            raise

    async def _on_thread(self, threads: Executor, attempt: _Attempt, job: Callable[[], Any]) -> Any:
        """Call a plain handler on a thread, and return its result.

        The result is `TookTooLong` if the call was given up, and may be an awaitable.

        Raises:
            Overtaken: a timer of the phase was due first.
        """
        loop = asyncio.get_running_loop()
        limit = self.time_limit(attempt.call)
        limit_at, timer_at = loop.time() + limit[0], attempt.timer_at
        overtaken = timer_at is not None and timer_at < limit_at
        scope = asyncio.timeout_at(timer_at if overtaken else limit_at)
        try:
            async with scope:
                running = loop.run_in_executor(threads, job)
                running.add_done_callback(lambda _: self._held.thread_is_free())
                try:
                    return await asyncio.shield(running)
                except asyncio.CancelledError:
                    if not running.done():
                        call_left = self._held.give_up(
                            attempt.call.declaration.name, attempt.run, self._monotonic()
                        )
                        running.add_done_callback(
                            lambda done: self._came_late(attempt, call_left, done.result)
                        )
                    raise
        except TimeoutError:
            if not scope.expired():
                raise
            if overtaken:
                raise Overtaken from None
            return TookTooLong(*limit)

    def _came_late(self, attempt: _Attempt, call_left: CallLeft, result: Callable[[], Any]) -> None:
        """Take the end of a call that was given up."""
        self._held.ended(call_left, self._monotonic())
        try:
            value = result()
        except asyncio.CancelledError:
            return
        except BaseException as error:
            ending = self._raised(attempt.call, error)
        else:
            ending = self._returned(attempt.call, value)
        if attempt.late is not None:
            attempt.late(ending)

    def _check_process(self, error: BaseException | None = None) -> None:
        if children.generation != self._made_in:
            children.end_child(error)

    def _returned(self, call: CallProgram, value: Any) -> Ending:
        try:
            if call.result is None:
                if value is not None:
                    raise TypeError("a result where the contract has none")
                return Answered(None)
            accepted = call.result.accept(value)
            # User code may return a value that cannot be stored, or one that is too large.
            rest = call.result.dump(accepted)
            text = encode(rest)
            if len(text) > LIMIT_BYTES:
                check_size(text, what=f"the result of {call.declaration.name}")
            return Answered(accepted, rest, text)
        except BaseException as error:  # also code of the value runs here
            return Unexpected(wrong_result(call, value, error))

    def _raised(self, call: CallProgram, error: BaseException) -> Ending:
        if type(error) is _RaisedOnThread:
            error = error.raised
        kind = type(error)  # an exception itself can answer wrongly
        if issubclass(kind, Failure) and kind.opord_type in call.fails:
            error = cast("Failure", error)
            try:
                # A copy, of this program's class: the code that raised it may still change its
                # lists, and may know it from another module of the contract.
                failure = call.failure.accept(error)
                text = dumps(call.failure.dump(failure))
                check_size(text, what=f"the failure {kind.opord_type} of {call.declaration.name}")
            except BaseException as misfit:
                wrong = wrong_failure(self.program, call, error, misfit)
                return Unexpected(wrong)
            return Failed(failure)
        return Unexpected(error)


class _RaisedOnThread(Exception):
    """Carries what a plain handler raised out of its thread.

    A future cannot carry some exceptions, and replaces others (a `TimeoutError`) by one without
    frames.
    """

    def __init__(self, raised: BaseException) -> None:
        super().__init__()
        self.raised = raised


def _on_this_thread(handler: Handler, args: tuple[Any, ...], kwargs: dict[str, Any], made_in: int) -> Any:
    error: BaseException | None = None
    try:
        return handler.function(*args, **kwargs)
    except BaseException as raised:
        error = raised
        raise _RaisedOnThread(raised) from None
    finally:
        if children.generation != made_in:
            children.end_child(error)


def _raising(error: BaseException) -> Callable[[], Any]:
    def result() -> Any:
        raise error

    return result


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
