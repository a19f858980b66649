"""Send an event to a run: it is taken, stored for later, or refused. A refusal changes nothing.

Events with a key are deduplicated. The same key with the same content gets the same answer, and is
taken once. So are events that their sender delivers under an id of its own.
"""

from __future__ import annotations

import shlex
from typing import Any, Literal, NamedTuple, assert_never

from opord.contract import Event
from opord.drive.accepting import accepted_by
from opord.drive.errors import (
    EventConflict,
    EventRefused,
    EventWouldStall,
    HistoryFull,
    InputInvalid,
    QueueFull,
    RunEnded,
    UnknownEvent,
)
from opord.drive.host import Host
from opord.drive.past import look_back
from opord.drive.people import check_seq
from opord.drive.reading import read
from opord.drive.senders import check_excluded, check_role
from opord.drive.telling import tell_moved, tell_opened
from opord.drive.traces import trace_now
from opord.generated.handles import Sent
from opord.kernel import bounds, inbox, recording, taking
from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Stale, WasPruned
from opord.kernel.bounds import computed_key
from opord.kernel.draft import Draft
from opord.kernel.excluding import excluded_at_once
from opord.kernel.inbox import Message
from opord.kernel.input_digest import event_digests
from opord.kernel.open_needs import stalled_commands
from opord.kernel.program import EventProgram, Program
from opord.kernel.rows import EventKey, InboxRow, delivery_name, event_of, has_ended, is_held
from opord.kernel.run import Run
from opord.kernel.sealing import opened_digest, sealed_digest
from opord.kernel.secrets import hidden
from opord.kernel.step import StepError
from opord.values.canonical import dumps
from opord.values.guard import BadValue, check_size
from opord.values.types import NO_KEY, Digest, Key, RunId


async def send(
    host: Host,
    run_id: RunId,
    event: str,
    args: Any,
    actor: str,
    role: str | None,
    if_seq: int | None = None,
    delivery: str = "",
) -> Sent:
    """Send an event to a run.

    `args` is an object with a member for each parameter, or a tuple of values. `delivery` is an id
    that the sender gives the event, for all times that it delivers it; empty for none.

    Raises:
        RunUnknown, UnknownEvent, InputInvalid, RoleRequired, SenderExcluded, EventRefused,
            EventWouldStall, EventConflict, RunEnded, RunMoved, RunPruned, QueueFull, HistoryFull:
            the event was refused and has changed nothing.
    """
    while True:
        run = await read(host, run_id)
        if not delivery:
            check_seq(run, if_seq)
        program = run.program
        declared = _event(program, event)
        check_role(declared.declaration, role)
        excluded = excluded_at_once(declared, run.frame(host.now(), actor))
        check_excluded(run, declared.declaration, actor, excluded)
        message = _message(host, run, declared, args, actor, role, delivery)
        keyed = None
        if message.key or message.delivery:
            keyed = _Keyed(run, message, event_digests(program.contract, declared.declaration, message.args))
            for name, key in keyed.names:
                if (first := await host.event_key(run_id, name, key)) is not None:
                    return keyed.repeats(first)
        # A delivery that was taken before has moved the run itself, so it is looked up first.
        check_seq(run, if_seq)
        answer = await _offer(host, run, declared.declaration, message, keyed)
        if answer is not None:
            return answer


