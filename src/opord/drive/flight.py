"""One run in the hands of one worker: from the claim until it waits, ends, stalls, or is in doubt.

This is the step protocol. What goes on record is decided in the kernel; here it is made durable before
anything that depends on it happens: the intent before the call, the state before an effect.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, NoReturn

from opord.contract import Action, Check, Effect
from opord.drive.calls import (
    UNEXPECTED_RETRY,
    Answered,
    Calls,
    Ending,
    Failed,
    TookTooLong,
    Undeclared,
    Unexpected,
    backoff_us,
    surprise_us,
)
from opord.drive.errors import RunPruned
from opord.drive.evidence import keep_late
from opord.drive.host import Carrier
from opord.drive.leases import Lease
from opord.drive.leaving import (
    Lost,
    Parked,
    TimerDue,
    Trouble,
    Unanswered,
    asking,
    doubt_reason,
    evidence_of,
    exhausted,
    unexpected,
)
from opord.drive.reading import read
from opord.kernel import doubt, inbox, moves, restored
from opord.kernel.answers import Applied, Stale
from opord.kernel.bounds import check_key
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence
from opord.kernel.instants import to_datetime
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call, Commit, Goto, Perform, Pure, Request, TimedOut
from opord.kernel.rows import InboxRow
from opord.kernel.run import Intent, Outcome, Run
from opord.kernel.sealing import opened_digest, opened_text
from opord.kernel.secrets import hidden
from opord.kernel.step import Diverged, StepError, StepUnderWay, dump_failure
from opord.kernel.trouble import describe, said_of, trouble_of
from opord.values.canonical import digest, dumps
from opord.values.failure import Failure

log = logging.getLogger("opord.worker")


class Flight:
    """Carries one held run on until it must be given back.

    `calling` is true while an action's attempt is under way, `ended` once the run's end is durable.
    """

    def __init__(self, host: Carrier, run: Run, calls: Calls) -> None:
        self.host = host
        self.run = run
        self.calls = calls
        self.calling = False
        self.ended = False
        self.lease = Lease(host, run)
        self.task: asyncio.Task[None] | None = None
        self._learned: Evidence | None = None
        self._inbox: list[InboxRow] | None = None

    @property
    def unbreakable(self) -> bool:
        """Whether it may not be broken off: an action is being called, or its outcome is not yet on record."""
        return self.calling or self._learned is not None

    # --- the whole flight ------------------------------------------------------------------------

    async def go(self) -> None:
        """Carry the run on; returns when it is no longer held."""
        try:
            await self._go()
        except Parked:
            self.host.hook("parked", self.run.id)
        except Lost as lost:
            if self._learned is not None:
                await keep_late(self.host, self.run.id, self._learned)
            log.debug("%s was moved by somebody else (%s)", self.run.id, lost.row and lost.row.head.state)

    async def hold(self, error: Exception) -> None:
        """Stall the run, with the traceback on record: the engine itself could not go on with it."""
        host = self.host
        if self._learned is not None:
            await keep_late(host, self.run.id, self._learned)
        try:
            run = await read(host, self.run.id)
        except RunPruned:
            return  # somebody ended it meanwhile, and it is kept no more
        if (run.epoch, run.worker) != (self.run.epoch, host.name):
            return
        draft = Draft(run, host.now(), host.name)
        moves.stall(draft, describe(error))
        await host.apply(draft.write())

    async def _go(self) -> None:
        run = self.run
        draft = self._draft()
        if run.arrivals and run.intent is not None:
            self._inbox = inbox.adopt_all(draft, await self._messages())
        while True:
            if not inbox.nothing_to_settle(run) and not inbox.commit_open(run):
                if any(due <= draft.at for due in run.body.timers.values()):
                    self.host.hook("timer fires", run.id)
                self._inbox = inbox.settle(draft, await self._messages())
            if run.status == "stalled":
                moves.stay_stalled(run)
            if run.worker is None:
                await self._give_back(draft)
                return
            if run.at.handlers and not draft.empty and not inbox.commit_open(run):
                # An event that came during the step before is taken on entry to this state, before it acts.
                result = await self.host.apply(draft.write(arrivals=run.arrivals))
                if not isinstance(result, Applied):
                    await self._catch_up(draft, result)
                    continue
                self._durable()
                draft = self._draft()
            if self.host.draining:
                await self._park(draft, run.status, draft.at)
            if moves.is_full(run):
                moves.stall_full(draft)
                await self._give_back(draft)
                return
            try:
                draft = await self._step(draft)
            except TimerDue:
                draft = self._draft()

    def _draft(self) -> Draft:
        """Begin a draft; writing it renews the lease."""
        now = self.host.now()
        self.lease.begins(now)
        return Draft(self.run, now, self.host.name)

    async def _messages(self) -> list[InboxRow]:
        if self._inbox is None:
            self._inbox = []
            if self.run.arrivals:
                self._inbox = await self.host.inbox(self.run.id)
        return self._inbox

    async def _flush(self, draft: Draft) -> None:
        """Make a draft durable; what follows needs a new one."""
        self._written(await self.host.apply(draft.write()))
        draft.written = True

    def _written(self, result: Any) -> None:
        if not isinstance(result, Applied):
            raise Lost(result.row if isinstance(result, Stale) else None)
        self._durable()
        if result.arrivals != self.run.arrivals:
            self.run.arrivals = result.arrivals
            self._inbox = None

    def _durable(self) -> None:
        """Note that what was learned of an action, if anything, is on record now."""
        if self._learned is not None:
            self._learned = None
            self.host.hook("outcome written", self.run.id)

    async def _give_back(self, draft: Draft) -> None:
        """Write the end of the flight, unless a message has come that the run has not looked at yet."""
        run = self.run
        while True:
            result = await self.host.apply(draft.write(arrivals=run.arrivals))
            if isinstance(result, Applied):
                self.ended = run.status == "ended"
                self._durable()
                return
            self._inbox = inbox.settle(draft, await self._catch_up(draft, result))
            if run.status == "running":
                # An event that came just now began a step; the next claim, ours or another's, goes on with it.
                self.host.nudge()

    async def _catch_up(self, draft: Draft, result: Any) -> list[InboxRow]:
        """Return the messages that wait, with those that came since; Lost if more than messages has come."""
        row = result.row if isinstance(result, Stale) else None
        if row is None or (row.epoch, row.seq) != (draft.base_epoch, draft.base_seq):
            raise Lost(row)
        known = self._inbox or []
        seen = {message.id for message in known} | set(draft.take)
        self.run.arrivals = row.arrivals
        messages = await self.host.inbox(self.run.id)
        self._inbox = [*known, *(message for message in messages if message.id not in seen)]
        return self._inbox

    async def _park(self, draft: Draft, status: str, wake_at: int | None) -> NoReturn:
        """Give the run back in the middle of a step, to be taken up at `wake_at`."""
        run = self.run
        run.status = status  # type: ignore[assignment]
        run.worker = None
        run.wake_at = wake_at
        result = await self.host.apply(draft.write())
        self._written(result)
        self.host.due(wake_at)
        raise Parked

    # --- a step ----------------------------------------------------------------------------------

    async def _step(self, draft: Draft) -> Draft:
        run = self.run
        self.host.hook("step begins", run.id)
        pending = run.body.pending
        intent = run.intent
        now = pending.now if pending is not None and intent is not None else draft.at
        step = StepUnderWay(run, now, inbox.pending_answers(run) if intent is not None else ())
        committed: str | None = None
        before = 0
        try:
            said = step.begin()
            while not isinstance(said, Goto):
                if intent is not None and committed is None and not isinstance(said, Commit):
                    raise Diverged(
                        f"the step asks for {said.name}, but a commit of {intent.call} is on record"
                    )
                if isinstance(said, Pure):
                    if committed is not None and not draft.empty:
                        await self._flush(draft)
                        draft = self._draft()
                    said = self._pure(step, said)
                elif isinstance(said, Perform):
                    if not draft.empty:
                        await self._flush(draft)
                    said = await self._perform(step, said)
                    draft = self._draft()
                else:
                    draft, outcome = await self._commit(draft, step, said)
                    committed = said.name
                    before = len(step.answers) if run.intent is not None else 0
                    said = step.deliver(run.program.calls[said.name], outcome)
            if intent is not None and committed is None:
                raise Diverged(f"the step goes to {said.state}, but a commit of {intent.call} is on record")
            cause = inbox.cause_text(run, pending.cause if pending is not None else None, committed)
            moves.go(draft, said, cause=cause, answers=step.answers[before:])
        except StepError as error:
            await self._stall(draft, trouble_of(error))
        except Trouble as error:
            await self._stall(draft, error.trouble)
        except Diverged as error:
            await self._stall(draft, describe(error))
        return draft

    async def _stall(self, draft: Draft, trouble: dict[str, Any]) -> NoReturn:
        if draft.empty or draft.written:
            # The draft is as old as the call that went wrong, which may have been tried for a long time.
            draft = self._draft()
        moves.stall(draft, trouble)
        log.warning("%s stalled in %s: %s", self.run.id, self.run.state, self.run.reason)
        await self._give_back(draft)
        raise Parked

    def _pure(self, step: StepUnderWay, request: Request) -> Request | Goto:
        call = self.run.program.calls[request.name]
        try:
            value = self.calls.pure(call, request.args)
            return step.answer(call, value)
        except StepError:
            raise
        except BaseException as error:
            # Not `from error`: what a handler raises may be what ends an event loop, or a task, by being seen.
            raise Trouble(describe(error, call=request.name)) from None

    async def _perform(self, step: StepUnderWay, request: Request) -> Request | Goto:
        call = self.run.program.calls[request.name]
        ending, attempts, ms = await self._effect(call, request.args)
        if isinstance(ending, Failure):
            return step.fail(call, ending, attempts=attempts, ms=ms)
        return step.answer(call, ending.value, attempts=attempts, ms=ms)

    async def _effect(
        self, call: CallProgram, args: tuple[Any, ...]
    ) -> tuple[Answered | Failure, int, float]:
        """Call an effect until it answers, fails for good, or its attempts run out."""
        declaration = call.declaration
        assert isinstance(declaration, Effect)
        retries = declaration.retry.times if declaration.retry is not None else 0
        failures = surprises = 0
        began = self.host.monotonic()
        while True:
            ending = await self._call_effect(call, args, failures + surprises + 1)
            ms = round((self.host.monotonic() - began) * 1000, 1)
            attempts = failures + surprises + 1
            if isinstance(ending, Answered):
                return ending, attempts, ms
            if isinstance(ending, Failed) and not ending.failure.opord_transient:
                return ending.failure, attempts, ms
            if isinstance(ending, Failed) or (isinstance(ending, TookTooLong) and not ending.limit):
                failures += 1
                if failures > retries:
                    return (ending.failure if isinstance(ending, Failed) else TimedOut()), attempts, ms
                pause = backoff_us(declaration.retry, failures, self.host.random())
            else:
                surprises += 1
                if surprises > UNEXPECTED_RETRY.times:
                    raise Trouble(unexpected(call, ending) | {"attempt": attempts})
                pause = surprise_us(surprises, self.host.random())
                log.info(
                    "%s: attempt %d of %s went wrong: %s; trying again in %.1f s",
                    self.run.id, attempts, call.declaration.name, self._shown(call, ending), pause / 1e6,
                )  # fmt: skip
            await self._sleep(pause)

    def _shown(self, call: CallProgram, ending: Undeclared) -> str:
        """Say what went wrong with an attempt, for the log: on one line, and without the run's secrets."""
        return hidden(self.run, str(unexpected(call, ending)["error"]))[:500]

    async def _call_effect(self, call: CallProgram, args: tuple[Any, ...], attempt: int) -> Ending:
        about = self._about_effect(call, attempt)
        if not self.run.body.timers:
            return await self.calls.attempt(call, args, about)
        due = min(moves.shared_timers(self.run).values(), default=None)
        if due is None:
            return await self.calls.attempt(call, args, about)
        # A timer of the phase may move the run while it waits for the answer, which is then dropped.
        try:
            async with asyncio.timeout(max(0.0, (due - self.host.now()) / 1e6)):
                return await self.calls.attempt(call, args, about)
        except TimeoutError:
            raise TimerDue from None

    async def _sleep(self, pause_us: int) -> None:
        """Wait before an effect is tried again; a timer of the phase ends the wait."""
        due = min(moves.shared_timers(self.run).values(), default=None)
        left = pause_us if due is None else min(pause_us, due - self.host.now())
        await asyncio.sleep(max(0, left) / 1e6)
        if left < pause_us:
            raise TimerDue
        if self.host.draining:
            await self._park(self._draft(), "running", self.host.now())

    def _about_effect(self, call: CallProgram, attempt: int) -> Call | None:
        """Say what an effect's handler may know, if it asks for it."""
        if not self.calls.wants_call(call):
            return None
        return self._about(call, f"{self.run.id}/{self.run.body.entered}", attempt)

    def _about(self, call: CallProgram, key: str, attempt: int) -> Call:
        """Say what a handler may know about its call."""
        seconds, _ = self.calls.time_limit(call)
        deadline = self.host.now() + int(min(seconds, 1e9) * 1_000_000)
        return Call(key, attempt, to_datetime(deadline), self.run.id)

    # --- a commit --------------------------------------------------------------------------------

    async def _commit(self, draft: Draft, step: StepUnderWay, request: Commit) -> tuple[Draft, Outcome]:
        run = self.run
        call = run.program.calls[request.name]
        args = call.args.dump(request.args)
        intent = run.intent
        if intent is None:
            key = self._key(call, request.args, step.now)
            known = await self._known(draft, call, key, args)
            if known is not None:
                return draft, known
            self.host.hook("before intent", run.id)
            intent = moves.intend(draft, request.name, key, args, now=step.now, answers=list(step.answers))
            restored.count_from_the_copy(run, intent)
            draft = await self._begun(draft, call, intent, request.args)
        elif intent.call != request.name or dumps(intent.args) != dumps(args):
            raise Trouble(
                {
                    "error": f"the step now asks for another commit than the {intent.call} on record; "
                    "restore the contract's handlers as they were, then retry",
                    "call": request.name,
                }
            )
        return await self._settle_commit(draft, call, intent, request.args)

    def _key(self, call: CallProgram, args: tuple[Any, ...], now: int) -> str:
        run = self.run
        if call.key is None:
            return f"{run.id}/{run.body.entered}"
        try:
            return check_key(call.key(args, run.frame(now)), f"the key of {call.declaration.name}")
        except Exception as error:
            raise StepError(error, run.program.place_of(error)) from error

    async def _known(self, draft: Draft, call: CallProgram, key: str, args: Any) -> Outcome | None:
        """Return the outcome on record where this key has taken effect in this run before."""
        name = call.declaration.name
        if call.key is None or name not in self.run.body.settled:
            return None
        # The state before may have settled it just now: then it is not in the store yet.
        settled = next((one for one in draft.settled if (one.action, one.key) == (name, key)), None)
        if settled is None:
            settled = await self.host.settled(self.run.id, name, key)
        if settled is None:
            return None
        program, where = self.run.program, f"settled {name} {key}"
        known = opened_digest(program, self.run.id, f"{where} args", settled.args)
        if known != digest(dumps(args)):
            raise Trouble(
                {
                    "error": f"{name} took effect in this run before under the key {key!r}, with other arguments; "
                    "the other side would answer for the first ones",
                    "call": name,
                }
            )
        result = opened_text(program, self.run.id, f"{where} result", settled.result)
        outcome = Outcome("ok", json.loads(result), "record")
        moves.outcome_on_record(draft, name, key, outcome)
        return outcome

    async def _settle_commit(
        self, draft: Draft, call: CallProgram, intent: Intent, args: tuple[Any, ...]
    ) -> tuple[Draft, Outcome]:
        """Go by the table of `kernel/doubt.py` until the commit has an outcome."""
        action = call.declaration
        assert isinstance(action, Action)
        while True:
            if intent.outcome is not None:
                return draft, intent.outcome  # row D of the table, which nearly every commit meets at once
            situation = doubt.situation_of(intent, action, now=draft.at, live=False, evidence=False)
            match doubt.decide(situation).decision:
                case "fail" if restored.fails_in_doubt(self.run, action, intent):
                    spread = self.host.random()
                    pause = backoff_us(action.retry, max(intent.counted, 1), spread)
                    restored.doubt_last(draft, intent, next_at=draft.at + pause)
                case "fail":
                    moves.outcome_known(draft, intent, Outcome("failed", intent.failure))
                case "doubt":
                    moves.attempt_doubted(draft, intent, "its worker was lost during the call")
                    # The attempt that was cut off with its worker is none that `retry` would count.
                    intent.counted = (
                        max(intent.counted - 1, 0) if isinstance(action.doubt, Check) else intent.counted
                    )
                    await self._flush(draft)
                    draft = self._draft()
                    self.host.hook("doubt written", self.run.id)
                case "attempt":
                    draft = await self._again(draft, call, intent, args)
                case "check":
                    draft = await self._check(draft, call, intent, args)
                case "ask":
                    moves.ask(draft, intent, asking(intent, action, in_window=situation.in_window))
                    await self._park(draft, "in_doubt", doubt.ask_deadline(intent, action))
                case "park":
                    await self._park(draft, "in_doubt", doubt.ask_deadline(intent, action))
                case "skip":
                    moves.outcome_known(draft, intent, Outcome("ok", None, "skip"))
                case "report":
                    moves.outcome_known(draft, intent, Outcome("failed", {"type": "InDoubt"}, "report"))
                case decision:
                    raise RuntimeError(f"{self.run.id}: a worker cannot {decision} at {situation}")

    async def _again(self, draft: Draft, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> Draft:
        """Make another attempt of the commit, as soon as it is due."""
        if intent.next_at > draft.at or self.host.draining:
            status = "in_doubt" if intent.doubts else "running"
            timers = [] if intent.doubts else list(moves.shared_timers(self.run).values())
            await self._park(draft, status, min([max(intent.next_at, draft.at), *timers]))
        moves.begin_attempt(draft, intent)
        return await self._begun(draft, call, intent, args)

    async def _begun(self, draft: Draft, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> Draft:
        """Make the attempt that begins with this draft, unless it may have been made before the store was restored."""
        action = call.declaration
        assert isinstance(action, Action)
        if restored.in_doubt_first(self.run, action, intent, draft.at):
            restored.doubt_first(draft, intent)
            await self._flush(draft)
            self.host.hook("doubt written", self.run.id)
            return self._draft()
        await self._flush(draft)
        if intent.attempt == 1:
            self.host.hook("intent written", self.run.id)
        return await self._attempt(call, intent, args)

    async def _attempt(self, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> Draft:
        """Call the action, its attempt being on record, and put on record how it ended."""
        await self.lease.make_sure()
        action = call.declaration
        assert isinstance(action, Action)
        now = self.host.now()
        if doubt.too_late(intent, action, now) or restored.in_doubt_first(self.run, action, intent, now):
            draft = self._draft()
            moves.attempt_doubted(draft, intent, "it was not called before its key may have been forgotten")
            return draft
        ending = await self._call_action(call, intent, args)
        self.host.hook("call answered", self.run.id)
        draft = self._draft()
        match ending:
            case Answered(value):
                self._finish(
                    draft, call, intent, Outcome("ok", call.result.dump(value) if call.result else None)
                )
            case Failed(failure) if failure.opord_transient:
                rest = dump_failure(call, failure)
                again = intent.counted <= (action.retry.times if action.retry is not None else 0)
                spread = self.host.random()
                next_at = draft.at + backoff_us(action.retry, intent.counted, spread)
                moves.attempt_failed(draft, intent, rest, next_at=next_at if again or intent.doubts else None)
            case Failed(failure):
                self._finish(draft, call, intent, Outcome("failed", dump_failure(call, failure)))
            case _:
                spread = self.host.random()
                next_at = draft.at + backoff_us(action.retry, intent.counted, spread)
                # A check has a delay of its own; a repeat goes by the backoff.
                next_at = 0 if isinstance(action.doubt, Check) else next_at
                moves.attempt_doubted(draft, intent, doubt_reason(ending), next_at=next_at)
                log.info("%s: %s is in doubt: %s", self.run.id, intent.call, intent.reason)
        return draft

    def _finish(self, draft: Draft, call: CallProgram, intent: Intent, outcome: Outcome) -> None:
        self._learned = Evidence(
            intent.seq, intent.call, intent.attempt, outcome.kind, outcome.value, self.host.name
        )
        self.host.hook("before outcome", self.run.id)
        moves.outcome_known(draft, intent, outcome)

    async def _call_action(self, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> Ending:
        about = self._about(call, intent.key, intent.attempt)
        self.calling = True
        try:
            return await self.calls.attempt(
                call, args, about, late=lambda ending: self._late(call, intent.seq, about.attempt, ending)
            )
        finally:
            self.calling = False

    def _late(self, call: CallProgram, intent_seq: int, attempt: int, ending: Ending) -> None:
        """Keep what a call brings that was given up before it ended."""
        evidence = evidence_of(call, intent_seq, attempt, ending, self.host.name)
        if evidence is not None:
            self.host.in_background(keep_late(self.host, self.run.id, evidence))

    async def _check(self, draft: Draft, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> Draft:
        """Ask the effect that knows whether the action happened."""
        action = call.declaration
        assert isinstance(action, Action)
        rule = action.doubt
        assert isinstance(rule, Check)
        due = doubt.check_from(intent, rule)
        if due > draft.at or self.host.draining:
            await self._park(draft, "in_doubt", max(due, draft.at))
        if not draft.empty:
            await self._flush(draft)
        asked = self.run.program.calls[rule.effect]
        found = await self._ask_effect(asked, self._check_args(call, intent, args))
        self.host.hook("check answered", self.run.id)
        draft = self._draft()
        if isinstance(found, Unanswered):
            intent.checks += 1
            pause = backoff_us(None, intent.checks, self.host.random())
            intent.next_at = draft.at + pause
            self.run.reason = (
                f"{rule.effect}, which says whether {intent.call} happened, does not answer: {found.why}"
            )
            await self._park(draft, "in_doubt", intent.next_at)
        if found.value is None or found.value is False:
            moves.did_not_happen(draft, intent, by="check", fresh=False)
            if action.retry is not None and intent.counted > action.retry.times:
                moves.ask(draft, intent, exhausted(intent))
            return draft
        rest = call.result.dump(found.value) if call.result is not None else None
        moves.outcome_known(draft, intent, Outcome("ok", rest, "check"))
        return draft

    def _check_args(self, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> tuple[Any, ...]:
        pending = self.run.body.pending
        if call.check_args is None or pending is None:
            raise RuntimeError(f"{intent.call} has no check")
        try:
            return call.check_args(args, self.run.frame(pending.now), intent.key)
        except Exception as error:
            raise StepError(error, self.run.program.place_of(error)) from error

    async def _ask_effect(self, call: CallProgram, args: tuple[Any, ...]) -> Answered | Unanswered:
        about = self._about_effect(call, 1)
        ending = await self.calls.attempt(call, args, about)
        match ending:
            case Answered():
                return ending
            case Failed(failure):
                return Unanswered(type(failure).__name__)
            case TookTooLong(after_s):
                return Unanswered(f"it took longer than {after_s:g} s")
            case Unexpected(error):
                return Unanswered(hidden(self.run, said_of(error)))
