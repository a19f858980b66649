"""Dropping: a person takes an event out of a run. Its key stays spent."""

from __future__ import annotations

from opord.kernel.cause import Cause
from opord.kernel.draft import Draft
from opord.kernel.inbox import Message, event_args, read_message
from opord.kernel.instants import text
from opord.kernel.recording import runnable
from opord.kernel.records import RecordBody
from opord.kernel.rows import InboxRow, delivery_name
from opord.kernel.run import RunBody
from opord.kernel.timers import due_times


def drop_stored(draft: Draft, row: InboxRow, *, actor: str, role: str | None, reason: str | None) -> None:
    """Take a stored event out by a person's word. It is on record, and its key stays spent."""
    run = draft.run
    message = read_message(run.program, run.id, row)
    draft.take.append(row.id)
    draft.record(
        RecordBody(
            kind="dropped",
            event=message.event,
            id=row.id,
            key=message.key or None,
            delivery=message.delivery or None,
            arrived=text(row.arrived),
            sender=message.actor,
            sender_role=message.role or None,
            actor=actor,
            role=role,
            reason=reason,
        ),
        event_args(run, message),
    )
    _remember(run.body, message)


def drop_taken(draft: Draft, cause: Cause, *, actor: str, role: str | None, reason: str | None) -> None:
    """Take out the event that a stalled step without a commit answers, by a person's word.

    The step is dropped, and the run is in its state as if the event had not come, with the timers
    that it had on entry. The key of the event stays spent.
    """
    run, body = draft.run, draft.run.body
    draft.record(
        RecordBody(
            kind="dropped",
            event=cause.event,
            id=cause.id or None,
            key=cause.key or None,
            delivery=cause.delivery or None,
            of=cause.seq,
            actor=actor,
            role=role,
            reason=reason,
        )
    )
    _remember(body, cause)
    body.pending = None
    body.timers = due_times(run, run.at, run.fields, run.since, body.phase_since, body.fired)
    run.reason = None
    runnable(draft)


def _remember(body: RunBody, event: Message | Cause) -> None:
    """Remember an event that was taken out by its key and its delivery, as far as it has them."""
    if event.key:
        body.dropped = [*body.dropped, (event.event, event.key)]
    if event.delivery:
        body.dropped = [*body.dropped, (delivery_name(event.event), event.delivery)]
