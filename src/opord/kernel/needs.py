"""What a run needs from a person: the one place that says so.

The first four reasons follow from the run alone. They are stored with it (`Head.needs`), so that
all runs with a need are found without reading the others. The last two depend on the clock and on
the workers that are alive, and are computed when somebody asks.

- `doubt`: a person has to say whether an action happened. A doubt that is being checked or repeated
  needs nobody.
- `stalled`: a person has to mend something and say `resume`.
- `alarm`: later evidence contradicts a decision; a person has to look at it.
- `collision`: a key took effect in this run before, with other arguments.
- `overdue`: a timer is due, and no worker has fired it.
- `unserved`: the run can go on, and no live worker takes runs of its version and label.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple, TypeAlias, assert_never

from opord.kernel.alarms import Alarm, alarm_text
from opord.kernel.rows import Head, NeedReason, Status, StoredNeed, has_ended, is_held, known_needs
from opord.kernel.run import Run
from opord.kernel.scheduling import worker_with_handlers
from opord.values.types import Instant

OPERATOR: Final = "operator"
"""The person who sees to a need: an operator, with no role of the contract."""

OVERDUE_US: Final = 60_000_000
"""How long a timer may be due before it counts as overdue, in microseconds.

A worker fires it within a second. Only if none is there, or none gets to it, does this time pass.
"""


Served: TypeAlias = tuple[str, str]
"""What a worker serves: the digest of a contract, and a label."""

Opened: TypeAlias = StoredNeed | Alarm
"""A stored need that a change opens. Each alarm is one by itself."""


class Need(NamedTuple):
    """A need of a run: its reason, since when it is open, who can see to it, and the details.

    `since` is None if it is not on record.
    """

    reason: NeedReason
    since: Instant | None
    roles: tuple[str, ...]
    detail: str


def stored_needs(run: Run) -> str:
    """Return the needs that are stored with a run, as `Head.needs` has them."""
    needs = ""
    if run.status == "stalled":
        needs = "stalled" if not run.collides else ""
    elif run.status == "in_doubt":
        intent = run.intent
        needs = "doubt" if intent is not None and intent.asking else ""
    if run.body.alarms:
        needs = f"{needs} alarm" if needs else "alarm"
    if run.status == "stalled" and run.collides:
        needs = f"{needs} collision" if needs else "collision"
    return needs


def held_back(needs: str) -> bool:
    """Say whether a run with these stored needs goes on only after a person acts."""
    return any(map(_holds_back, known_needs(needs)))


def _holds_back(reason: StoredNeed) -> bool:
    match reason:
        case "doubt" | "stalled" | "collision":
            return True
        case "alarm":
            return False
        case _:
            assert_never(reason)


def is_overdue(status: Status, wake_at: Instant | None, now: Instant) -> bool:
    """Say whether a timer of the run is due, and no worker has fired it for a while."""
    return status == "waiting" and wake_at is not None and wake_at + OVERDUE_US <= now


def could_go_on(status: Status, wake_at: Instant | None, now: Instant) -> bool:
    """Say whether a worker would take the run now, if one served it."""
    return not has_ended(status) and not is_held(status) and wake_at is not None and wake_at <= now


def needs_of(run: Run, *, now: Instant | None = None, served: Collection[Served] | None = None) -> list[Need]:
    """Return the open needs of a run.

    With `now`, the store's clock, also whether it is `overdue`. With `served`, what live workers
    take, also whether it is `unserved`.
    """
    return [Need(reason, since, (OPERATOR,), detail) for reason, since, detail in _needs(run, now, served)]


def _needs(
    run: Run, now: Instant | None, served: Collection[Served] | None
) -> Iterator[tuple[NeedReason, Instant | None, str]]:
    for reason in known_needs(stored_needs(run)):
        yield reason, *_stored(run, reason)
    if now is not None and is_overdue(run.status, run.wake_at, now):
        yield "overdue", run.wake_at, _overdue(run)
    if served is not None and not takes(served, run) and _unattended(run, now):
        yield "unserved", run.wake_at, f"no {worker_of(run)}"


def takes(served: Collection[Served], run: Run) -> bool:
    """Say whether a live worker takes a run."""
    return (run.program.digest, run.scheduling.label) in served


def worker_of(run: Run) -> str:
    """Return the words after "no", of a worker that would take a run."""
    return worker_with_handlers(run.program.name, run.program.version, run.scheduling.label)


def _stored(run: Run, reason: StoredNeed) -> tuple[Instant | None, str]:
    """Return since when a stored need is open, and the details."""
    match reason:
        case "doubt":
            intent = run.intent
            since = (intent.given_up_at or intent.first_at) if intent is not None else None
        case "stalled" | "collision":
            since = run.body.stalled_at or None
        case "alarm":
            alarms = run.body.alarms
            return alarms[0].at, "; ".join(map(alarm_text, alarms))
        case _:
            assert_never(reason)
    return since, run.reason or ""


def _overdue(run: Run) -> str:
    timers = run.body.timers
    name = min(timers, key=timers.__getitem__, default=None)
    if name is not None and timers[name] == run.wake_at:
        return f"the timer {name} is due, and no worker has fired it"
    return "its next attempt is due, and no worker has made it"


def _unattended(run: Run, now: Instant | None) -> bool:
    """Say whether the run could go on; without a clock, as far as that is certain."""
    if now is not None:
        return could_go_on(run.status, run.wake_at, now)
    asks_person = run.intent is not None and run.intent.asking
    return run.worker is None and run.status in ("running", "in_doubt") and not asks_person


def row_needs(head: Head) -> list[Need]:
    """Return what the row of a run says of its needs, if nothing else of it can be read."""
    return [Need(reason, None, (OPERATOR,), head.reason or "") for reason in known_needs(head.needs)]
