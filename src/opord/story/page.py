"""A run's page as text: its state, its story on a timeline, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from opord.kernel.program import Program
from opord.story.lines import Part, StoryLine, tell, where_it_is
from opord.story.words import need_in_words, span, wait_in_words, when
from opord.values.visible import safe

Paint: TypeAlias = Callable[[str, str], str]
"""Shows a text in a style, one of those that a `Part` has."""

CLOCK_COLUMNS = 24

_AFTER_AN_ALARM = "look at the other side; reverse by hand what should not have happened, or book what did; then acknowledge it"


def unpainted(text: str, style: str) -> str:
    """Show a text without its style."""
    return text


def run_story(
    program: Program,
    history: Sequence[Mapping[str, Any]],
    view: Mapping[str, Any],
    *,
    paint: Paint = unpainted,
    columns: int | None = None,
    verbose: bool = False,
) -> Iterator[str]:
    """Write a run's story, its present state, and what would move it; `columns` cuts its lines."""
    yield written(
        [
            Part(safe(view["run"]), "state"),
            Part(f"  version {view['version']}, {_span_text(history, view)}", "dim"),
        ],
        paint=paint,
    )
    yield ""
    yield from timeline(tell(program, history, verbose=verbose), paint=paint, columns=columns)
    yield ""
    yield written(where_it_is(view), paint=paint)
    yield from waits_text(view, program)


def written(parts: Sequence[Part], *, paint: Paint = unpainted, columns: int | None = None) -> str:
    """Write words in their styles, cut to a number of columns."""
    out, room = "", columns
    for text, style in parts:
        if room is not None:
            if room <= 0:
                break
            text = text if len(text) <= room else f"{text[: max(room - 1, 0)]}…"
            room -= len(text)
        out += paint(text, style) if style else text
    return out.rstrip()


def timeline(
    lines: Sequence[StoryLine], *, paint: Paint = unpainted, columns: int | None = None
) -> Iterator[str]:
    """Write a story on its timeline: the time since the start, and the clock in UTC."""
    clock = Timeline()
    for line in lines:
        yield from clock.add(line, paint=paint, columns=columns)


class Timeline:
    """Writes the lines of a story one by one; it begins at the first that has a time."""

    def __init__(self) -> None:
        self._start: str | None = None
        self._day = ""

    def add(self, line: StoryLine, *, paint: Paint = unpainted, columns: int | None = None) -> Iterator[str]:
        """Write one line, after the new day if there is one."""
        room = columns - CLOCK_COLUMNS if columns is not None else None
        moment = " " * CLOCK_COLUMNS
        if line.at:
            if self._start is None:
                self._start, self._day = line.at, line.at[:10]
            if line.at[:10] != self._day:
                self._day = line.at[:10]
                yield paint(f"{self._day:>{CLOCK_COLUMNS - 2}}", "dim")
            moment = paint(f"{_offset(self._start, line.at):>9}  {line.at[11:23]} ", "dim")
        width = room and room - 2 * line.depth
        yield moment + " " * (2 * line.depth) + written(line.parts, paint=paint, columns=width)


def waits_text(view: Mapping[str, Any], program: Program | None) -> Iterator[str]:
    """Say why a run is in its state, what it needs, and what would move it."""
    if view["reason"]:
        yield f"why        {safe(view['reason'])}"
    for index, need in enumerate(view["needs"]):
        since = f" (since {when(need['since'])} UTC)" if need["since"] else ""
        yield f"{'needs' if not index else '':<9}  {need['reason']}: {need_in_words(need['reason'])}{since}"
        if need["reason"] == "alarm":
            yield from (f"{'':<9}  {safe(line)}" for line in need["detail"].split("; ") if line)
            yield f"{'':<9}  {_AFTER_AN_ALARM}"
    for index, wait in enumerate(view["waiting_for"]):
        yield f"{'waits for' if not index else '':<9}  {safe(wait_in_words(wait, view, program))}"


def _span_text(history: Sequence[Mapping[str, Any]], view: Mapping[str, Any]) -> str:
    """Say when a run started and, once it has ended, how long it took."""
    if not history:
        return ""
    start = history[0]["at"]
    if start is None:
        return "whose start cannot be read"
    text = f"started {when(start)} UTC"
    ends = (one["at"] for one in reversed(history) if one["kind"] in ("transition", "terminated"))
    if view["status"] == "ended" and (end := next(ends, None)) is not None:
        text += f", took {span(_seconds(start, end))}"
    return text


def _offset(start: str, at: str) -> str:
    seconds = _seconds(start, at)
    return f"+{seconds:.3f}s" if seconds < 60 else f"+{span(seconds)}"


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
