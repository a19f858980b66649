"""Findings for programs: one flat object each, as `check --json` prints them.

The ten fields of the language's norm come first and in its order; the message tells the run that shows it in one line.
Then there is what a reader sees as well: the other places, the fixes with their edits, and that run step by step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opord.contract import Place
from opord.language.diagnostics.model import Diagnostic, Fix
from opord.language.diagnostics.render.line import in_one_line


def as_data(finding: Diagnostic) -> dict[str, Any]:
    """Turn a finding into its JSON object; lines and columns count from 1, the end is exclusive."""
    return {
        "code": finding.code.id,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": in_one_line(finding),
        "help": finding.help,
        **place_as_data(finding.place),
        "label": finding.label,
        "labels": [
            {"text": each.text, **place_as_data(each.place)} for each in finding.labels if each.place.line
        ],
        "fixes": [_fix(each) for each in finding.fixes],
        "story": [{"text": each.text, **place_as_data(each.place)} for each in finding.story],
    }


def place_as_data(place: Place) -> dict[str, str | int]:
    """Turn a place into the five fields that say where it is."""
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{"text": each.text, **place_as_data(each.place)} for each in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def render(findings: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Turn findings into JSON objects, by file and from top to bottom."""
    return [as_data(finding) for finding in sorted(findings, key=lambda each: each.order)]
