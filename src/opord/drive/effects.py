"""Call effects. A failed attempt goes on record, and the pause before the next one is spent parked.

So attempts are counted over restarts, and a run that waits for an attempt holds no place.
"""

from __future__ import annotations

import logging
from typing import Any, NoReturn, assert_never

from opord.contract import Effect
from opord.drive.calls import (
    Answered,
    Calls,
    Ending,
    Failed,
    Overtaken,
    TookTooLong,
    Undeclared,
    Unexpected,
)
from opord.drive.evidence import LateAnswer
from opord.drive.hold import Hold
from opord.drive.host import Carrier
from opord.drive.interrupts import Parked, Stalled, TimerDue, unexpected
from opord.kernel import effect_attempts, effects, recording
from opord.kernel.asked_waits import NO_WAIT, HeardWait, asked_wait, not_before
from opord.kernel.calls_under_way import CallUnderWay
from opord.kernel.draft import Draft
from opord.kernel.effect_attempts import EffectPlan, Ended, Tries
from opord.kernel.instants import capped, in_words, to_datetime
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call, TimedOut
from opord.kernel.run import FailedAttempts, Run
from opord.kernel.step import StepUnderWay, dump_failure
from opord.values.failure import Failure
from opord.values.types import Instant

log: logging.Logger = logging.getLogger("opord.worker")

NONE_WRONG = Tries()


