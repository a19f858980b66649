"""Findings for people: the headline, the lines in question with their marks, and the next move.

error[OP203 exhaustive]: `charge_card` can fail with `Declined`, but nothing handles it
  ┌─ order.opord:14:9
14 │   match commit charge_card(order) {
   │         ^^^^^^^^^^^^^^^^^^^^^^^^^ may end in `Declined`
 3 │   failure PaymentError { Declined(reason: str), RateLimited transient }
   │                          -------- declared here
  help: add the arm `Declined(reason) -> goto <state>`
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opord.contract import Place
from opord.language.diagnostics.model import Diagnostic, StoryStep
from opord.language.syntax.source import Source

_TAB = "    "
# What no terminal is asked for is read in editors and logs, which show so much without wrapping.
_LINE_WIDTH_MAX = 160
# A narrower terminal wraps; a line cut shorter says nothing.
_ROOM_MIN = 40
# The places of a story stand in a column, unless a step is longer than this.
_STORY_WIDTH_MAX = 90


@dataclass(frozen=True, slots=True)
class _Paint:
    """The ANSI sequences of a style; all empty without colour."""

    error: str = ""
    warning: str = ""
    frame: str = ""
    label: str = ""
    bold: str = ""
    off: str = ""


_PLAIN = _Paint()
_COLOURED = _Paint(
    error="\x1b[1;31m",
    warning="\x1b[1;33m",
    frame="\x1b[34m",
    label="\x1b[36m",
    bold="\x1b[1m",
    off="\x1b[0m",
)


def render(
    findings: Iterable[Diagnostic],
    sources: Mapping[str, Source],
    *,
    colour: bool = False,
    width: int | None = None,
) -> str:
    """Show findings by file and from top to bottom, with a blank line between them.

    `sources` maps paths to texts; a place in a file that is not among them is shown without its line. A source line
    that takes more than `width` columns with its number is cut around its mark.
    """
    ordered = sorted(findings, key=lambda each: each.order)
    return "\n".join(render_one(each, sources, colour=colour, width=width) for each in ordered)


def render_one(
    finding: Diagnostic, sources: Mapping[str, Source], *, colour: bool = False, width: int | None = None
) -> str:
    """Show one finding; the text ends with a newline."""
    paint = _COLOURED if colour else _PLAIN
    severity = paint.error if finding.severity == "error" else paint.warning
    lines = [
        f"{severity}{finding.severity}[{finding.code.id} {finding.rule}]{paint.off}"
        f"{paint.bold}: {_visible(finding.message)}{paint.off}"
    ]
    marks = _marks(finding)
    numbers = max(len(str(place.line)) for place, _, _ in marks)
    room = max((width or _LINE_WIDTH_MAX) - numbers - len(" │ "), _ROOM_MIN)
    lines += _excerpts(marks, sources, numbers, room, severity, paint)
    lines += _story(finding.story, paint)
    if finding.help:
        lines.append(f"{' ' * numbers} {paint.bold}help:{paint.off} {_visible(finding.help)}")
    return "\n".join(lines) + "\n"


def _marks(finding: Diagnostic) -> list[tuple[Place, str, str]]:
    labels = [(label.place, "-", label.text) for label in finding.labels if label.place.line]
    # Those of the same file first, so that each file has its heading once.
    labels.sort(key=lambda mark: mark[0].file != finding.place.file)
    return [(finding.place, "^", finding.label), *labels]


def _excerpts(
    marks: list[tuple[Place, str, str]],
    sources: Mapping[str, Source],
    numbers: int,
    room: int,
    severity: str,
    paint: _Paint,
) -> list[str]:
    """Show the line of each mark with the mark below it; one that several marks share follows once, if all of it fits."""
    lines: list[str] = []
    file, shown = "", ""
    for place, sign, text in marks:
        if place.file != file:
            file, shown = place.file, ""
            lines.append(
                f"{' ' * numbers}{paint.frame} ┌─{paint.off} {_visible(file)}:{place.line}:{place.column}"
            )
        style = severity if sign == "^" else paint.label
        excerpt = _excerpt(place, sign, text, sources.get(place.file), numbers, room, style, paint)
        lines += excerpt[1:] if excerpt and excerpt[0] == shown else excerpt
        shown = excerpt[0] if excerpt else ""
    return lines


def _excerpt(
    place: Place,
    sign: str,
    text: str,
    source: Source | None,
    numbers: int,
    room: int,
    style: str,
    paint: _Paint,
) -> list[str]:
    if source is None or not place.line:
        return []
    line = source.line(place.line)
    last = place.end_column - 1 if place.end_line == place.line else len(line)
    before, under = line[: place.column - 1], line[place.column - 1 : last]
    if _columns(line) > room:
        before, under, line = _cut(before, under, line, room)
    mark = sign * max(1, _columns(under))
    note = f" {_visible(text)}" if text else ""
    return [
        f"{paint.frame}{place.line:>{numbers}} │{paint.off} {_visible(line)}",
        f"{' ' * numbers}{paint.frame} │{paint.off} {' ' * _columns(before)}{style}{mark}{note}{paint.off}",
    ]


def _cut(before: str, under: str, line: str, room: int) -> tuple[str, str, str]:
    """Keep of a long line what is around its mark and fits; `…` stands for what is left out."""
    start = len(before)
    fits = _fitting(line, room - 1)
    if start + min(len(under), fits // 2) <= fits:
        return before, under[: max(fits - start, 1)], f"{line[:fits]}…"
    first = start - _fitting(line[start::-1], room // 3)
    shown = line[first : first + _fitting(line[first:], room - 2)]
    more = "…" if first + len(shown) < len(line) else ""
    under = under[: max(len(shown) - (start - first), 1)]
    return f"…{before[first:]}", under, f"…{shown}{more}"


def _fitting(text: str, room: int) -> int:
    """Count the signs at the beginning of a text that fit into so many columns."""
    taken = 0
    for count, sign in enumerate(text):
        taken += _sign_columns(sign)
        if taken > room:
            return count
    return len(text)


def _story(steps: tuple[StoryStep, ...], paint: _Paint) -> list[str]:
    """Show a run step by step, each with its number and its place."""
    numbers = len(str(len(steps)))
    widest = min(max((_columns(_visible(step.text)) for step in steps), default=0), _STORY_WIDTH_MAX)
    lines = []
    for number, step in enumerate(steps, 1):
        text = _visible(step.text)
        gap = " " * max(widest - _columns(text), 0)
        place = (
            f"   {_visible(step.place.file)}:{step.place.line}:{step.place.column}" if step.place.line else ""
        )
        lines.append(
            f"  {paint.label}{number:>{numbers}}{paint.off} {text}"
            + (f"{gap}{paint.frame}{place}{paint.off}" if place else "")
        )
    return lines


def _visible(text: str) -> str:
    """Replace what a terminal would obey or hide: control characters and changes of direction."""
    if text.isprintable():
        return text
    return "".join(
        _TAB if sign == "\t" else sign if sign.isprintable() or sign == " " else "\ufffd" for sign in text
    )


def _columns(text: str) -> int:
    """Count the columns that a text takes on a terminal."""
    if text.isascii() and "\t" not in text:
        return len(text)
    return sum(_sign_columns(sign) for sign in text)


def _sign_columns(sign: str) -> int:
    if sign == "\t":
        return len(_TAB)
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
