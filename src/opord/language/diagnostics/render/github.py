"""Findings as workflow commands, which GitHub shows beside the lines of a change."""

from __future__ import annotations

from opord.language.diagnostics.model import Diagnostic
from opord.language.diagnostics.render.line import in_one_line


def render_one(finding: Diagnostic) -> str:
    """Write one finding as one line: `::error file=…,line=…,title=…::message`."""
    place = finding.place
    properties = {
        "file": place.file,
        "line": str(place.line),
        "endLine": str(place.end_line),
        "col": str(place.column),
        # A column of another line is refused there.
        **({"endColumn": str(place.end_column)} if place.end_line == place.line else {}),
        "title": f"{finding.code.id} {finding.rule}",
    }
    message = in_one_line(finding) + (f"\nhelp: {finding.help}" if finding.help else "")
    options = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{finding.severity} {options}::{_data(message)}"


def _data(text: str) -> str:
    """Write a message so that it ends with its line, and not with one of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Write a property so that neither its end nor the end of all of them stands in it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
