"""`opord check`: what is wrong with contracts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from opord.cli.contracts import CONTRACT_FILE, checked
from opord.cli.output import has_colour, write, write_json
from opord.cli.settings import json_option


@click.command()
@click.argument("files", nargs=-1, required=True, type=CONTRACT_FILE, metavar="FILE…")
@click.option("--strict", is_flag=True, help="Refuse warnings too.")
@json_option
def command(files: tuple[Path, ...], strict: bool, as_json: bool) -> int:
    """Say what is wrong with contracts.

    Each finding has a place, what was seen, and what would mend it; `opord explain CODE` tells more about one.
    A contract without errors can be run. Warnings are worth reading, and refused with --strict.

    \b
    Examples:
      opord check order.opord
      opord check --strict --json contracts/*.opord
    """
    results = [checked(path) for path in files]
    findings = [finding for result in results for finding in result.diagnostics]
    refused = any(strict or finding.severity == "error" for finding in findings)
    if as_json:
        from opord.language.diagnostics.render.json import as_data

        write_json([as_data(finding) for finding in findings])
        return int(refused)
    from opord.language.diagnostics.render.human import render_one
    from opord.language.source import Source

    for result in results:
        sources = {path: Source(path, text) for path, text in result.sources}
        for finding in result.diagnostics:
            write(render_one(finding, sources, colour=has_colour()))
    write(_summary(len(files), findings))
    return int(refused)


def _summary(files: int, findings: Sequence[object]) -> str:
    errors = sum(1 for finding in findings if getattr(finding, "severity", "") == "error")
    warnings = len(findings) - errors
    told = [_count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    return f"{_count(files, 'file')} checked: {', '.join(told) or 'no findings'}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
