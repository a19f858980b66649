"""Findings as SARIF 2.1.0, which code hosts and security tools read.

A run lists the rules that have findings, each with its page as help. Columns count code points. Other places are
`relatedLocations`, the run that shows a finding ends its message and is a code flow, and what would mend it are its `fixes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Any
from urllib.parse import quote

from opord.contract import Place
from opord.language.diagnostics.model import Code, Diagnostic, Fix
from opord.language.diagnostics.render.line import in_one_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(findings: Iterable[Diagnostic], *, version: str) -> dict[str, Any]:
    """Turn findings into one SARIF log with one run; `version` is that of the program which found them."""
    ordered = sorted(findings, key=lambda each: each.order)
    codes = sorted({each.code for each in ordered}, key=lambda each: each.id)
    index = {each.id: number for number, each in enumerate(codes)}
    driver = {"name": "opord", "semanticVersion": version, "rules": [_rule(each) for each in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, index[each.code.id]) for each in ordered],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    page = page_of(code.id)
    return {
        "id": code.id,
        "name": code.rule,
        "shortDescription": {"text": code.title},
        "help": {"text": page or code.title, **({"markdown": page} if page else {})},
        "defaultConfiguration": {"level": code.severity},
    }


def page_of(code: str) -> str:
    """Return the page of a finding as Markdown; empty if it has none."""
    page = resources.files("opord.language.diagnostics").joinpath(f"pages/{code}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else ""


def _result(finding: Diagnostic, index: int) -> dict[str, Any]:
    text = in_one_line(finding) + (f"\n{finding.help}" if finding.help else "")
    result: dict[str, Any] = {
        "ruleId": finding.code.id,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": text},
        "locations": [_location(finding.place)],
    }
    related = [(each.place, each.text) for each in finding.labels if each.place.line]
    if related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": text}, **_location(place)}
            for number, (place, text) in enumerate(related, 1)
        ]
    if finding.story:
        steps = [
            {
                "location": {
                    "message": {"text": each.text},
                    **(_location(each.place) if each.place.line else {}),
                }
            }
            for each in finding.story
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if finding.fix:
        result["fixes"] = [_fix(each) for each in finding.fixes]
    return result


def _location(place: Place) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": _region(place)}}


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _uri(path: str) -> str:
    """Write a path as a URI: relative to where the check was started, or with its scheme."""
    if path.startswith("/"):
        return f"file://{quote(path)}"
    return quote(path.replace("\\", "/"))


def _fix(fix: Fix) -> dict[str, Any]:
    by_file: dict[str, list[dict[str, Any]]] = {}
    for each in fix.edits:
        replacement = {"deletedRegion": _region(each.place), "insertedContent": {"text": each.text}}
        by_file.setdefault(each.place.file, []).append(replacement)
    changes = [
        {"artifactLocation": {"uri": _uri(file)}, "replacements": replacements}
        for file, replacements in by_file.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}
