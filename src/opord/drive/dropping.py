"""Take an event out of a run by a person's word: a stored one, or that of a stalled step."""

from __future__ import annotations

from typing import NamedTuple

from opord.drive.errors import (
    CommitOpen,
    EventGone,
    EventIdUnknown,
    InputInvalid,
    RunBusy,
    RunEnded,
)
from opord.drive.host import Host
from opord.drive.people import change_run, check_actor
from opord.kernel import dropping
from opord.kernel.cause import Cause
from opord.kernel.draft import Draft
from opord.kernel.rows import InboxRow, RecordRow, has_ended, is_held
from opord.kernel.run import Run
from opord.values.canonical import loads
from opord.values.types import NO_KEY, Key, RunId

_RECORDS_AT_ONCE = 1000

_EVENTS = ("event", "ignored", "unhandled", "dropped")
"""The records that say what became of an event."""


class _OnRecord(NamedTuple):
    """The last record of an event, and whether it is the last event that was taken."""

    kind: str
    seq: int
    key: Key
    delivery: Key
    last: bool


async def drop_event(
    host: Host,
    run_id: RunId,
    event_id: str,
    *,
    actor: str,
    role: str | None = None,
    reason: str | None = None,
    if_seq: int | None = None,
    dry_run: bool = False,
) -> None:
    """Take out a stored event, or the event that a stalled step without a commit answers.

    The run then waits in its state again, with the timers that it had on entry. The key of the
    event stays spent. With `dry_run` nothing is done, but the request is refused as it would be.

    Raises:
        RunUnknown, RunPruned, RunEnded, EventIdUnknown, EventGone, CommitOpen, RunBusy: the request
            was refused.
        InputInvalid: the id or who acts is empty, or cannot be stored.
    """
    check_actor(actor, role, reason)
    if not event_id:
        raise InputInvalid("the event's id", "", "it is empty; `opord runs show RUN` has the ids")
    older: _OnRecord | None = None

    def change(run: Run, draft: Draft, waiting: list[InboxRow]) -> bool:
        if has_ended(run.status):
            raise RunEnded(run.id, run.state, run.outcome, how=run.body.how)
        row = next((one for one in waiting if one.kind == "event" and one.id == event_id), None)
        cause = _answered(run, event_id, older) if row is None else None
        if row is None and cause is None:
            raise EventIdUnknown(run.id, event_id)
        if run.worker is not None:
            raise RunBusy(run.id, run.worker, lease_over=(run.wake_at or 0) <= draft.at)
        if row is not None:
            waiting.remove(row)
            dropping.drop_stored(draft, row, actor=actor, role=role, reason=reason)
        if cause is not None:
            _check_stalled(run, cause)
            dropping.drop_taken(draft, cause, actor=actor, role=role, reason=reason)
        return not dry_run

    try:
        await change_run(host, run_id, change, if_seq=if_seq)
    except EventIdUnknown:
        older = await _on_record(host, run_id, event_id)
        if older is None:
            raise
        if older.kind != "event" or not older.last:
            raise EventGone(run_id, event_id, older.kind, older.seq) from None
        try:
            # A row of an older version does not say which event its step answers.
            await change_run(host, run_id, change, if_seq=if_seq)
        except EventIdUnknown:
            raise EventGone(run_id, event_id, older.kind, older.seq) from None


def _answered(run: Run, event_id: str, older: _OnRecord | None) -> Cause | None:
    """Return the cause of the step under way if it answers this event; None if it does not."""
    cause = run.body.pending.cause if run.body.pending is not None else None
    if cause is None or cause.kind != "event":
        return None
    if cause.seq == 0 and older is not None:
        cause.id, cause.key, cause.delivery, cause.seq = event_id, older.key, older.delivery, older.seq
    return cause if cause.id == event_id else None


def _check_stalled(run: Run, cause: Cause) -> None:
    intent = run.intent
    if intent is not None:
        raise CommitOpen(run.id, cause.event, intent.call, held=is_held(run.status))
    if not is_held(run.status):
        raise RunBusy(run.id, None, cause.event)


async def _on_record(host: Host, run: RunId, event_id: str) -> _OnRecord | None:
    """Return the last record of an event in the journal; None if there is none."""
    found: _OnRecord | None = None
    after = 0
    while page := await host.records(run, after=after, limit=_RECORDS_AT_ONCE):
        for record in page:
            if record.kind in _EVENTS:
                found = _read(record, event_id) or (found and found._replace(last=False))
        after = page[-1].seq
    return found


def _read(record: RecordRow, event_id: str) -> _OnRecord | None:
    if event_id not in record.body:
        return None
    body = loads(record.body)
    if body.get("id") != event_id:
        return None
    return _OnRecord(
        record.kind, record.seq, body.get("key", NO_KEY), body.get("delivery", NO_KEY), last=True
    )
