"""Call effects: repeat them until they answer, their attempts run out, or a timer is due."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, assert_never

from opord.contract import Effect
from opord.drive.calls import Answered, Calls, Ending, Failed, TookTooLong, Undeclared, Unexpected
from opord.drive.hold import Hold
from opord.drive.interrupts import TimerDue, Trouble, unexpected
from opord.kernel import recording, repeats
from opord.kernel.instants import to_datetime
from opord.kernel.program import CallProgram
from opord.kernel.repeats import Ended, Tries
from opord.kernel.requests import Call, TimedOut
from opord.kernel.secrets import hidden
from opord.values.failure import Failure
from opord.values.types import Duration

log = logging.getLogger("opord.worker")

NONE_WRONG = Tries()


class Effects:
    """Calls the effects of a held run."""

    __slots__ = ("calls", "hold", "host", "run")

    def __init__(self, hold: Hold, calls: Calls) -> None:
        self.hold = hold
        self.host = hold.host
        self.run = hold.run
        self.calls = calls

    async def perform(
        self, call: CallProgram, args: tuple[Any, ...]
    ) -> tuple[Answered | Failure, int, float]:
        """Call an effect until it answers, fails for good, or its attempts run out.

        Returns the answer or the failure, the number of attempts, and the duration of all attempts
        in milliseconds.

        Raises:
            Trouble: it went wrong too often in a way that the contract does not declare.
            TimerDue: a timer of the phase is due.
            Parked: the host stops between two attempts.
        """
        declaration = call.declaration
        assert isinstance(declaration, Effect)
        tries = NONE_WRONG
        began = self.host.monotonic()
        while True:
            attempt = tries.failures + tries.surprises + 1
            ending = await self._attempt(call, args, attempt)
            ms = round((self.host.monotonic() - began) * 1000, 1)
            plan = repeats.plan(_ended(ending), tries, declaration.retry, self.host.random)
            match plan.sequel:
                case "answer" if isinstance(ending, Answered):
                    return ending, attempt, ms
                case "fail" if isinstance(ending, Failed):
                    return ending.failure, attempt, ms
                case "time out":
                    return TimedOut(), attempt, ms
                case "stall" if isinstance(ending, Undeclared):
                    raise Trouble(unexpected(call, ending) | {"attempt": attempt})
                case "again":
                    if isinstance(ending, Undeclared) and plan.tries.surprises > tries.surprises:
                        log.info(
                            "%s: attempt %d of %s went wrong: %s; trying again in %.1f s",
                            self.run.id, attempt, call.declaration.name, self._shown(call, ending),
                            plan.pause_us / 1e6,
                        )  # fmt: skip
                    await self._sleep(plan.pause_us)
                    tries = plan.tries
                case "answer" | "fail" | "stall":
                    raise RuntimeError(f"{self.run.id}: cannot {plan.sequel} after {ending}")
                case _:
                    assert_never(plan.sequel)

    async def ask(self, call: CallProgram, args: tuple[Any, ...]) -> Ending:
        """Call an effect once.

        Timers do not end it: a phase's timers rest while a commit is open.
        """
        return await self.calls.attempt(call, args, self._about(call, 1))

    async def _attempt(self, call: CallProgram, args: tuple[Any, ...], attempt: int) -> Ending:
        about = self._about(call, attempt)
        if not self.run.body.timers:
            return await self.calls.attempt(call, args, about)
        due = min(recording.shared_timers(self.run).values(), default=None)
        if due is None:
            return await self.calls.attempt(call, args, about)
        # A timer of the phase may move the run during the call; the answer is then dropped.
        try:
            async with asyncio.timeout(max(0.0, (due - self.host.now()) / 1e6)):
                return await self.calls.attempt(call, args, about)
        except TimeoutError:
            raise TimerDue from None

    async def _sleep(self, pause_us: Duration) -> None:
        """Wait before the next attempt of an effect; a timer of the phase ends the wait."""
        due = min(recording.shared_timers(self.run).values(), default=None)
        rest_us = pause_us if due is None else min(pause_us, due - self.host.now())
        await asyncio.sleep(max(0, rest_us) / 1e6)
        if rest_us < pause_us:
            raise TimerDue
        if self.host.draining:
            await self.hold.park(self.hold.draft(), "running", self.host.now())

    def _about(self, call: CallProgram, attempt: int) -> Call | None:
        """Return the argument `call` for an effect's handler; None if the handler takes none."""
        if not self.calls.wants_call(call):
            return None
        return about_call(self.hold, self.calls, call, f"{self.run.id}/{self.run.body.entered}", attempt)

    def _shown(self, call: CallProgram, ending: Undeclared) -> str:
        """Describe what went wrong with an attempt, for the log.

        At most 500 characters, without the run's secrets.
        """
        return hidden(self.run, str(unexpected(call, ending)["error"]))[:500]


def about_call(hold: Hold, calls: Calls, call: CallProgram, key: str, attempt: int) -> Call:
    """Return the argument `call` for a handler: key, attempt, deadline and run."""
    seconds, _ = calls.time_limit(call)
    deadline = hold.host.now() + int(min(seconds, 1e9) * 1_000_000)
    return Call(key, attempt, to_datetime(deadline), hold.run.id)


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
