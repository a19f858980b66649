"""Drive one step: a generated generator that makes calls and ends in a `goto`.

Recorded answers are given to it again before any handler is called. So a worker that takes over a
step after its intent reaches the same commit with the same arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from opord.kernel.cause import Cause
from opord.kernel.program import CallProgram, HandlerProgram, Program, TimerProgram
from opord.kernel.requests import Goto, InDoubt, Request, Step, TimedOut
from opord.kernel.run import Answer, Outcome, Run
from opord.values.failure import Failure
from opord.values.types import Instant

_BUILTIN_FAILURES: dict[str, type[Failure]] = {"TimedOut": TimedOut, "InDoubt": InDoubt}


class StepError(Exception):
    """The generated code of a step raised, for example because of a division by zero.

    `cause` is the exception; `place` is where in the contract ("order.opord:57"), if known.
    """

    def __init__(self, cause: BaseException, place: str | None) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}" + (f" ({place})" if place else ""))
        self.cause = cause
        self.place = place


class Diverged(Exception):
    """A step that was taken over makes another call than the one on record."""


def dump_failure(call: CallProgram, failure: Failure) -> Any:
    """Return a failure of the call in rest form."""
    if isinstance(failure, TimedOut | InDoubt):
        return {"type": type(failure).__name__}
    return call.failure.dump(failure)


def load_failure(call: CallProgram, rest: Any) -> Failure:
    """Return the failure of the call from the form of `dump_failure`."""
    builtin = _BUILTIN_FAILURES.get(rest["type"])
    if builtin is not None:
        return builtin()
    failure = call.failure.load(rest)
    if not isinstance(failure, Failure):
        raise TypeError(f"{rest!r} is not a failure of {call.declaration.name}")
    return failure


def find_handler(run: Run, handler_id: str) -> HandlerProgram:
    """Return the event handler of that id in the run's current state."""
    for handlers in run.at.handlers.values():
        for handler in handlers:
            if handler.id == handler_id:
                return handler
    raise KeyError(handler_id)


def find_timer(run: Run, timer_id: str) -> TimerProgram:
    """Return the timer of that id in the run's current state."""
    return next(timer for timer in run.at.timers if timer.id == timer_id)


class StepUnderWay:
    """A step of `run` at the instant `now`: its requests, its answers, its goto.

    `answers` are all answers so far, in rest form; `recorded` are those that it is given again.
    """

    __slots__ = ("_generator", "_program", "_recorded", "answers", "now")

    def __init__(self, run: Run, now: Instant, recorded: Sequence[Answer] = ()) -> None:
        pending = run.body.pending
        self.now: Instant = now
        self.answers: list[Answer] = []
        self._program: Program = run.program
        self._recorded = list(recorded)
        self._generator = _generator(run, pending.cause if pending is not None else None, now)

    def begin(self) -> Request | Goto:
        """Run to the first call without a recorded answer, or to the end.

        Raises:
            StepError: the generated code raised.
        """
        request = self._resume(None, None)
        while self._recorded and not isinstance(request, Goto):
            answer = self._recorded.pop(0)
            if answer.call != request.name:
                raise Diverged(f"the step asks for {request.name}, but {answer.call} is on record")
            request = self.replay(answer)
        return request

    def replay(self, answer: Answer) -> Request | Goto:
        """Give the step a recorded answer in rest form."""
        call = self._program.calls[answer.call]
        self.answers.append(answer)
        if answer.failed is not None:
            return self._resume(None, load_failure(call, answer.failed))
        return self._resume(call.result.load(answer.ok) if call.result is not None else None, None)

    def answer(
        self, call: CallProgram, value: Any, rest: Any, *, attempts: int = 1, ms: float = 0.0
    ) -> Request | Goto:
        """Give the step the result of the requested call, as a value and in rest form.

        Raises:
            StepError: the generated code raised.
        """
        self.answers.append(Answer(call.declaration.name, rest, None, attempts, ms))
        return self._resume(value, None)

    def fail(
        self, call: CallProgram, failure: Failure, *, attempts: int = 1, ms: float = 0.0
    ) -> Request | Goto:
        """Give the step the failure of the requested call."""
        rest = dump_failure(call, failure)
        self.answers.append(Answer(call.declaration.name, None, rest, attempts, ms))
        return self._resume(None, failure)

    def deliver(self, call: CallProgram, outcome: Outcome) -> Request | Goto:
        """Give the step the outcome of its commit."""
        match outcome.kind:
            case "failed":
                return self._resume(None, load_failure(call, outcome.value))
            case "ok":
                value = call.result.load(outcome.value) if call.result is not None else None
                return self._resume(value, None)
            case _:
                assert_never(outcome.kind)

    def _resume(self, value: Any, failure: Failure | None) -> Request | Goto:
        generator = self._generator
        try:
            if failure is not None:
                return generator.throw(failure)
            return generator.send(value)
        except StopIteration as end:
            goto: Goto = end.value
            return goto
        except Exception as error:
            raise StepError(error, self._program.place_of(error)) from error


def _generator(run: Run, cause: Cause | None, now: Instant) -> Step:
    if cause is None:
        step = run.at.step
        if step is None:
            raise TypeError(f"{run.state} of {run.program.name} does not act")
        return step(run.fields, run.frame(now))
    frame = run.frame(now, cause.actor)
    match cause.kind:
        case "timer":
            return find_timer(run, cause.handler).step(run.fields, frame)
        case "event":
            handler = find_handler(run, cause.handler)
            if handler.step is None:
                raise TypeError(f"{cause.event} is only recorded in {run.state}")
            return handler.step(run.fields, frame, run.program.events[cause.event].args.load(cause.args))
        case _:
            assert_never(cause.kind)
