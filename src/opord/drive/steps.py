"""Carry out a step: the generated code asks, and the handlers answer."""

from __future__ import annotations

from typing import Any, NoReturn, assert_never

from opord.drive.calls import Calls
from opord.drive.commitment import Commitments
from opord.drive.effects import Effects
from opord.drive.frames import describe_fault
from opord.drive.hold import Hold
from opord.drive.host import Carrier, Transaction, Undone
from opord.drive.interrupts import Collided, Parked, Stalled, key_reused
from opord.drive.telling import tell_moved
from opord.drive.transactions import Transactions
from opord.kernel import collisions, inbox, recording
from opord.kernel.beginning import check_goto
from opord.kernel.draft import Draft
from opord.kernel.requests import Commit, Goto, Perform, Pure, Request
from opord.kernel.run import Collision, FailedAttempts, Run
from opord.kernel.step import Diverged, StepError, StepUnderWay
from opord.kernel.trouble import trouble_of
from opord.values.failure import Failure


class Steps:
    """Carries out the steps of a held run."""

    __slots__ = ("calls", "commitments", "effects", "hold", "host", "run", "transactions")

    def __init__(self, hold: Hold, calls: Calls) -> None:
        self.hold: Hold = hold
        self.host: Carrier = hold.host
        self.run: Run = hold.run
        self.calls: Calls = calls
        self.effects: Effects = Effects(hold, calls)
        self.commitments: Commitments = Commitments(hold, calls, self.effects)
        self.transactions: Transactions = self.commitments.transactions

    async def carry(self, draft: Draft) -> Draft:
        """Carry the step that is due to its `goto`, and return the draft that holds the transition.

        Raises:
            Parked: the run rests in the middle of the step, or has stalled.
            TimerDue: a timer of the phase is due, and the step is dropped.
            Lost: another process has moved the run.
            Undone: a transaction may not have become durable, and the run has to be read again.
        """
        run = self.run
        self.host.hook("step begins", run.id)
        pending = run.body.pending
        intent = tries = collision = None
        if pending is not None and pending.on_record:
            intent, tries, collision = pending.intent, pending.tries, pending.collision
            step = StepUnderWay(run, pending.now, pending.answers)
        else:
            step = StepUnderWay(run, draft.at)
        committed: str | None = None
        told: str | None = None
        before = 0
        try:
            request = step.begin()
            if tries is not None:
                _check_asks(request, tries)
            if collision is not None:
                _check_commits(request, collision)
            while not isinstance(request, Goto):
                if intent is not None and committed is None and not isinstance(request, Commit):
                    raise Diverged(
                        f"the step asks for {request.name}, but a commit of {intent.call} is on record"
                    )
                match request:
                    case Pure():
                        if committed is not None and not draft.empty:
                            await self.hold.flush(draft)
                            draft = self.hold.draft()
                        request = self._pure(step, request)
                    case Perform():
                        request = await self._perform(draft, step, request)
                        draft = self.hold.draft()
                    case Commit():
                        committed = request.name
                        draft, outcome = await self.commitments.commit(draft, step, request)
                        told = inbox.commit_text(committed, outcome)
                        before = len(step.answers) if run.intent is not None else 0
                        request = step.deliver(run.program.calls[committed], outcome)
                    case _:
                        assert_never(request)
            if intent is not None and committed is None:
                raise Diverged(
                    f"the step goes to {request.state}, but a commit of {intent.call} is on record"
                )
            answered = pending.cause if pending is not None else None
            if answered is not None and answered.kind == "event" and committed is None:
                check_goto(run, request, draft.at)
            cause = inbox.cause_text(answered, told)
            recording.go(
                draft, request, cause=cause, answers=step.answers[before:], settled=self.transactions.settled
            )
            if self.transactions.open is not None:
                await self._commit(self.transactions.open, draft, committed or "")
                draft = self.hold.draft()
        except StepError as error:
            await self._stall(draft, trouble_of(error, run.program))
        except Stalled as error:
            await self._stall(draft, error.trouble)
        except Collided as error:
            await self._collide(draft, step, error)
        except Diverged as error:
            await self._stall(draft, describe_fault(error))
        finally:
            if self.transactions.unended:
                await self.transactions.roll_back()
        return draft

    async def _commit(self, transaction: Transaction, draft: Draft, action: str) -> None:
        """Make the end of the step durable with what the handler of its action wrote."""
        try:
            await self.hold.commit(transaction, draft)
        except Undone as undone:
            undone.call = action
            raise

    def _pure(self, step: StepUnderWay, request: Pure) -> Request | Goto:
        call = self.run.program.calls[request.name]
        try:
            value = self.calls.pure(call, request.args)
            return step.answer(call, value, call.result.dump(value) if call.result is not None else None)
        except StepError:
            raise
        except BaseException as error:
            # No `from error`: a handler may raise an exception that ends an event loop or a task.
            raise Stalled(self.calls.describe(call, error)) from None

    async def _perform(self, draft: Draft, step: StepUnderWay, request: Perform) -> Request | Goto:
        call = self.run.program.calls[request.name]
        ending, attempts, ms = await self.effects.perform(draft, step, call, request.args)
        if isinstance(ending, Failure):
            return step.fail(call, ending, attempts=attempts, ms=ms)
        return step.answer(call, ending.value, ending.rest, attempts=attempts, ms=ms)

    async def _collide(self, draft: Draft, step: StepUnderWay, found: Collided) -> NoReturn:
        await self.transactions.roll_back()
        if draft.empty or draft.written:
            draft = self.hold.draft()
        try:
            collisions.collide(
                draft,
                found.action,
                found.key,
                found.arguments,
                now=step.now,
                answers=list(step.answers),
                trouble=key_reused(found.action, found.key),
            )
        except StepError as error:
            await self._stall(draft, trouble_of(error, self.run.program))
        await self.hold.give_back(draft)
        raise Parked

    async def _stall(self, draft: Draft, trouble: dict[str, Any]) -> NoReturn:
        await self.transactions.roll_back()
        if draft.empty or draft.written:
            # The draft is as old as the call that went wrong, which may have been retried for a
            # long time.
            draft = self.hold.draft()
        recording.stall(draft, trouble)
        if self.run.arrivals and inbox.in_step_of_timer(self.run):
            self.hold.set_messages(inbox.take_in(draft, await self.hold.messages(draft)))
        await self.hold.give_back(draft)
        tell_moved(self.host, self.run, seized=False)
        raise Parked


def _check_commits(request: Request | Goto, collision: Collision) -> None:
    """Refuse a step that asks for something else than the commit whose collision is on record."""
    if isinstance(request, Goto):
        raise Diverged(f"the step goes to {request.state}, but a collision of {collision.call} is on record")
    if not isinstance(request, Commit) or request.name != collision.call:
        raise Diverged(f"the step asks for {request.name}, but a collision of {collision.call} is on record")


def _check_asks(request: Request | Goto, tries: FailedAttempts) -> None:
    """Refuse a step that asks for something else than the call whose attempts are on record."""
    if isinstance(request, Goto):
        raise Diverged(f"the step goes to {request.state}, but attempts of {tries.call} are on record")
    if request.name != tries.call:
        raise Diverged(f"the step asks for {request.name}, but attempts of {tries.call} are on record")
