"""What anybody may do to a run without carrying it: start it, send it events, answer for a person.

Each call reads the run, decides with the kernel, and writes on condition that the run is still as it was
read; if it is not, it reads again. So a process without handlers does all this as well as a worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from opord.contract import Event
from opord.drive import hooks
from opord.engine.clock import World, uuid7
from opord.engine.commits import Commits
from opord.drive.errors import (
    EventConflict,
    EventRefused,
    HistoryFull,
    InputInvalid,
    NotInDoubt,
    NotStalled,
    QueueFull,
    RoleRequired,
    RunEnded,
    RunPruned,
    RunUnknown,
    RunUnreadable,
    StartConflict,
    UnknownEvent,
)
from opord.engine.programs import Programs
from opord.drive.turns import Turns
from opord.generated.handles import Sent
from opord.kernel import bounds, inbox, moves
from opord.kernel.bounds import check_key, check_said
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence, Message
from opord.kernel.marks import input_mark
from opord.kernel.program import EventProgram, Program
from opord.kernel.rows import EventKey, InboxRow, RunRow
from opord.kernel.run import Run, load_run
from opord.kernel.sealing import opened_digest, opened_text, sealed_digest
from opord.kernel.step import StepError
from opord.stores.base import Applied, Exists, KeyTaken, Stale, Store, WasPruned
from opord.values.canonical import digest, dumps
from opord.values.guard import BadValue, check_size
from opord.values.vault import SecretUnreadable

if TYPE_CHECKING:
    from opord.engine.worker import Worker

log = logging.getLogger("opord.client")


class Started(NamedTuple):
    """The answer to a start: the run's name, and whether it is new or was there before with the same input.

    `pruned`: it was there before, has ended, and is kept no more.
    """

    run: str
    created: bool
    pruned: bool = False


class Client:
    """Starts runs and moves them by events and by a person's word."""

    def __init__(
        self,
        *,
        store: Store,
        commits: Commits,
        programs: Programs,
        world: World,
        hook: hooks.Hook = hooks.nothing,
    ) -> None:
        self.store = store
        self.commits = commits
        self.programs = programs
        self.world = world
        self.hook = hook
        self.worker: Worker | None = None
        self._turns = Turns()
        self._starts = 0

    # --- starts ----------------------------------------------------------------------------------

    async def start(self, program: Program, input_value: Any) -> Started:
        """Start a run; the same key and input again give the same run.

        `input_value` is the program's input, as `program.input.accept` gives it.

        Raises:
            InputInvalid: the input does not fit the contract.
            StartConflict: a run of that key was started with another input.
        """
        program = self.programs.own(program)
        worker = self.worker
        held = worker is not None and worker.has_room and program.digest in worker.programs
        try:
            run_id = self._run_id(program, input_value)
            self._starts += 1
            # The record names this process too: with the number, no two starts are alike.
            message = str(self._starts) if program.key is not None else None
            draft = moves.start(
                program,
                run_id,
                input_value,
                now=self.store.now(),
                worker=self.world.worker,
                held=held,
                message=message,
            )
            check_size(draft.run.input_text, what="the input")
        except BadValue as error:
            raise InputInvalid(program.name, error.path, error.message) from error
        except StepError as error:
            raise InputInvalid(program.name, "", f"the initial state cannot be made: {error}") from error
        run = draft.run
        if held and worker is not None:
            run.worker = worker.name
            run.wake_at = draft.at + worker.lease_us
        elif run.at.declaration.kind == "acting":
            run.wake_at = draft.at
        else:
            inbox.settle(draft, [])
        self.hook("before start", run_id)
        result = await self.commits.apply(draft.start())
        self.hook("start written", run_id)
        if isinstance(result, Exists):
            if opened_text(program, run_id, "input", result.row.input) != run.input_text:
                raise StartConflict(run_id)
            return Started(run_id, False)
        if isinstance(result, WasPruned):
            if result.tombstone.input != input_mark(run.input_text):
                raise StartConflict(run_id)
            return Started(run_id, False, True)
        if held and worker is not None:
            worker.launch(run)
        return Started(run_id, True)

    def _run_id(self, program: Program, input_value: Any) -> str:
        if program.key is not None:
            return f"{program.name}/{check_key(program.key(input_value), 'the key that names the run')}"
        return f"{program.name}/{uuid7(self.world.now(), self.world.random.getrandbits(74))}"

    # --- events ----------------------------------------------------------------------------------

    async def send(
        self, run_id: str, event: str, args: Any, *, actor: str = "", role: str | None = None
    ) -> Sent:
        """Send an event; `args` is an object with a member for each parameter, or a tuple of values.

        Raises:
            RunUnknown, UnknownEvent, InputInvalid, RoleRequired, EventRefused, EventConflict, RunEnded, RunPruned,
                QueueFull, HistoryFull: it was refused and has changed nothing.
        """
        _check_person(actor, role)
        # Two that read the same run would both have to look again: here, one event of a run comes after the other.
        async with self._turns.of(run_id):
            return await self._send(run_id, event, args, actor, role)

    async def _send(self, run_id: str, event: str, args: Any, actor: str, role: str | None) -> Sent:
        while True:
            run = await self.read(run_id)
            program = run.program
            declared = _event(program, event)
            _check_role(declared.declaration, role)
            message = self._message(run, declared, args, actor, role)
            key = EventKey(event, message.key, _content(run, message)) if declared.key is not None else None
            if key is not None:
                known = await self.commits.call(self.store.event_key, run_id, event, message.key)
                if known is not None:
                    return _duplicate(run, key, known)
            sent = await self._offer(run, declared.declaration, message, key)
            if sent is not None:
                return sent

    async def _offer(self, run: Run, event: Event, message: Message, key: EventKey | None) -> Sent | None:
        """Offer an event to a run as read; None if the run has moved meanwhile."""
        if run.status == "ended":
            raise RunEnded(run.id, run.state, run.outcome, how=run.body.how)
        if run.seq >= bounds.HISTORY_RECORDS:
            raise HistoryFull(run.id, event.name, run.seq, bounds.HISTORY_RECORDS)
        now = self.store.now()
        draft = Draft(run, now, self.world.worker)
        waiting: list[InboxRow] | None = None
        held = run.worker
        if held is not None:
            draft.seize()
        if inbox.must_look(run, now):
            waiting = await self._inbox(run)
            # A timer that is due wins over this event, even where a worker has only just come to fire it.
            waiting = inbox.settle(draft, waiting)
        reception: Literal["taken", "stored", "ignored"] = "taken"
        moved = not draft.empty
        try:
            handler = inbox.fitting(run, message.event, message.args, message.actor, now)
        except StepError as error:
            raise EventRefused(
                run.id,
                message.event,
                run.state,
                _handled(run),
                f"cannot decide on {message.event!r}: {error}",
            ) from error
        if handler is not None:
            inbox.receive(draft, message, handler)
            reception = "ignored" if handler.step is None else "taken"
            if handler.step is None and held is not None:
                run.worker = None
                moves.runnable(draft)
            inbox.settle(draft, waiting if waiting is not None else await self._inbox(run))
        elif inbox.keeps(run, event):
            row = inbox.inbox_row(run, message.id, now, message)
            await self._check_queue(run, row, event)
            draft.put.append(row)
            reception = "stored"
        else:
            raise self._refusal(run, message.event)
        if key is not None:
            draft.event_keys.append(key)
        self.hook("before event", run.id)
        if moved or handler is not None:
            write = draft.write(arrivals=run.arrivals)
        else:
            run.epoch = draft.base_epoch
            # Of two that have seen the same queue, one looks again: so no more are stored than there is room for.
            write = draft.write(head=False, arrivals=run.arrivals)
        result = await self.commits.apply(write)
        self.hook("event written", run.id)
        if isinstance(result, KeyTaken):
            return _duplicate(run, key, result.taken) if key is not None else None
        if not isinstance(result, Applied):
            return None
        self._moved(run, seized=held is not None and run.epoch != draft.base_epoch)
        return Sent(reception, run.state)

    async def _inbox(self, run: Run) -> list[InboxRow]:
        return await self.commits.call(self.store.inbox, run.id) if run.arrivals else []

    async def _check_queue(self, run: Run, row: InboxRow, event: Event) -> None:
        """Refuse a message for which there is no room.

        Raises:
            QueueFull: there is none.
        """
        size, call = len(row.body.encode()), self.commits.call
        many = run.arrivals >= bounds.QUEUE_MESSAGES
        if many and (count := await call(self.store.waiting, run.id)) >= bounds.QUEUE_MESSAGES:
            raise QueueFull(
                run.id, event.name, run.state, f"{count:,} events", f"{bounds.QUEUE_MESSAGES:,} events"
            )
        large = size > bounds.SMALL_MESSAGE_BYTES and run.arrivals > 0
        if large and (there := await call(self.store.waiting_bytes, run.id)) + size > bounds.QUEUE_BYTES:
            seen = f"{there:,} bytes of events (and this one has {size:,})"
            raise QueueFull(run.id, event.name, run.state, seen, f"{bounds.QUEUE_BYTES:,} bytes")

    def _message(self, run: Run, declared: EventProgram, args: Any, actor: str, role: str | None) -> Message:
        name = declared.declaration.name
        try:
            values = declared.args.accept(args)
            rest = declared.args.dump(values)
            check_size(dumps(rest), what="what the event carries")
            key = ""
            if declared.key is not None:
                key = check_key(
                    declared.key(values, run.frame(self.store.now(), actor)), f"the key of the event {name}"
                )
        except BadValue as error:
            raise InputInvalid(f"{run.program.name}'s event {name}", error.path, error.message) from error
        return Message(name, rest, actor, role or "", key, self.world.message_id())

    def _refusal(self, run: Run, event: str) -> Exception:
        if run.status == "ended":
            return RunEnded(run.id, run.state, run.outcome, how=run.body.how)
        why = ""
        intent = run.intent
        if inbox.commit_open(run) and intent is not None:
            why = f"is in {run.state}, in the middle of committing {intent.call}, and does not keep {event!r} for later"
        elif event in inbox.handlers_now(run):
            why = f"is in {run.state}, whose condition for {event!r} this one does not meet"
        return EventRefused(run.id, event, run.state, _handled(run), why, how=run.body.how)

    def _moved(self, run: Run, *, seized: bool) -> None:
        """Tell the worker of this process what it may want to know of a run that was moved from outside."""
        if self.worker is None:
            return
        if seized:
            self.worker.drop(run.id)
        if run.status == "running" and run.worker is None:
            self.worker.nudge()
        else:
            self.worker.due(run.wake_at)

    # --- a person's word -------------------------------------------------------------------------

    async def retry(
        self, run_id: str, *, actor: str, role: str | None = None, reason: str | None = None
    ) -> None:
        """Let a stalled run go on, the cause being mended.

        Raises:
            RunUnknown, NotStalled: it was refused.
        """

        _check_person(actor, role, reason)

        def change(run: Run, draft: Draft) -> None:
            if run.status != "stalled":
                raise NotStalled(run.id, run.status)
            moves.retry(draft, actor=actor, role=role, reason=reason)

        await self._change(run_id, change)

    async def terminate(
        self, run_id: str, *, actor: str, role: str | None = None, reason: str | None = None
    ) -> None:
        """End a run by an administrator's word.

        Raises:
            RunUnknown, RunEnded: it was refused.
        """

        _check_person(actor, role, reason)

        def change(run: Run, draft: Draft) -> None:
            if run.status == "ended":
                raise RunEnded(run.id, run.state, run.outcome, how=run.body.how)
            draft.seize()
            moves.terminate(draft, actor=actor, role=role, reason=reason)

        await self._change(run_id, change)

    async def resolve(
        self,
        run_id: str,
        *,
        happened: bool,
        result: Any = None,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Say, as a person, whether the action that a run is in doubt about happened, and with which result.

        Raises:
            RunUnknown, NotInDoubt: it was refused.
            InputInvalid: the result is not of the action's type.
        """

        _check_person(actor, role, reason)

        def change(run: Run, draft: Draft) -> None:
            intent = run.intent
            if intent is None or intent.outcome is not None or not (intent.doubts or intent.asking):
                is_now = "has ended" if run.status == "ended" else f"is {run.status.replace('_', ' ')}"
                raise NotInDoubt(run.id, f"it {is_now}, and no action of it is in doubt")
            if intent.in_flight:
                raise NotInDoubt(
                    run.id, f"attempt {intent.attempt} of {intent.call} is under way; wait for its end"
                )
            draft.seize()
            if not happened:
                moves.did_not_happen(
                    draft, intent, by="person", fresh=True, actor=actor, role=role, reason=reason
                )
                return
            call, _ = run.action(intent)
            if call.result is None and result is not None:
                raise InputInvalid(
                    f"the resolution of {intent.call}", "", "the action has no result; leave it out"
                )
            try:
                rest = call.result.dump(call.result.accept(result)) if call.result is not None else None
            except BadValue as error:
                raise InputInvalid(f"the resolution of {intent.call}", error.path, error.message) from error
            moves.happened(draft, intent, rest, actor=actor, role=role, reason=reason)

        await self._change(run_id, change)

    async def late(self, run_id: str, evidence: Evidence) -> None:
        """Keep what a worker learned of an attempt after it had lost the run; it settles the doubt if one is open."""
        while True:
            try:
                run = await self.read(run_id)
            except RunUnknown:
                return
            except RunPruned as gone:
                log.warning(
                    "%s: a late outcome of %s comes too late to be kept: %s", run_id, evidence.call, gone
                )
                return
            draft = Draft(run, self.store.now(), self.world.worker)
            intent = run.intent
            concerns = intent is not None and intent.seq == evidence.intent and intent.outcome is None
            if run.worker is not None and not concerns:
                # Somebody holds the run, and this changes nothing for it: it joins the journal when the run rests.
                draft.put.append(inbox.inbox_row(draft.run, self.world.message_id(), draft.at, evidence))
                write = draft.write(head=False)
            elif inbox.adopt(draft, evidence):
                draft.seize()
                moves.runnable(draft)
                write = draft.write()
            elif run.worker is not None:
                draft = Draft(await self.read(run_id), self.store.now(), self.world.worker)
                draft.put.append(inbox.inbox_row(draft.run, self.world.message_id(), draft.at, evidence))
                write = draft.write(head=False)
            else:
                write = draft.write()
            self.hook("before evidence", run_id)
            if isinstance(await self.commits.apply(write), Applied):
                log.info("%s: a late outcome of %s is kept as evidence", run_id, evidence.call)
                self._moved(run, seized=run.worker is None and concerns)
                return

    # --- reading ---------------------------------------------------------------------------------

    async def read(self, run_id: str) -> Run:
        """Return a run, decoded.

        Raises:
            RunUnknown: there is none of that name.
            RunUnreadable, SecretUnreadable: what is kept of it cannot be read.
            RunPruned: it has ended, and is kept no more.
        """
        row = await self.row(run_id)
        program = await self.program(row.contract)
        try:
            return load_run(program, row)
        except SecretUnreadable:
            raise
        except Exception as error:
            raise RunUnreadable(run_id, str(error)) from error

    async def row(self, run_id: str) -> RunRow:
        """Return a run as stored; RunUnknown or RunPruned if there is none of that name."""
        row = await self.commits.call(self.store.load, run_id)
        if row is None:
            raise await self.missing(run_id)
        return row

    async def missing(self, run_id: str) -> RunUnknown | RunPruned:
        """Say of a run that is not there whether there ever was one, as far as that is known."""
        tombstone = await self.commits.call(self.store.tombstone, run_id)
        return RunUnknown(run_id) if tombstone is None else RunPruned(tombstone)

    async def program(self, contract: str) -> Program:
        """Return the program of a contract by its digest."""
        known = self.programs.known(contract)
        if known is not None:
            return known
        return await self.commits.call(self.programs.load, self.store, contract)

    async def _change(self, run_id: str, change: Callable[[Run, Draft], None]) -> None:
        while True:
            run = await self.read(run_id)
            held = run.worker is not None
            draft = Draft(run, self.store.now(), self.world.worker)
            change(run, draft)
            waiting = await self.commits.call(self.store.inbox, run_id) if run.arrivals else []
            if run.status == "ended" or (run.status == "running" and not inbox.commit_open(run)):
                inbox.settle(draft, waiting)
            result = await self.commits.apply(draft.write(arrivals=run.arrivals))
            if isinstance(result, Applied):
                self._moved(run, seized=held)
                return
            if isinstance(result, Stale) and result.row is None:
                raise await self.missing(run_id)
            await asyncio.sleep(0)


def _check_person(actor: str, role: str | None, reason: str | None = None) -> None:
    """Refuse what somebody says of themselves that cannot be kept.

    Raises:
        InputInvalid: it cannot.
    """
    try:
        check_said(actor, "the name of who acts")
        check_said(role, "the role")
        check_said(reason, "the reason", most=bounds.LONGEST_REASON)
    except BadValue as error:
        raise InputInvalid("the sender", "", error.message) from None


def _event(program: Program, event: str) -> EventProgram:
    declared = program.events.get(event)
    if declared is None:
        raise UnknownEvent(program.name, event, list(program.events))
    return declared


def _check_role(event: Event, role: str | None) -> None:
    if event.roles and role not in event.roles:
        raise RoleRequired(event.name, event.roles, role)


def _handled(run: Run) -> list[str]:
    return sorted(inbox.handlers_now(run))


def _content(run: Run, message: Message) -> str:
    place = f"event key {message.event} {message.key}"
    return sealed_digest(run.program, run.id, place, digest(dumps(message.args)))


def _duplicate(run: Run, key: EventKey, known: EventKey) -> Sent:
    place = f"event key {key.event} {key.key}"
    contents = [opened_digest(run.program, run.id, place, each.content) for each in (known, key)]
    if contents[0] != contents[1]:
        raise EventConflict(run.id, key.event, key.key)
    return Sent("repeated", run.state)
