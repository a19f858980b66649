"""Runs in words: instants, durations, values, and what a run waits for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import takewhile
from typing import Any, Final, assert_never

from opord.contract import Constant
from opord.kernel.asked_waits import asked_words
from opord.kernel.program import Program
from opord.kernel.rows import NeedReason
from opord.kernel.views import timer_of
from opord.values.duration import format_duration
from opord.values.visible import safe

_NEEDS: Final[Mapping[NeedReason, str]] = {
    "doubt": "a person has to say whether an action happened",
    "stalled": "a person has to mend something",
    "alarm": "later evidence contradicts a decision",
    "collision": "a key took effect in this run before, with other arguments",
    "overdue": "a timer is due, and no worker has fired it",
    "unserved": "no live worker takes runs of its version and label",
}


def need_in_words(reason: NeedReason) -> str:
    """Say in words what a run needs."""
    return _NEEDS[reason]


def start_in_words(record: Mapping[str, Any]) -> str:
    """Say how a run started: its priority and its label, if it has any."""
    scheduling = scheduling_in_words(record)
    return f"started with {scheduling}" if scheduling else "started"


def scheduling_in_words(members: Mapping[str, Any]) -> str:
    """Say the priority and the label of a run, or of its start; empty if both are as usual."""
    priority, label = members.get("priority"), members.get("label")
    given = [f"priority {priority}"] if priority else []
    return " and ".join([*given, *([f"label {safe(label)}"] if label else [])])


def when(instant: str | None) -> str:
    """Write an instant to the second, in UTC; `?` is shown for one that cannot be read."""
    if instant is None:
        return "?"
    return f"{instant[:10]} {instant[11:19]}"


def span(seconds: float) -> str:
    """Write a duration with as much detail as matters at its size.

    For example `3 ms`, `1.25 s`, `4m 10s`, `2d 3h`.
    """
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for unit, size, smaller, small in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            count, rest = divmod(whole, size)
            return f"{count}{unit} {rest // small}{smaller}" if rest // small else f"{count}{unit}"
    return f"{whole} s"


def value(shown: Any, *, limit: int = 160) -> str:
    """Write shown data in one line; an object without its outer braces."""
    start = _start(shown, limit)
    if isinstance(start, dict):
        text = "  ".join(f"{name} {_json(member)}" for name, member in start.items())
    else:
        text = _json(start)
    text = safe(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _start(shown: Any, limit: int) -> Any:
    """Return the part of shown data that fits in a line of `limit` characters.

    A long list may occur in each of a run's records, so it is cut before it is written. Each list,
    object and other value is at least one character of the line: one more of them than the line has
    characters is enough, however deep they are nested.
    """
    left = limit + 1

    def start(part: Any) -> Any:
        nonlocal left
        left -= 1
        if isinstance(part, str):
            return part[: limit + 1]
        if isinstance(part, list):
            return [start(item) for item in takewhile(lambda _: left > 0, part)]
        if isinstance(part, dict):
            return {name: start(member) for name, member in takewhile(lambda _: left > 0, part.items())}
        return part

    return start(shown)


def asked_in_words(record: Mapping[str, Any]) -> str:
    """Say how long the other side asked to wait, or nothing if the record does not say that."""
    if "wait" not in record:
        return ""
    asked = record.get("asked")
    return asked_words(safe(str(record["wait"])), safe(str(asked)) if asked is not None else None)


def waits_in_words(view: Mapping[str, Any], program: Program | None) -> str:
    """Say in one line what a run waits for."""
    events: list[str] = []
    others: list[str] = []
    for wait in view["waiting_for"]:
        words = wait_in_words(wait, view, program)
        (events if "event" in wait else others).append(words)
    return ", ".join([*events, *others])


def wait_in_words(wait: Mapping[str, Any], view: Mapping[str, Any], program: Program | None) -> str:
    """Say in words one of the things that a run waits for."""
    if "event" in wait:
        by = f" by {' or '.join(wait['roles'])}" if wait["roles"] else ""
        return f"{wait['event']}{by}{_excluded(wait)}"
    if "timer" in wait:
        words = timer_words(program, view["state"], wait["timer"])
        return f"{words} (at {when(wait['at'])})"
    if "attempt" in wait:
        call = program.calls.get(wait["attempt"]) if program is not None else None
        checks = call is not None and call.kind == "effect" and view["status"] == "in_doubt"
        words = "to find out whether it happened" if checks else "again"
        return f"{wait['attempt']} {words} (at {when(wait['at'])})"
    if "limit" in wait:
        return f"a permit of the limit {wait['limit']}"
    if "dropping" in wait:
        return f"a person: drop-event, to take {wait['dropping']} out"
    return f"a person: {wait['verb']}"


def _excluded(wait: Mapping[str, Any]) -> str:
    """Say whom `except` excludes from sending an event, each once; empty if nobody."""
    actors = {actor: None for each in wait.get("except", ()) for actor in each["actors"] if actor}
    return f" except {' or '.join(safe(actor) for actor in actors)}" if actors else ""


def timer_words(program: Program | None, state: str, name: str) -> str:
    """Describe a timer of a state: `after 48h` where the contract says so."""
    timer = timer_of(program, state, name) if program is not None else None
    if timer is None:
        return name
    if timer.kind == "after" and isinstance(timer.when, Constant) and isinstance(timer.when.value, timedelta):
        return f"after {length(timer.when.value)}"
    match timer.kind:
        case "after":
            return "after its time"
        case "at":
            return "at its time"
        case _:
            assert_never(timer.kind)


def length(duration: timedelta) -> str:
    """Write a duration as a contract would: whole days from three on, else hours and less."""
    if duration >= timedelta(days=3) and not duration % timedelta(days=1):
        return f"{duration.days}d"
    return format_duration(duration)


def _json(shown: Any) -> str:
    return json.dumps(shown, ensure_ascii=False)
