"""Limit the number of findings, and say in one more finding how many are left out.

The limit is more than a person mends before the next check.
"""

from __future__ import annotations

from opord.language.diagnostics.model import FINDINGS_MAX_IN_ALL, Diagnostic, code

NOT_SHOWN = code("OP039", rule="syntax", severity="warning", title="more findings than are shown")


def limit_findings(findings: list[Diagnostic]) -> list[Diagnostic]:
    """Keep the first findings, errors before warnings, and say at the end how many more there are.

    Errors refuse a contract, so no error is left out while a warning is kept. If there is an error,
    at least one is kept.
    """
    if len(findings) <= FINDINGS_MAX_IN_ALL:
        return findings
    by_weight = sorted(range(len(findings)), key=lambda index: findings[index].severity != "error")
    indexes = sorted(by_weight[:FINDINGS_MAX_IN_ALL])
    left_out = sorted(by_weight[FINDINGS_MAX_IN_ALL:])
    errors = sum(1 for index in left_out if findings[index].severity == "error")
    notice = NOT_SHOWN.at(
        findings[left_out[0]].place,
        f"there are {len(left_out):,} more findings, {f'{errors:,} of them' if errors else 'none of them'} "
        f"{'an error' if errors == 1 or not errors else 'errors'}",
        label="the first of them",
        help="mend those that are shown, and check again",
    )
    return [*(findings[index] for index in indexes), notice]