async def _offer(host: Host, run: Run, event: Event, message: Message, keyed: _Keyed | None) -> Sent | None:
    """Offer an event to a run as read; return None if the run has moved since."""
    if has_ended(run.status):
        raise RunEnded(run.id, run.state, run.outcome, how=run.body.how)
    if run.seq >= bounds.HISTORY_RECORDS:
        raise HistoryFull(run.id, event.name, run.seq, bounds.HISTORY_RECORDS)
    now = host.now()
    draft = Draft(run, now, host.name)
    waiting: list[InboxRow] | None = None
    holder = run.worker
    carried = holder is not None and run.wake_at is not None and run.wake_at > now
    if holder is not None:
        draft.seize()
    if inbox.must_look(run, now):
        waiting = await _inbox(host, draft)
        # A due timer comes before this event, even if a worker is about to fire it.
        waiting = inbox.take_in(draft, waiting, carried=carried)
    reception: Literal["taken", "stored", "ignored"] = "taken"
    behind_timer = not carried and inbox.timer_begins(run)
    moved = behind_timer or not draft.empty
    fit = taking.NO_FIT
    if not behind_timer:
        fit = taking.fitting(run, message.event, message.args, message.actor, now)
        check_excluded(run, event, message.actor, fit.excluded)
    handler = fit.handler
    if handler is not None:
        try:
            inbox.receive(draft, message, handler)
        except StepError as error:
            raise EventWouldStall(run.id, message.event, run.state, _why(run, error), error.place) from error
        reception = "ignored" if handler.step is None else "taken"
        if handler.step is None and holder is not None:
            run.worker = None
            recording.runnable(draft)
        inbox.take_in(draft, waiting if waiting is not None else await _inbox(host, draft))
    elif inbox.keeps(run, event, behind_timer=behind_timer):
        row = inbox.inbox_row(run, message.id, now, message)
        await _check_queue(host, run, row, event)
        draft.put += (row,)
        reception = "stored"
    else:
        raise _refusal(run, message.event, fit.error)
    if keyed is not None:
        draft.event_keys += keyed.keys()
    host.hook("before event", run.id)
    if moved or handler is not None:
        write = draft.write(arrivals=run.arrivals)
    else:
        run.epoch = draft.base_epoch
        # If two senders saw the same queue, one of them reads again. So the queue never exceeds its
        # limit.
        write = draft.write(head=False, arrivals=run.arrivals)
    result = await host.apply(write)
    host.hook("event written", run.id)
    match result:
        case Applied():
            tell_opened(host, draft)
            tell_moved(host, run, seized=holder is not None and run.epoch != draft.base_epoch)
            return Sent(reception, run.state)
        case KeyTaken(other):
            return keyed.repeats(other) if keyed is not None else None
        case Stale():
            return None
        case Exists() | WasPruned() | NotStored():
            raise RuntimeError(f"{run.id}: {result} is no answer to an event")
        case _:
            assert_never(result)


async def _inbox(host: Host, draft: Draft) -> list[InboxRow]:
    waiting = await host.inbox(draft.run.id) if draft.run.arrivals else []
    await look_back(host, draft, waiting)
    return waiting


async def _check_queue(host: Host, run: Run, row: InboxRow, event: Event) -> None:
    """Refuse a message if the queue has no room for it.

    Raises:
        QueueFull: the queue has no room.
    """
    size = len(row.body.encode())
    many = run.arrivals >= bounds.QUEUE_MESSAGES
    if many and (count := await host.waiting(run.id)) >= bounds.QUEUE_MESSAGES:
        raise QueueFull(
            run.id, event.name, run.state, f"{count:,} events", f"{bounds.QUEUE_MESSAGES:,} events"
        )
    large = size > bounds.SMALL_MESSAGE_BYTES and run.arrivals > 0
    if large and (there := await host.waiting_bytes(run.id)) + size > bounds.QUEUE_BYTES:
        amount = f"{there:,} bytes of events, and this one has {size:,},"
        raise QueueFull(run.id, event.name, run.state, amount, f"{bounds.QUEUE_BYTES:,} bytes")


def _message(
    host: Host, run: Run, declared: EventProgram, args: Any, actor: str, role: str | None, delivery: str
) -> Message:
    name = declared.declaration.name
    what = f"{run.program.name}'s event {name}"
    values = accepted_by(declared.args, args, what)
    try:
        rest = declared.args.dump(values)
        check_size(dumps(rest), what="what the event carries")
        key = NO_KEY
        if (key_of := declared.key) is not None:
            frame = run.frame(host.now(), actor)
            key = computed_key(lambda: key_of(values, frame), f"the key of the event {name}")
    except BadValue as error:
        raise InputInvalid(what, error.path, error.message) from error
    return Message(name, rest, actor, role or "", key, host.new_id(), Key(delivery), trace_now())


