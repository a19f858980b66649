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
from opord.language.diagnostics.model import Diagnostic
from opord.language.source import Source

_TAB = "    "
_LINE_WIDTH_MAX = 160


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


def render(findings: Iterable[Diagnostic], sources: Mapping[str, Source], *, colour: bool = False) -> str:
    """Show findings by file and from top to bottom, with a blank line between them.

    `sources` maps paths to texts; a place in a file that is not among them is shown without its line.
    """
    ordered = sorted(findings, key=lambda each: each.order)
    return "\n".join(render_one(each, sources, colour=colour) for each in ordered)


def render_one(finding: Diagnostic, sources: Mapping[str, Source], *, colour: bool = False) -> str:
    """Show one finding; the text ends with a newline."""
    paint = _COLOURED if colour else _PLAIN
    severity = paint.error if finding.severity == "error" else paint.warning
    marks = _marks(finding)
    width = max(len(str(place.line)) for place, _, _ in marks)
    lines = [
        f"{severity}{finding.severity}[{finding.code.id} {finding.rule}]{paint.off}"
        f"{paint.bold}: {_visible(finding.message)}{paint.off}"
    ]
    file = ""
    for place, sign, text in marks:
        if place.file != file:
            file = place.file
            lines.append(f"{' ' * width}{paint.frame} ┌─{paint.off} {file}:{place.line}:{place.column}")
        style = severity if sign == "^" else paint.label
        lines += _excerpt(place, sign, text, sources.get(place.file), width, style, paint)
    if finding.help:
        lines.append(f"{' ' * width} {paint.bold}help:{paint.off} {_visible(finding.help)}")
    return "\n".join(lines) + "\n"


def _marks(finding: Diagnostic) -> list[tuple[Place, str, str]]:
    labels = [(label.place, "-", label.text) for label in finding.labels if label.place.line]
    # Those of the same file first, so that each file has its heading once.
    labels.sort(key=lambda mark: mark[0].file != finding.place.file)
    return [(finding.place, "^", finding.label), *labels]


def _excerpt(
    place: Place, sign: str, text: str, source: Source | None, width: int, style: str, paint: _Paint
) -> list[str]:
    if source is None or not place.line:
        return []
    line = source.line(place.line)
    last = place.end_column - 1 if place.end_line == place.line else len(line)
    before, under = line[: place.column - 1], line[place.column - 1 : last]
    if len(line) > _LINE_WIDTH_MAX:
        before, line = _cut(before, line, place.column - 1)
        under = under[:_LINE_WIDTH_MAX]
    mark = sign * max(1, _columns(under))
    note = f" {_visible(text)}" if text else ""
    return [
        f"{paint.frame}{place.line:>{width}} │{paint.off} {_visible(line)}",
        f"{' ' * width}{paint.frame} │{paint.off} {' ' * _columns(before)}{style}{mark}{note}{paint.off}",
    ]


def _cut(before: str, line: str, start: int) -> tuple[str, str]:
    """Keep of a very long line what is around its mark."""
    first = max(0, start - _LINE_WIDTH_MAX // 4)
    shown = line[first : first + _LINE_WIDTH_MAX]
    if first:
        return "…" + before[first:], "…" + shown
    return before, shown + "…"


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
