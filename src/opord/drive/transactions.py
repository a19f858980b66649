"""Carry out actions in transactions: the handler writes where the run lives.

What the handler wrote becomes durable in the write that moves the run. Before that write nothing
has happened, and after it everything has. Nothing can be in doubt, so no intent is recorded. An
attempt that fails is rolled back, and tried again as that of an effect is.
"""

from __future__ import annotations

from typing import Any, assert_never

from opord.contract import Action
from opord.drive.calls import Answered, Calls, Ending, Failed, Overtaken, TookTooLong, Undeclared, Unexpected
from opord.drive.effects import NONE_WRONG, Effects, about_call, wait_of
from opord.drive.hold import Hold
from opord.drive.host import Carrier, Transaction, Undone
from opord.drive.interrupts import Stalled, TimerDue, unexpected
from opord.kernel import effect_attempts
from opord.kernel.draft import Draft
from opord.kernel.effect_attempts import Ended, Tries
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call, TransactionCall
from opord.kernel.run import Outcome, Run
from opord.kernel.settled import Settled
from opord.kernel.step import StepUnderWay, dump_failure
from opord.values.types import Key


class Transactions:
    """Carries out the actions in transactions of a held run.

    - `open` is the transaction of an action that succeeded; the end of the step has to be committed
      in it, or else `roll_back` undoes what the handler wrote.
    - `settled` is how the action of the step ended, which is on record with the end of the step.
    """

    __slots__ = ("calls", "effects", "hold", "host", "open", "run", "settled")

    def __init__(self, hold: Hold, calls: Calls, effects: Effects) -> None:
        self.hold: Hold = hold
        self.host: Carrier = hold.host
        self.run: Run = hold.run
        self.calls: Calls = calls
        self.effects: Effects = effects
        self.open: Transaction | None = None
        self.settled: Settled | None = None

    @property
    def unended(self) -> bool:
        """True from the transaction of an action until `roll_back`."""
        return self.open is not None or self.settled is not None

    async def commit(
        self, draft: Draft, step: StepUnderWay, call: CallProgram, key: Key, args: tuple[Any, ...], rest: Any
    ) -> Outcome:
        """Call an action once; if it fails and may be tried again, give the run back until then.

        `draft` becomes durable before the call. `rest` are the arguments in rest form.

        Raises:
            Stalled: it went wrong too often in a way that the contract does not declare.
            TimerDue: a timer of the phase is due.
            Parked: the run rests until the next attempt.
            Lost: another process has moved the run.
            Undone: another transaction was in the way, or the database is not there.
        """
        action = call.declaration
        assert isinstance(action, Action)
        failed = await self.effects.due(draft, step, call)
        permit = await self.hold.permits.for_call(
            self.hold, draft, call, args, now=step.now, answers=step.answers
        )
        tries = Tries(failed.failures, failed.surprises) if failed is not None else NONE_WRONG
        attempt = tries.failures + tries.surprises + 1
        began = self.host.now()
        try:
            ending = await self._attempt(draft, call, args, key, attempt)
        finally:
            self.hold.permits.call_ended(permit, call)
        plan = effect_attempts.plan(
            _ended(ending), tries, action.retry, self.host.random, asked_us=wait_of(ending).us
        )
        match plan.sequel:
            case "answer" if isinstance(ending, Answered):
                outcome, text = Outcome("ok", ending.rest, "transaction"), ending.text
            case "fail" if isinstance(ending, Failed):
                outcome, text = Outcome("failed", dump_failure(call, ending.failure), "transaction"), b""
            case "stall" if isinstance(ending, Undeclared):
                raise Stalled(unexpected(self.calls, call, ending) | {"attempt": attempt})
            case "again" if not isinstance(ending, Answered):
                return await self.effects.pause(step, call, ending, plan, began)
            case "answer" | "fail" | "stall" | "again" | "time out":
                raise RuntimeError(f"{self.run.id}: cannot {plan.sequel} after {ending}")
            case _:
                assert_never(plan.sequel)
        self.settled = Settled(action.name, key, attempt, rest, step.now, outcome, text)
        return outcome

    async def roll_back(self, *, in_use: bool = True) -> None:
        """Undo what a handler wrote, if its transaction is still open."""
        transaction, self.open, self.settled = self.open, None, None
        if transaction is not None:
            await transaction.roll_back(in_use=in_use)

    async def _attempt(
        self, draft: Draft, call: CallProgram, args: tuple[Any, ...], key: Key, attempt: int
    ) -> Ending:
        """Call the handler in a transaction, which stays open if it answered."""

        async def connect() -> Call:
            transaction = await self._begin(draft)
            self.host.hook("transaction begun", self.run.id)
            about = about_call(self.hold, self.calls, call, key, attempt)
            return TransactionCall(
                about.key, about.attempt, about.deadline, about.run_id, about.traceparent,
                transaction.connection,
            )  # fmt: skip

        try:
            ending = await self.calls.attempt(
                call, args, None, run=self.run.id, timer_s=self.effects.timer_s(), connect=connect
            )
        except Overtaken:
            await self.roll_back()
            raise TimerDue from None
        self.host.hook("call answered", self.run.id)
        why = self.open.in_the_way(ending.error) if self.open and isinstance(ending, Unexpected) else ""
        if not isinstance(ending, Answered):
            await self.roll_back(in_use=isinstance(ending, TookTooLong))
        if why:
            raise Undone(why)
        return ending

    async def _begin(self, draft: Draft) -> Transaction:
        """Begin a transaction when all messages of the run are known.

        If the run ends in it, the messages that nothing handled go on record there. While it is
        open, none can be read.
        """
        while True:
            await self.hold.messages(draft)
            self.open = transaction = await self.host.transaction(self.run)
            if transaction is None:
                raise Undone("the run was moved")
            if transaction.arrivals == self.run.arrivals:
                return transaction
            await self.roll_back(in_use=False)
            self.hold.note_arrivals(transaction.arrivals)


def _ended(ending: Ending) -> Ended:
    match ending:
        case Answered():
            return "answered"
        case Failed(failure):
            return "transient" if failure.opord_transient else "final"
        case TookTooLong() | Unexpected():
            return "surprise"
        case _:
            assert_never(ending)
