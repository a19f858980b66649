"""Findings as an editor shows them: place, severity, help, and related places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from opord.contract import Place
from opord.language.diagnostics.model import Diagnostic, Severity
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One finding of a file.

    `page` is the address of the page that explains its code, or empty. `related` has other places
    with a few words on each: declarations, or the steps of a run that shows the finding.
    `unnecessary` says that the text can be removed.
    """

    span: Span
    severity: Severity
    code: str
    rule: str
    title: str
    message: str
    help: str
    page: str
    related: tuple[tuple[Place, str], ...]
    unnecessary: bool
    finding: Diagnostic


def problems(analysis: Analysis) -> list[FileProblem]:
    """List the findings of the file itself; used files have their own lists."""
    return [_problem(analysis, each) for each in analysis.diagnostics if each.place.file == analysis.path]


def _problem(analysis: Analysis, finding: Diagnostic) -> FileProblem:
    related = [(label.place, label.text) for label in finding.labels if label.place.line]
    related += [
        (step.place if step.place.line else finding.place, f"{number}. {step.text}")
        for number, step in enumerate(finding.story, start=1)
    ]
    help = f"\nhelp: {finding.help}" if finding.help else ""
    return FileProblem(
        span=analysis.span(finding.place),
        severity=finding.severity,
        code=finding.code.id,
        rule=finding.rule,
        title=finding.code.title,
        message=f"{finding.message}{help}",
        help=finding.help,
        page=page_of(finding.code.id),
        related=tuple(related),
        unnecessary=finding.rule == "unused",
        finding=finding,
    )


@cache
def page_of(code: str) -> str:
    """Return the address of the page on a code; empty if the page is not a file on disk."""
    page = resources.files("opord.language.diagnostics").joinpath("pages", f"{code}.md")
    return page.resolve().as_uri() if isinstance(page, Path) and page.is_file() else ""
