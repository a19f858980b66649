"""An open need of a run, as the log and programs are told of it, with the next command to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never

import msgspec

from opord.kernel.alarms import Alarm, alarm_text
from opord.kernel.instants import to_datetime
from opord.kernel.needs import OPERATOR, Need, Opened, needs_of, stored_needs
from opord.kernel.rows import NeedReason, RunRow, known_needs
from opord.kernel.run import Run
from opord.kernel.scheduling import worker_with_handlers
from opord.kernel.unread import run_by_row
from opord.values.types import Instant, Key, RunId


class OpenNeed(msgspec.Struct, frozen=True, kw_only=True):
    """What a run needs from a person: the value that `Engine(on_need=…)` is called with.

    - `run`, `contract`, `version` and `state` say which run it is and where it stands.
    - `reason` is `doubt`, `stalled`, `alarm`, `collision`, `overdue` or `unserved`.
    - `since` is from when on it is open (UTC); None if that is not on record.
    - `roles` say who can see to it, `detail` says in words what happened.
    - `call`, `key` and `attempt` are those of the call that it is about; None if it is about none.
    - `commands` are what to type next. One of several is chosen by what happened.
    """

    run: RunId
    contract: str
    version: int
    state: str
    reason: NeedReason
    since: datetime | None
    roles: tuple[str, ...]
    detail: str
    call: str | None = None
    key: Key | None = None
    attempt: int | None = None
    commands: tuple[str, ...] = ()


_NO_CALL: Final = (None, None, None)

_About: TypeAlias = tuple[str | None, Key | None, int | None]


def opened_needs(run: Run, opened: Sequence[Opened]) -> Iterator[OpenNeed]:
    """Return those of the needs that a draft has opened which are still open once it is durable."""
    still_open = known_needs(stored_needs(run))
    for one in opened:
        if isinstance(one, Alarm):
            yield _alarm(run, one)
        elif one in still_open:
            yield from (_of(run, need) for need in needs_of(run) if need.reason == one)


def open_needs(row: RunRow, *, now: Instant | None = None) -> list[OpenNeed]:
    """Return the needs of a run as stored that follow from its row alone; each alarm is one.

    With `now`, the store's clock, also whether it is `overdue`.
    """
    try:
        run = run_by_row(row)
    except Exception:
        # What is stored of it cannot be read. Its column still says what it needs.
        return [_by_head(row, reason) for reason in known_needs(row.head.needs)]
    needs = [_of(run, need) for need in needs_of(run, now=now) if need.reason != "alarm"]
    return [*needs, *(_alarm(run, alarm) for alarm in run.body.alarms)]


def unserved_need(row: RunRow) -> OpenNeed:
    """Return the need of a due run that no live worker takes."""
    detail = f"no {worker_with_handlers(row.name, row.version, row.label)}"
    return _by_head(row, "unserved", detail=detail, since=row.head.wake_at)


def next_commands(
    reason: NeedReason, run: str, *, seen: int | None = None, result: str = " RESULT"
) -> tuple[str, ...]:
    """Return the commands of which a person types one to see to a need.

    `seen` is the number of the newest record that the person sees. `result` is a template of the
    result of the action in doubt, after a space; empty if it has none.
    """
    name = shlex.quote(run)
    if seen is not None:
        name = f"{name} --seen {seen}"
    match reason:
        case "doubt":
            resolve = f"opord runs resolve {name}"
            return f"{resolve} --happened{result}", f"{resolve} --did-not-happen"
        case "collision":
            resolve = f"opord runs resolve {name}"
            return f"{resolve} --happened", f"{resolve} --another"
        case "alarm":
            return (f"opord runs acknowledge {name} --reason …",)
        case "stalled":
            return (f"opord runs resume {shlex.quote(run)}",)
        case "overdue" | "unserved":
            return (f"opord runs show {shlex.quote(run)}",)
        case _:
            assert_never(reason)


def _of(run: Run, need: Need) -> OpenNeed:
    call, key, attempt = _about(run, need.reason)
    return OpenNeed(
        run=run.id,
        contract=run.program.name,
        version=run.program.version,
        state=run.state,
        reason=need.reason,
        since=to_datetime(need.since) if need.since is not None else None,
        roles=need.roles,
        detail=need.detail,
        call=call,
        key=key,
        attempt=attempt,
        commands=stalled_commands(run)
        if need.reason == "stalled"
        else next_commands(need.reason, run.id, seen=run.seq),
    )


def stalled_commands(run: Run) -> tuple[str, ...]:
    """Return what to type for a stalled run: resume it, or what helps if it would only stall again.

    If the step that stalled answers an event, the event can be taken out of the run. Else, if the
    contract itself cannot be computed, the run can be terminated.
    """
    name = shlex.quote(run.id)
    commands = next_commands("stalled", run.id)
    trouble = run.body.trouble
    if run.droppable is not None:
        return (*commands, drop_command(name, run.droppable.id))
    if trouble is not None and "place" in trouble:
        return (*commands, f"opord runs terminate {name} --reason …")
    return commands


def drop_command(name: str, event_id: str) -> str:
    """Return the command that takes an event out of a run; `name` is the run's, quoted."""
    return f"opord runs drop-event {name} {shlex.quote(event_id)} --reason …"


def _about(run: Run, reason: NeedReason) -> _About:
    """Return the call that a need is about, its key and its attempt."""
    intent, tries, collision, trouble = run.intent, run.tries, run.collision, run.body.trouble
    match reason:
        case "doubt" if intent is not None:
            return intent.call, intent.key, intent.doubts[-1] if intent.doubts else intent.attempt
        case "collision" if collision is not None:
            return collision.call, collision.key, None
        case "stalled" if intent is not None:
            return intent.call, intent.key, intent.attempt
        case "stalled" if trouble is not None and "call" in trouble:
            return trouble["call"], None, trouble.get("attempt")
        case "stalled" | "overdue" if tries is not None:
            return tries.call, None, tries.number
        case "doubt" | "collision" | "stalled" | "overdue" | "unserved" | "alarm":
            return _NO_CALL
        case _:
            assert_never(reason)


def _alarm(run: Run, alarm: Alarm) -> OpenNeed:
    return OpenNeed(
        run=run.id,
        contract=run.program.name,
        version=run.program.version,
        state=run.state,
        reason="alarm",
        since=to_datetime(alarm.at),
        roles=(OPERATOR,),
        detail=alarm_text(alarm),
        call=alarm.call,
        key=alarm.key,
        attempt=alarm.attempt,
        commands=next_commands("alarm", run.id, seen=run.seq),
    )


def _by_head(
    row: RunRow, reason: NeedReason, *, detail: str | None = None, since: Instant | None = None
) -> OpenNeed:
    head = row.head
    return OpenNeed(
        run=row.run,
        contract=row.name,
        version=row.version,
        state=head.state,
        reason=reason,
        since=to_datetime(since) if since is not None else None,
        roles=(OPERATOR,),
        detail=head.reason or "" if detail is None else detail,
        commands=next_commands(reason, row.run, seen=row.seq),
    )
