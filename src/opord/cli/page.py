"""A run's page as text: where it is, its story on a time line, what it waits for, what a person can do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from opord.cli.output import on_terminal, safe, width
from opord.cli.story import Part, StoryLine, tell, where_it_is
from opord.cli.words import span, value, wait_in_words, when
from opord.contract import Event, Named, Nothing
from opord.kernel.program import Program

_STYLES: dict[str, dict[str, Any]] = {
    "": {},
    "dim": {"dim": True},
    "state": {"bold": True},
    "call": {"fg": "cyan"},
    "event": {"fg": "blue", "bold": True},
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "warn": {"fg": "yellow", "bold": True},
    "note": {"fg": "magenta"},
}

_CLOCK_COLUMNS = 24


def history_page(
    program: Program, history: Sequence[Mapping[str, Any]], view: Mapping[str, Any]
) -> Iterator[str]:
    """Write a run's whole page: its story, where that has led, and what can be done now."""
    yield painted(
        [
            Part(safe(view["run"]), "state"),
            Part(f"  version {view['version']}, {_span_text(history, view)}", "dim"),
        ]
    )
    yield ""
    yield from story_text(tell(program, history))
    yield ""
    yield painted(where_it_is(view))
    yield from waits_text(view, program)
    yield from next_text(program, view)


def painted(parts: Sequence[Part], *, columns: int | None = None) -> str:
    """Write some words in their styles, cut to a number of columns."""
    out, left = "", columns
    for text, style in parts:
        if left is not None:
            if left <= 0:
                break
            text = text if len(text) <= left else f"{text[: max(left - 1, 0)]}…"
            left -= len(text)
        out += click.style(text, **_STYLES[style]) if style else text
    return out.rstrip()


def story_text(lines: Sequence[StoryLine]) -> Iterator[str]:
    """Write a story on its time line: how long after the start, and the clock in UTC."""
    start = next((line.at for line in lines if line.at), None)
    columns = width() - _CLOCK_COLUMNS if on_terminal() else None
    day = start[:10] if start else ""
    for line in lines:
        moment = " " * _CLOCK_COLUMNS
        if line.at is not None and start is not None:
            if line.at[:10] != day:
                day = line.at[:10]
                yield click.style(f"{day:>{_CLOCK_COLUMNS - 2}}", dim=True)
            moment = click.style(f"{_offset(start, line.at):>9}  {line.at[11:23]} ", dim=True)
        yield (
            moment
            + " " * (2 * line.depth)
            + painted(line.parts, columns=columns and columns - 2 * line.depth)
        )


def waits_text(view: Mapping[str, Any], program: Program | None) -> Iterator[str]:
    """Say why a run is where it is, and what would move it."""
    if view["reason"]:
        yield f"why        {safe(view['reason'])}"
    for index, wait in enumerate(view["waiting_for"]):
        yield f"{'waits for' if not index else '':<9}  {safe(wait_in_words(wait, view, program))}"


def next_text(program: Program, view: Mapping[str, Any]) -> Iterator[str]:
    """Say what a person can do next, as commands to copy."""
    commands = list(_commands(program, view))
    for index, command in enumerate(commands):
        yield f"{'you can' if not index else '':<9}  {command}"


def data_text(title: str, shown: Mapping[str, Any] | None) -> Iterator[str]:
    """Write what a run carries, a line for each member."""
    for index, (name, member) in enumerate((shown or {}).items()):
        yield f"{title if not index else '':<9}  {name} {value(member, limit=2000)}"


def _span_text(history: Sequence[Mapping[str, Any]], view: Mapping[str, Any]) -> str:
    """Say when a run started and, once it has ended, how long it took."""
    if not history:
        return ""
    start = history[0]["at"]
    text = f"started {when(start)} UTC"
    if view["status"] == "ended":
        end = next(one["at"] for one in reversed(history) if one["kind"] in ("transition", "terminated"))
        text += f", took {span(_seconds(start, end))}"
    return text


def _commands(program: Program, view: Mapping[str, Any]) -> Iterator[str]:
    run = shlex.quote(safe(view["run"]))
    for wait in view["waiting_for"]:
        if wait.get("verb") == "resolve":
            yield f"opord runs resolve {run} --happened{_result(program, view)}"
            yield f"opord runs resolve {run} --did-not-happen"
        elif wait.get("verb") == "retry":
            yield f"opord runs retry {run}"
        elif wait.get("event") == "cancel":
            yield f"opord runs cancel {run} --reason …{_role(wait)}"
        elif "event" in wait:
            event = program.events[wait["event"]].declaration
            yield f"opord runs send {run} {event.name}{_members(event)}{_role(wait)}"


def _members(event: Event) -> str:
    members = ", ".join(f'"{param.name}": …' for param in event.params)
    return f" --input '{{{members}}}'" if members else ""


def _role(wait: Mapping[str, Any]) -> str:
    return f" --role {wait['roles'][0]}" if wait.get("roles") else ""


def _result(program: Program, view: Mapping[str, Any]) -> str:
    """Write the RESULT that the action in doubt would have, with its fields left open; nothing if it has none."""
    actions = [action for action in program.contract.actions if f" {action.name} " in f" {view['reason']} "]
    if not actions:
        return " RESULT"
    result = actions[0].result
    if isinstance(result, Nothing):
        return ""
    records = [record for record in program.contract.records if result == Named(record.name)]
    if not records:
        return " RESULT"
    members = ", ".join(f'"{field.name}": …' for field in records[0].fields)
    return f" '{{{members}}}'"


def _offset(start: str, at: str) -> str:
    seconds = _seconds(start, at)
    return f"+{seconds:.3f}s" if seconds < 60 else f"+{span(seconds)}"


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
