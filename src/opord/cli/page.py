"""A run's page as text: its state, its timeline, what it waits for, what a person can do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from opord.cli.output import on_terminal, width
from opord.contract import Event, Named, Nothing
from opord.kernel.open_needs import drop_command, next_commands
from opord.kernel.program import Program
from opord.kernel.rows import StoredNeed
from opord.story.lines import Part
from opord.story.page import run_story, written
from opord.story.words import value
from opord.values.visible import safe

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

_NEEDS: Final[Mapping[str, StoredNeed]] = {"acknowledge": "alarm", "resume": "stalled"}


def history_page(
    program: Program, history: Sequence[Mapping[str, Any]], view: Mapping[str, Any], *, verbose: bool = False
) -> Iterator[str]:
    """Write a run's whole page: its story, its present state, and what can be done now."""
    columns = width() if on_terminal() else None
    yield from run_story(program, history, view, paint=styled, columns=columns, verbose=verbose)
    yield from next_text(program, view)


def styled(text: str, style: str) -> str:
    """Show a text in a style, for a terminal."""
    return click.style(text, **_STYLES[style])


def painted(parts: Sequence[Part], *, columns: int | None = None) -> str:
    """Write words in their styles, cut to a number of columns."""
    return written(parts, paint=styled, columns=columns)


def next_text(program: Program, view: Mapping[str, Any]) -> Iterator[str]:
    """Say what a person can do next, as commands to copy."""
    commands = list(_commands(program, view))
    for index, command in enumerate(commands):
        yield f"{'you can' if not index else '':<9}  {command}"


def data_text(title: str, shown: Mapping[str, Any] | None) -> Iterator[str]:
    """Write the data of a run, a line for each member."""
    for index, (name, member) in enumerate((shown or {}).items()):
        yield f"{title if not index else '':<9}  {name} {value(member, limit=2000)}"


def _commands(program: Program, view: Mapping[str, Any]) -> Iterator[str]:
    run = shlex.quote(safe(view["run"]))
    for wait in view["waiting_for"]:
        if wait.get("verb") == "drop_event":
            yield drop_command(run, safe(wait["id"]))
        elif "verb" in wait:
            result = _result(program, view)
            yield from next_commands(
                _need_of(wait, view), safe(view["run"]), seen=wait.get("seen"), result=result
            )
        elif "limit" in wait:
            yield "opord limits"
        elif wait.get("event") == "cancel":
            yield f"opord runs cancel {run} --reason …{_role(wait)}"
        elif "event" in wait:
            event = program.events[wait["event"]].declaration
            yield f"opord runs send {run} {event.name}{_members(event)}{_role(wait)}"


def _need_of(wait: Mapping[str, Any], view: Mapping[str, Any]) -> StoredNeed:
    """Return the need that a person sees to with a verb."""
    if wait["verb"] == "resolve":
        return "collision" if view["status"] == "stalled" else "doubt"
    return _NEEDS[wait["verb"]]


def _members(event: Event) -> str:
    members = ", ".join(f'"{param.name}": …' for param in event.params)
    return f" --input '{{{members}}}'" if members else ""


def _role(wait: Mapping[str, Any]) -> str:
    return f" --role {wait['roles'][0]}" if wait.get("roles") else ""


def _result(program: Program, view: Mapping[str, Any]) -> str:
    """Write a template of RESULT for the action in doubt, with its fields left open.

    Empty if the action has no result.
    """
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