def _why(run: Run, error: StepError) -> str:
    """Return why a step or a condition cannot be computed, without the run's secrets."""
    return hidden(run, str(error))[: recording.REASON_CHARACTERS]


def _refusal(run: Run, event: str, unfit: StepError | None) -> Exception:
    """Return the error for an event that no handler takes.

    `unfit` is why the condition of a handler could not be computed.
    """
    if has_ended(run.status):
        return RunEnded(run.id, run.state, run.outcome, how=run.body.how)
    why = _why_not(run, event, unfit)
    return EventRefused(run.id, event, run.state, _handled(run), why, how=run.body.how)


def _why_not(run: Run, event: str, unfit: StepError | None) -> str:
    """Return why the run does not take the event; empty if its state does not handle it."""
    intent, stalled = run.intent, is_held(run.status)
    if taking.commit_open(run) and intent is not None:
        doing = f"in the middle of committing {intent.call}, and does not keep {event!r} for later"
        if stalled:
            return f"is stalled in {run.state}, {doing}: {_stalled(run)}"
        return f"is in {run.state}, {doing}"
    if unfit is not None:
        return f"is in {run.state}, and its condition for {event!r} cannot be computed with these values: {_why(run, unfit)}"
    if event in taking.handlers_now(run):
        return f"is in {run.state}, and its condition for {event!r} is not met by these values"
    if stalled:
        later = (
            f"takes {event!r} only when it goes on"
            if event in run.at.handlers
            else f"does not handle {event!r}"
        )
        return f"is stalled in {run.state} and {later}: {_stalled(run)}"
    return ""


def _stalled(run: Run) -> str:
    """Say why a run is stalled, and the next command."""
    if run.collides:
        return f"{run.reason}; `opord runs show {shlex.quote(run.id)}` has the commands that resolve it"
    resume, *other = [f"`{command}`" for command in stalled_commands(run)]
    advice = f"{run.reason}; mend it, then {resume}"
    if not other:
        return advice
    cause = run.droppable
    if cause is None:
        return f"{advice}, or {other[0]} if it would only stall again"
    return f"{advice}, or {other[0]} to take out the {cause.event!r} that stalled it"


def _event(program: Program, event: str) -> EventProgram:
    declared = program.events.get(event)
    if declared is None:
        raise UnknownEvent(program.name, event, list(program.events))
    return declared


def _handled(run: Run) -> list[str]:
    return sorted(taking.handlers_now(run))


class _Keyed(NamedTuple):
    """An event with a key or a delivery, and the digests of its content: by value, and by text."""

    run: Run
    message: Message
    contents: tuple[Digest, Digest]

    @property
    def names(self) -> list[tuple[str, Key]]:
        """The keys that the event uses, each with the name under which it is stored."""
        message = self.message
        both = ((delivery_name(message.event), message.delivery), (message.event, message.key))
        return [(name, key) for name, key in both if key]

    def keys(self) -> tuple[EventKey, ...]:
        """Return the keys as they are stored."""
        run = self.run
        return tuple(
            EventKey(name, key, sealed_digest(run.program, run.id, _place(name, key), self.contents[0]))
            for name, key in self.names
        )

    def repeats(self, first: EventKey) -> Sent:
        """Return the answer to an event whose key or delivery was used before.

        Raises:
            EventConflict: the first event under it had other content.
        """
        run, name, key = self.run, first.event, first.key
        if opened_digest(run.program, run.id, _place(name, key), first.content) not in self.contents:
            raise EventConflict(run.id, event_of(name), key, of_delivery=name != event_of(name))
        return Sent("dropped" if (name, key) in run.body.dropped else "repeated", run.state)


def _place(name: str, key: Key) -> str:
    return f"event key {name} {key}"
