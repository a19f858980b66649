"""Carry out commits. Intent and attempt are durable before the call, the outcome soon after.

The outcome is durable before anything that follows from it. The kernel's table (`kernel/doubt.py`)
decides what to do next; this module does it.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Literal, TypeAlias, assert_never

import msgspec

from opord.contract import Action, Check
from opord.drive.calls import Answered, Calls, Ending, Failed, TookTooLong, Unexpected
from opord.drive.effects import Effects, about_call, wait_of
from opord.drive.evidence import keep_late
from opord.drive.hold import Hold
from opord.drive.host import Carrier
from opord.drive.interrupts import Collided, Stalled, evidence_of, other_commit
from opord.drive.logged import about
from opord.drive.past import look_back_at
from opord.drive.transactions import Transactions
from opord.kernel import checks, recording
from opord.kernel.asked_waits import NO_WAIT, HeardWait, asked_wait, not_before
from opord.kernel.doubt import Stands
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence, adopt, adopt_all
from opord.kernel.instants import in_words
from opord.kernel.keys import commit_key, outcome_under, result_of
from opord.kernel.limits import Permit
from opord.kernel.plan import Plan, plan_of, stands_of
from opord.kernel.program import CallProgram
from opord.kernel.requests import Commit
from opord.kernel.run import Intent, Outcome, Run
from opord.kernel.step import StepError, StepUnderWay, dump_failure
from opord.kernel.trouble import describe_without_exception, recorded, storable
from opord.values.canonical import dumps
from opord.values.failure import Failure
from opord.values.types import START_OF_TIME, Instant, Key

log: logging.Logger = logging.getLogger("opord.worker")

_Note: TypeAlias = Literal["begin", "note", "set aside", "doubt", "deny"]
_Rest: TypeAlias = Literal["ask again", "ask", "rest"]
_End: TypeAlias = Literal["succeed", "refuse", "give up", "confirm", "skip", "report"]


class CommitReply(msgspec.Struct, frozen=True):
    """What a call led to: where the commit stands now, and the result or failure in rest form.

    `explanation` is why the call gave no answer; `trouble` describes what its handler did wrong, if
    that is why; `misfit` is true if it answered what the contract does not allow. `text` is the
    result as canonical JSON, if it was made.
    `asked_at` is when a check was asked that gave no answer; `value` is then what it failed with.
    `wait` is how long the other side asked to wait.
    """

    stands: Stands
    value: Any = None
    explanation: str = ""
    trouble: dict[str, Any] | None = None
    text: bytes = b""
    misfit: bool = False
    asked_at: Instant = START_OF_TIME
    wait: HeardWait = NO_WAIT


_NO_REPLY: Final = CommitReply("starting")


class Commitments:
    """Carries out the commits of a held run."""

    __slots__ = ("_permit", "calls", "effects", "hold", "host", "run", "transactions")

    def __init__(self, hold: Hold, calls: Calls, effects: Effects) -> None:
        self._permit: Permit | None = None
        self.hold: Hold = hold
        self.host: Carrier = hold.host
        self.run: Run = hold.run
        self.calls: Calls = calls
        self.effects: Effects = effects
        self.transactions: Transactions = Transactions(hold, calls, effects)

    async def commit(self, draft: Draft, step: StepUnderWay, request: Commit) -> tuple[Draft, Outcome]:
        """Bring the commit that a step asks for to its outcome.

        The outcome is in the returned draft, or already durable. That of an action in a transaction
        is in `transactions` and on record with the `goto`.

        Raises:
            Parked: the run rests until the commit can go on.
            Lost: another process has moved the run.
            StepError, Stalled: a person must mend something first.
        """
        run = self.run
        call = run.program.calls[request.name]
        action = call.declaration
        assert isinstance(action, Action)
        large = run.large
        args = large.dump(call.args, request.args) if large.entries else call.args.dump(request.args)
        try:
            return await self._committed(draft, step, request, call, action, args)
        finally:
            if self._permit is not None:  # of an attempt that was not made after all
                self._give_back(call)

    async def _committed(
        self,
        draft: Draft,
        step: StepUnderWay,
        request: Commit,
        call: CallProgram,
        action: Action,
        args: Any,
    ) -> tuple[Draft, Outcome]:
        run, intent = self.run, self.run.intent
        if intent is not None:
            if intent.call != request.name or dumps(intent.args) != dumps(args):
                raise Stalled(other_commit(intent))
            return await self._see_through(draft, call, action, intent, request.args, stands_of(intent))
        key = commit_key(run, call, request.args, step.now)
        outcome = await self._earlier_outcome(draft, call, key, args)
        if outcome is not None:
            recording.outcome_on_record(draft, request.name, key, outcome)
            return draft, outcome
        collision = run.collision
        another = collision is not None and (collision.key, collision.answer) == (key, "another")
        if another:
            key = run.own_key
        if action.transaction:
            outcome = await self.transactions.commit(draft, step, call, key, request.args, args)
            return self.hold.draft(), outcome
        if run.body.not_before:
            await self._rest_if_asked(draft, request.name)
        if self.host.limits is not None:
            await self._permitted(draft, call, request.args, step)
        self.host.hook("before intent", run.id)
        intent = recording.intend(
            draft, request.name, key, args, now=step.now, answers=list(step.answers), another=another
        )
        return await self._see_through(draft, call, action, intent, request.args, "starting")

    async def _permitted(
        self, draft: Draft, call: CallProgram, args: tuple[Any, ...], step: StepUnderWay | None = None
    ) -> None:
        """Take a permit for the next attempt, if the action is limited.

        `step` is None if what the step has learned is on record.

        Raises:
            Parked: the run waits for it.
            Lost: another process has moved the run.
        """
        if self._permit is None:
            now, answers = (step.now, step.answers) if step is not None else (draft.at, None)
            self._permit = await self.hold.permits.for_call(
                self.hold, draft, call, args, now=now, answers=answers
            )

    def _give_back(self, call: CallProgram) -> None:
        permit, self._permit = self._permit, None
        self.hold.permits.call_ended(permit, call)

    async def _rest_if_asked(self, draft: Draft, action: str) -> None:
        """Give the run back if the action's other side asked, in this state, to be left alone.

        Raises:
            Parked: the run rests until then.
        """
        due = not_before(self.run, action)
        if due and self.host.now() < due:
            await self.hold.pause(draft, due)

    async def _earlier_outcome(self, draft: Draft, call: CallProgram, key: Key, args: Any) -> Outcome | None:
        """Return the outcome on record if this key took effect in this run before; else None.

        If that was with other arguments, a person says whether it is this commit's outcome too.

        Raises:
            Collided: it was with other arguments, and nobody has said that yet.
        """
        name = call.declaration.name
        if call.key is None or name not in self.run.body.settled:
            return None
        # The state before may have used the key just now; then it is in the draft and not in the
        # store yet.
        used = next((one for one in draft.used_keys if (one.action, one.key) == (name, key)), None)
        if used is None:
            used = await self.host.used_key(self.run.id, name, key)
        if used is None:
            return None
        outcome = outcome_under(self.run, used, args)
        if outcome is not None:
            return outcome
        collision = self.run.collision
        match collision.answer if collision is not None and collision.key == key else None:
            case None:
                raise Collided(name, key, args)
            case "happened":
                return result_of(self.run, used)
            case "another":
                return None
            case never:
                assert_never(never)

    async def _see_through(
        self,
        draft: Draft,
        call: CallProgram,
        action: Action,
        intent: Intent,
        args: tuple[Any, ...],
        stands: Stands,
    ) -> tuple[Draft, Outcome]:
        """Do what the table says until the commit has an outcome."""
        run, hold, host = self.run, self.hold, self.host
        now, reply = draft.at, _NO_REPLY
        while True:
            plan = plan_of(
                stands,
                run,
                intent,
                action,
                now=now,
                spread=host.random,
                resting=host.draining,
                explanation=reply.explanation,
                asked_us=reply.wait.us,
            )
            match plan.deed:
                case "record":
                    await self._record(draft, intent)
                    now, stands = host.now(), "started"
                    continue
                case "take back":
                    draft = await self._take_back()
                    stands = "between"
                case "call":
                    reply = await self._call(call, intent, args)
                    stands = reply.stands
                    draft = hold.draft()
                case "succeed" | "refuse" | "give up" | "confirm" | "skip" | "report":
                    return draft, self._end(draft, intent, plan.deed, reply)
                case "deliver":
                    assert intent.outcome is not None
                    return draft, intent.outcome
                case "begin" | "note" | "set aside" | "doubt" | "deny":
                    if draft.written:
                        draft = hold.draft()
                    if plan.deed == "begin":
                        await self._permitted(draft, call, args)
                    stands = self._note(draft, intent, plan.deed, plan, reply)
                case "doubt first":
                    _put_in_doubt(draft, intent, plan)
                    await hold.flush(draft)
                    host.hook("doubt written", run.id)
                    draft, stands = hold.draft(), "between"
                case "check":
                    if not draft.empty:
                        await hold.flush(draft)
                    reply = await self._check(call, action, intent, args)
                    stands = reply.stands
                    draft = hold.draft()
                case "ask again" | "ask" | "rest":
                    stands = await self._rest(draft, intent, plan.deed, plan, reply)
                case "pause":
                    await hold.pause(draft, plan.instant or draft.at)
                case "wait" | "adopt" | "damaged":
                    raise RuntimeError(f"{run.id}: who holds a run cannot {plan.deed} ({stands})")
                case _:
                    assert_never(plan.deed)
            now = draft.at

    async def _record(self, draft: Draft, intent: Intent) -> None:
        """Make an attempt durable, and make sure that this worker may call it.

        If the run is lost in between, this worker knows that the call never began.
        """
        hold = self.hold
        hold.beginning = True
        try:
            await hold.flush(draft)
            hold.uncalled = intent
            if intent.attempt == 1:
                self.host.hook("intent written", self.run.id)
            await hold.lease.make_sure()
        finally:
            hold.beginning = False

    def _entering(self) -> None:
        """Note that the handler is entered. From now on the attempt counts as called."""
        self.hold.uncalled = None

    async def _take_back(self) -> Draft:
        """Record that the attempt was not called: too much time passed after it was recorded."""
        hold, word = self.hold, self.hold.own_evidence
        if word is None or hold.uncalled is None:
            raise RuntimeError(f"{self.run.id}: an attempt that was called cannot be taken back")
        draft = hold.draft()
        await look_back_at(self.host, draft, [word.intent])
        adopt(draft, word)
        await hold.flush(draft)
        hold.uncalled = None
        return hold.draft()

    async def _rest(
        self, draft: Draft, intent: Intent, deed: _Rest, plan: Plan, reply: CommitReply
    ) -> Stands:
        """Give the run back in doubt.

        If a late outcome has come meanwhile, say where the commit stands by that instead.
        """
        match deed:
            case "ask again":
                self._note_silence(draft, intent, plan, reply)
            case "ask":
                recording.ask(draft, intent, plan.reason)
            case "rest":
                pass
            case _:
                assert_never(deed)
        before = (intent.doubts, intent.outcome)
        self.hold.set_messages(adopt_all(draft, await self.hold.messages(draft)))
        if (intent.doubts, intent.outcome) == before:
            await self.hold.park_in_doubt(draft, plan.instant)
        return stands_of(intent)

    def _note_silence(self, draft: Draft, intent: Intent, plan: Plan, reply: CommitReply) -> None:
        """Record that the check gave no answer, and say so in the log."""
        _, action = self.run.action(intent)
        rule = action.doubt
        assert isinstance(rule, Check)
        checks.check_silent(
            draft,
            intent,
            rule.effect,
            plan.reason,
            failure=reply.value,
            trouble=reply.trouble,
            began=reply.asked_at,
            next_at=plan.instant or draft.at,
            wait=reply.wait,
        )
        log.info("%s: %s", self.run.id, self.run.reason, extra=about(self.run))

    async def _call(self, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> CommitReply:
        """Call the action. Its attempt is already on record."""
        about = about_call(self.hold, self.calls, call, intent.key, intent.attempt)
        self.hold.calling = True
        try:
            ending = await self.calls.attempt(
                call,
                args,
                about,
                run=self.run.id,
                late=lambda ending: self._late(call, intent.seq, about.attempt, ending),
                ready=self.hold.lease.make_sure,
                entering=self._entering,
            )
        finally:
            self.hold.calling = False
            if self._permit is not None:
                self._give_back(call)
        self.host.hook("call answered", self.run.id)
        match ending:
            case Answered():
                return CommitReply("result", ending.rest, text=ending.text)
            case Failed(failure):
                return CommitReply(_stands(failure), dump_failure(call, failure), wait=asked_wait(failure))
            case TookTooLong():
                return self._gave_up(call, ending)
            case Unexpected(error):
                trouble = self.calls.describe(call, error)
                misfit = self.calls.misfits(call, error)
                return CommitReply("unknown", explanation=trouble["error"], trouble=trouble, misfit=misfit)
            case _:
                assert_never(ending)

    def _gave_up(self, call: CallProgram, ending: TookTooLong) -> CommitReply:
        name, explanation = call.declaration.name, f"no answer within {ending.after_s:g} s"
        frames = self.calls.hung_at(call, ending)
        kind = "CallLimit" if ending.limit else "TimedOut"
        trouble = describe_without_exception(kind, explanation, call=name, frames=frames) if frames else None
        return CommitReply("unknown", explanation=explanation, trouble=trouble)

    def _note(self, draft: Draft, intent: Intent, deed: _Note, plan: Plan, reply: CommitReply) -> Stands:
        """Record why the commit stays open, and return where it stands then."""
        value = reply.value
        match deed:
            case "begin":
                recording.begin_attempt(draft, intent)
                return "starting"
            case "note":
                self._learn(intent, Outcome("failed", value))
                recording.attempt_failed(draft, intent, value, next_at=plan.instant, wait=reply.wait)
                self._tell_failed(intent, plan)
            case "set aside":
                self._learn(intent, Outcome("failed", value))
                recording.attempt_failed(draft, intent, value, next_at=None, final=True)
                log.info(
                    "%s: %s failed, but the failure does not end the doubt",
                    self.run.id, intent.call, extra=about(self.run),
                )  # fmt: skip
            case "doubt":
                _put_in_doubt(draft, intent, plan, reply if plan.reason == reply.explanation else _NO_REPLY)
                log.info(
                    "%s: %s is in doubt: %s; `opord runs show %s` says what comes next",
                    self.run.id, intent.call, intent.reason, self.run.id, extra=about(self.run),
                )  # fmt: skip
            case "deny":
                recording.did_not_happen(draft, intent, by="check", fresh=False)
            case _:
                assert_never(deed)
        return "between"

    def _tell_failed(self, intent: Intent, plan: Plan) -> None:
        following = "no attempt is left"
        if plan.instant is not None:
            following = f"it is tried again at {in_words(plan.instant)}"
        log.info(
            "%s: attempt %d of %s failed with %s; %s",
            self.run.id, intent.attempt, intent.call, intent.failure["type"], following, extra=about(self.run),
        )  # fmt: skip

    def _end(self, draft: Draft, intent: Intent, deed: _End, reply: CommitReply) -> Outcome:
        """Record the outcome and return it."""
        value, text = reply.value, b""
        match deed:
            case "succeed":
                self._learn(intent, outcome := Outcome("ok", value))
                text = reply.text
            case "refuse":
                self._learn(intent, outcome := Outcome("failed", value))
            case "give up":
                outcome = Outcome("failed", intent.failure)
            case "confirm":
                outcome = Outcome("ok", value, "check")
            case "skip":
                outcome = Outcome("ok", None, "skip")
            case "report":
                outcome = Outcome("failed", {"type": "InDoubt"}, "report")
            case _:
                assert_never(deed)
        recording.outcome_known(draft, intent, outcome, text=text)
        return outcome

    def _learn(self, intent: Intent, outcome: Outcome) -> None:
        """Remember the outcome of a call until it is on record: the run may be lost before."""
        self.hold.learned = Evidence(
            intent.seq, intent.call, intent.attempt, outcome.kind, outcome.value, self.host.name
        )
        self.host.hook("before outcome", self.run.id)

    def _late(self, call: CallProgram, intent_seq: int, attempt: int, ending: Ending) -> None:
        """Keep the ending of a call that was given up, if it tells something."""
        evidence = evidence_of(call, intent_seq, attempt, ending, self.host.name)
        if evidence is not None:
            self.host.in_background(keep_late(self.host, self.run.id, evidence))

    async def _check(
        self, call: CallProgram, action: Action, intent: Intent, args: tuple[Any, ...]
    ) -> CommitReply:
        """Ask the check's effect whether the action happened."""
        rule = action.doubt
        assert isinstance(rule, Check)
        effect, check_args = self.run.program.calls[rule.effect], self._check_args(call, intent, args)
        permits, draft = self.hold.permits, self.hold.draft()
        permit = await permits.for_call(self.hold, draft, effect, check_args, now=draft.at)
        asked_at = self.host.now()
        try:
            ending = await self.effects.ask(effect, check_args)
        finally:
            permits.call_ended(permit, effect)
        self.host.hook("check answered", self.run.id)
        match ending:
            case Answered(None | False):
                return CommitReply("no")
            case Answered(value):
                return CommitReply("yes", call.result.dump(value) if call.result is not None else None)
            case Failed(failure):
                explanation = type(failure).__name__
            case TookTooLong(after_s):
                explanation = f"it took longer than {after_s:g} s"
            case Unexpected(error):
                explanation = recorded(self.run, self.calls.describe(effect, error))["error"]
            case _:
                assert_never(ending)
        failed, trouble = self.effects.what_failed(effect, ending)
        return CommitReply(
            "silence", failed, storable(explanation), trouble, asked_at=asked_at, wait=wait_of(ending)
        )

    def _check_args(self, call: CallProgram, intent: Intent, args: tuple[Any, ...]) -> tuple[Any, ...]:
        pending = self.run.body.pending
        if call.check_args is None or pending is None:
            raise RuntimeError(f"{intent.call} has no check")
        try:
            return call.check_args(args, self.run.frame(pending.now), intent.key)
        except Exception as error:
            raise StepError(error, self.run.program.place_of(error)) from error


def _stands(failure: Failure) -> Stands:
    """Say where a commit stands by a failure of its attempt."""
    if failure.opord_transient:
        return "transient"
    return "settles" if failure.opord_settles else "final"


def _put_in_doubt(draft: Draft, intent: Intent, plan: Plan, reply: CommitReply = _NO_REPLY) -> None:
    recording.attempt_doubted(
        draft,
        intent,
        plan.reason,
        next_at=plan.instant or START_OF_TIME,
        counts=plan.counts,
        by=plan.by,
        trouble=reply.trouble,
        misfit=reply.misfit,
    )
