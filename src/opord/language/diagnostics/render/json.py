"""Findings for programs: one flat object each, as `check --json` prints them."""

from __future__ import annotations

from collections.abc import Iterable

from opord.language.diagnostics.model import Diagnostic


def as_data(finding: Diagnostic) -> dict[str, str | int]:
    """Turn a finding into its JSON object; lines and columns count from 1, the end is exclusive."""
    place = finding.place
    return {
        "code": finding.code.id,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.help,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    }


def render(findings: Iterable[Diagnostic]) -> list[dict[str, str | int]]:
    """Turn findings into JSON objects, by file and from top to bottom."""
    return [as_data(finding) for finding in sorted(findings, key=lambda each: each.order)]
