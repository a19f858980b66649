"""Checks of the store: can it be reached, what is its state, and is its clock right?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from opord.cli.doctor.observation import Observation, as_observation
from opord.cli.doctor.secrets import check_sealed_values
from opord.kernel.instants import in_words
from opord.kernel.scheduling import served_words, worker_with_handlers
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.backends.opening import StoreOverview, ToldEndpoint
    from opord.kernel.rows import NeedReason

# Clocks that are set over the network differ by less; leases last seconds.
AHEAD_S_MAX = 2.0


def check_store(url: str, *, whole: bool = False, now_us: int | None = None) -> Iterator[Observation]:
    """Check the store that a URL names, without creating it.

    With `whole`, check it from end to end.
    """
    try:
        from opord.backends.base import StoreError
        from opord.backends.codes import code_of
        from opord.backends.opening import inspect, shown_url
    except ImportError as wrong:
        yield Observation("store", "unreachable", str(wrong), _move(str(wrong)))
        return
    try:
        facts = inspect(url, whole=whole)
    except (StoreError, ImportError) as wrong:
        code = code_of(wrong)
        details = {"url": shown_url(url)} if code is None else {"url": shown_url(url), "error": code.code}
        yield Observation("store", "unreachable", str(wrong), _move(str(wrong)), details)
        return
    if not facts.lasts:
        yield Observation(
            "store",
            "warning",
            "the store is in memory; its runs are lost when the process ends",
            "name a file",
        )
        return
    yield _reached(facts)
    yield from map(as_observation, facts.remarks)
    if facts.exists:
        yield from _runs(facts)
        yield from _stand_still(facts)
        if facts.runs and facts.schema == facts.schema_known:
            # A store of an older schema would be brought up to date by being opened.
            yield from check_sealed_values(url)
        own_clock = time.time_ns() // 1000 if facts.now is None else facts.now
        yield from _clock(facts, own_clock if now_us is None else now_us)


def _move(message: str) -> str:
    """Return the next step. Most refusals give their own after the semicolon."""
    return "" if ";" in message else "name another store with --store, or make this one usable"


def _reached(facts: StoreOverview) -> Observation:
    details = {**facts.details, "exists": facts.exists, "schema": facts.schema, "runs": facts.runs}
    if not facts.exists:
        message = (
            f"{facts.where} does not exist yet; the first `opord runs start` or `opord worker` creates it"
        )
        return Observation("store", "fine", message, facts={**details, "runs": None})
    runs = "1 run" if facts.runs == 1 else f"{facts.runs} runs"
    message = f"{facts.where}: schema {facts.schema}, {runs}, {facts.size}"
    if facts.schema < facts.schema_known:
        message += f"; the next command that opens the store updates it to schema {facts.schema_known}"
    return Observation("store", "fine", message, facts=details)


_NEEDS: Mapping[NeedReason, tuple[str, str]] = {
    "doubt": ("is in doubt until a person says what happened", "are in doubt until a person says what happened"),
    "stalled": ("is stalled until a person mends the cause", "are stalled until a person mends the cause"),
    "alarm": ("has an alarm: later evidence contradicts a decision", "have an alarm: later evidence contradicts a decision"),
    "collision": ("wants to commit under a key that took effect before with other arguments", "want to commit under a key that took effect before with other arguments"),
    "overdue": ("has a timer that is overdue: no worker has fired it", "have a timer that is overdue: no worker has fired it"),
    "unserved": ("can go on, but no live worker has handlers for it", "can go on, but no live worker has handlers for them"),
}  # fmt: skip
"""What doctor says of each need, of one run and of several."""


def _runs(facts: StoreOverview) -> Iterator[Observation]:
    for reason, (one, several) in _NEEDS.items():
        if count := facts.needs.get(reason, 0):
            message = f"1 run {one}" if count == 1 else f"{count} runs {several}"
            yield Observation(
                "runs", "warning", message, f"opord runs list --needs {reason}", {reason: count}
            )
    if not any(facts.needs.values()):
        yield Observation("runs", "fine", "no run needs a person", facts=dict.fromkeys(_NEEDS, 0))


def _stand_still(facts: StoreOverview) -> Iterator[Observation]:
    """Report what runs stand still for beside their needs."""
    from opord.backends.opening import DUE_READ, KEPT_READ, crowd_here

    stands = facts.stands
    for name, version, runs, label in stands.unserved:
        which = "of that version and label" if label else "of that version"
        message = f"no live {worker_with_handlers(name, version, label)}; {counted(runs, 'run')} {which} {_have(runs)} not ended"
        details = {"contract": name, "version": version, "runs": runs} | ({"label": label} if label else {})
        move = f"start a worker with that version{f' and --label {label}' if label else ''}"
        yield Observation("runs", "warning", message, move, details)
    for labelled in stands.labelled:
        message = f"the worker {labelled.worker} takes the runs with the {served_words(labelled.labels)}"
        yield Observation("workers", "fine", message, facts=labelled._asdict())
    for worker, runs, since, until in stands.gone:
        sign = f" since {in_words(since)}" if since is not None else ""
        message = (
            f"the worker {worker} shows no sign of life{sign}, and holds {counted(runs, 'run')}; "
            f"another worker takes over after {in_words(until)}"
        )
        details = {"worker": worker, "runs": runs, "since": since, "until": until}
        yield Observation("runs", "warning", message, "start a worker, if none is running", details)
    for troubled in stands.troubled:
        message = f"the worker {troubled.worker}: {troubled.trouble}"
        move = "give the calls a time limit, or start another worker"
        yield Observation("runs", "warning", message, move, troubled._asdict())
    if (crowd := crowd_here(stands.workers)) is not None:
        move = "end some: more workers than cores carry no more runs"
        yield Observation("runs", "warning", str(crowd), move, crowd._asdict())
    if stands.tried_again:
        message = f"{_runs_or_more(stands.tried_again, DUE_READ)} between two attempts of a call"
        yield Observation(
            "runs", "note", message, "opord runs list --status waiting", {"tried_again": stands.tried_again}
        )
    for limited in stands.limited:
        message = f"{counted(limited.runs, 'run')} {'waits' if limited.runs == 1 else 'wait'} for the limit {limited.limit}"
        yield Observation("runs", "note", message, "opord limits", limited._asdict())
    for told in stands.told:
        yield from _told(told)
    if stands.kept_for:
        kept_for = _runs_or_more(stands.kept_for, KEPT_READ)
        message = f"messages wait for {kept_for} until a state handles them"
        yield Observation("runs", "note", message, "opord runs list", {"kept_for": stands.kept_for})


def _told(told: ToldEndpoint) -> Iterator[Observation]:
    """Report an endpoint of webhooks whose messages need somebody, or wait for a process."""
    name, facts = told.endpoint, told._asdict()
    waiting, given_up = counted(told.waiting, "message"), counted(told.given_up, "message")
    if told.stopped:
        message = f"the endpoint {name} wants no more webhooks ({told.stopped}); {waiting} of it {_wait(told.waiting)}"
        yield Observation("webhooks", "warning", message, f"opord webhooks resume {name}", facts)
    elif told.waiting and not told.sent_to:
        message = f"nobody sends webhooks to {name}; {waiting} {_wait(told.waiting)}"
        yield Observation(
            "webhooks", "warning", message, "start `opord serve` or `opord webhooks send`", facts
        )
    elif told.waiting:
        message = f"{waiting} {_wait(told.waiting)} for the endpoint {name}"
        yield Observation("webhooks", "note", message, f"opord webhooks show {name}", facts)
    if told.given_up:
        message = f"{given_up} to the endpoint {name} {'was' if told.given_up == 1 else 'were'} given up"
        yield Observation("webhooks", "warning", message, f"opord webhooks show {name}", facts)


def _wait(messages: int) -> str:
    return "waits" if messages == 1 else "wait"


def _runs_or_more(runs: int, read: int) -> str:
    """Write a number of runs. If as many were read as may be, there may be more."""
    return f"{'at least ' if runs >= read else ''}{counted(runs, 'run')}"


def _have(runs: int) -> str:
    return "has" if runs == 1 else "have"


def _clock(facts: StoreOverview, now_us: int) -> Iterator[Observation]:
    if facts.last_at is None:
        return
    ahead_s = (facts.last_at - now_us) / 1_000_000
    details = {"last_record_ahead_s": round(ahead_s, 3)}
    if ahead_s > AHEAD_S_MAX:
        message = (
            f"the last record is {ahead_s:.0f} seconds in the future: this clock or another worker's is wrong"
        )
        yield Observation(
            "clock",
            "wrong",
            message,
            "set the clocks from a time server; leases and timers depend on them",
            details,
        )
    else:
        yield Observation("clock", "fine", "the last record is not in the future", facts=details)