class Effects:
    """Calls the effects of a held run."""

    __slots__ = ("calls", "hold", "host", "run")

    def __init__(self, hold: Hold, calls: Calls) -> None:
        self.hold: Hold = hold
        self.host: Carrier = hold.host
        self.run: Run = hold.run
        self.calls: Calls = calls

    async def perform(
        self, draft: Draft, step: StepUnderWay, call: CallProgram, args: tuple[Any, ...]
    ) -> tuple[Answered | Failure, int, float]:
        """Call an effect once; if it fails and may be tried again, give the run back until then.

        `draft` becomes durable before the call. Returns the answer or the failure, the number of
        the attempt, and its duration in milliseconds.

        Raises:
            Stalled: it went wrong too often in a way that the contract does not declare.
            StepError: the answers before it are too large to be stored.
            TimerDue: a timer of the phase is due.
            Parked: the run rests until the next attempt.
            Lost: another process has moved the run.
        """
        declaration = call.declaration
        assert isinstance(declaration, Effect)
        failed = await self.due(draft, step, call)
        permit = None
        if self.host.limits is not None:
            permit = await self.hold.permits.for_call(
                self.hold, draft, call, args, now=step.now, answers=step.answers
            )
        now = self.host.now()
        tries = Tries(failed.failures, failed.surprises) if failed is not None else NONE_WRONG
        attempt = tries.failures + tries.surprises + 1
        late = LateAnswer(self.host, self.run.id, call, attempt)
        began = self.host.monotonic()
        try:
            ending = await self._attempt(call, args, attempt, late)
        finally:
            if permit is not None:
                self.hold.permits.call_ended(permit, call)
        ms = round((self.host.monotonic() - began) * 1000, 1)
        plan = effect_attempts.plan(
            _ended(ending), tries, declaration.retry, self.host.random, asked_us=wait_of(ending).us
        )
        match plan.sequel:
            case "answer" if isinstance(ending, Answered):
                return ending, attempt, ms
            case "fail" if isinstance(ending, Failed):
                return ending.failure, attempt, ms
            case "time out":
                return TimedOut(), attempt, ms
            case "stall" if isinstance(ending, Undeclared):
                raise Stalled(unexpected(self.calls, call, ending) | {"attempt": attempt})
            case "again" if not isinstance(ending, Answered):
                return await self.pause(step, call, ending, plan, now, late)
            case "answer" | "fail" | "stall" | "again":
                raise RuntimeError(f"{self.run.id}: cannot {plan.sequel} after {ending}")
            case _:
                assert_never(plan.sequel)

    async def due(self, draft: Draft, step: StepUnderWay, call: CallProgram) -> FailedAttempts | None:
        """Make a draft durable before a call, and return the failed attempts of that call.

        Raises:
            Parked: the run rests until the next attempt.
        """
        failed = self._failed_before(step)
        due = not_before(self.run, call.declaration.name)
        if failed is not None:
            due = max(due, failed.next_at)
        if due and self.host.now() < due:
            await self.hold.pause(draft, due)
        if not draft.empty:
            await self.hold.flush(draft)
        return failed

    def _failed_before(self, step: StepUnderWay) -> FailedAttempts | None:
        """Return the attempts on record of the call that the step asks for."""
        pending = self.run.body.pending
        if pending is None or pending.tries is None or len(step.answers) > len(pending.answers):
            return None
        return pending.tries

    async def pause(
        self,
        step: StepUnderWay,
        call: CallProgram,
        ending: Failed | Undeclared,
        plan: EffectPlan,
        began: Instant,
        late: LateAnswer | None = None,
    ) -> NoReturn:
        """Record a failed attempt, and give the run back until the next one.

        `late` takes what the attempt answers later.
        """
        draft = self.hold.draft()
        failure, trouble = self.what_failed(call, ending)
        failed = effects.attempt_failed(
            draft,
            call.declaration.name,
            failure,
            trouble=trouble,
            began=began,
            tries=plan.tries,
            next_at=capped(draft.at + plan.pause_us),
            now=step.now,
            answers=list(step.answers),
            wait=wait_of(ending),
        )
        of = self.run.seq
        self._tell(failed)
        self.host.hook("before attempt", self.run.id)
        try:
            await self.hold.pause(draft, failed.next_at)
        except Parked:
            if late is not None:
                late.on_record(of)
            raise

    def what_failed(
        self, call: CallProgram, ending: Failed | Undeclared
    ) -> tuple[Any, dict[str, Any] | None]:
        """Return the failure of an attempt in rest form, or a description of what went wrong."""
        match ending:
            case Failed(failure):
                return dump_failure(call, failure), None
            case TookTooLong(limit=False):
                return dump_failure(call, TimedOut()), None
            case TookTooLong() | Unexpected():
                return None, unexpected(self.calls, call, ending)
            case _:
                assert_never(ending)

    def _tell(self, failed: FailedAttempts) -> None:
        last = failed.surprises == effect_attempts.SURPRISES_MOST
        log.log(
            logging.WARNING if last else logging.INFO,
            "%s: attempt %d of %s %s; it is tried again at %s%s",
            self.run.id, failed.number, failed.call, failed.reason, in_words(failed.next_at),
            ", and if that goes wrong too, the run stalls" if last else "",
        )  # fmt: skip

    async def ask(self, call: CallProgram, args: tuple[Any, ...]) -> Ending:
        """Call an effect once.

        Timers do not end it: a phase's timers rest while a commit is open.
        """
        return await self.calls.attempt(call, args, self._about(call, 1), run=self.run.id)

    async def _attempt(
        self, call: CallProgram, args: tuple[Any, ...], attempt: int, late: LateAnswer
    ) -> Ending:
        about, timer_s = self._about(call, attempt), self.timer_s()

        def entering() -> None:
            began = self.host.now()
            self.calls.begins(CallUnderWay(self.run.id, call.declaration.name, attempt, began))

        try:
            return await self.calls.attempt(
                call, args, about, run=self.run.id, late=late, timer_s=timer_s, entering=entering
            )
        except Overtaken:
            # A timer of the phase moves the run during the call; the answer is then dropped.
            raise TimerDue from None
        finally:
            self.calls.ends(self.run.id)

    def timer_s(self) -> float | None:
        """Return when a timer of the phase is due, in seconds from now; None if none is."""
        if not self.run.body.timers:
            return None
        due = min(recording.shared_timers(self.run).values(), default=None)
        return None if due is None else max(0.0, (due - self.host.now()) / 1e6)

    def _about(self, call: CallProgram, attempt: int) -> Call | None:
        """Return the argument `call` for an effect's handler; None if the handler takes none."""
        if not self.calls.wants_call(call):
            return None
        return about_call(self.hold, self.calls, call, f"{self.run.id}/{self.run.body.entered}", attempt)


def about_call(hold: Hold, calls: Calls, call: CallProgram, key: str, attempt: int) -> Call:
    """Return the argument `call` for a handler: key, attempt, deadline, run and trace."""
    seconds, _ = calls.time_limit(call)
    deadline = hold.host.now() + int(min(seconds, 1e9) * 1_000_000)
    return Call(key, attempt, to_datetime(deadline), hold.run.id, hold.run.body.trace)


def wait_of(ending: Ending) -> HeardWait:
    """Return how long the other side asked to wait as the attempt failed."""
    return asked_wait(ending.failure) if isinstance(ending, Failed) else NO_WAIT


def _ended(ending: Ending) -> Ended:
    match ending:
        case Answered():
            return "answered"
        case Failed(failure):
            return "transient" if failure.opord_transient else "final"
        case TookTooLong(limit=limit):
            # The contract does not declare the worker's own limit.
            return "surprise" if limit else "timed out"
        case Unexpected():
            return "surprise"
        case _:
            assert_never(ending)
