"""Leave out consequences: findings that only repeat another finding in other words.

One mistake is one finding. Each code lists what suppresses it as `suppressed_by`
(`diagnostics/suppressors.py`). This module applies those lists. Once the other finding is mended, a
finding that was left out comes back if it is still true. Between findings of syntax, the parser
decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from opord.language.diagnostics.model import Code, Diagnostic
from opord.language.diagnostics.suggest import folded
from opord.language.diagnostics.suppressors import LeftOut, Reported, SameName
from opord.language.suppression.unread import UnreadText
from opord.language.syntax import tree
from opord.language.syntax.source import Source

_QUOTED = re.compile(r"`(\w+)`")


def without_consequences(
    source: Source, file: tree.File, syntax: list[Diagnostic], findings: Iterable[Diagnostic]
) -> list[Diagnostic]:
    """Leave out the findings that follow from other findings, or from text that could not be read.

    `syntax` has the findings of the parser.
    """
    findings_left = _without_reported(list(findings))
    findings_left = _without_same_name(findings_left)
    if any(each.severity == "error" for each in syntax):
        findings_left = _without_unread(UnreadText(source, file, syntax), findings_left)
    return findings_left


def _without_reported(findings: list[Diagnostic]) -> list[Diagnostic]:
    reported = {each.code.id for each in findings}
    left_out = {
        each.code.id
        for each in findings
        if any(
            isinstance(suppressor, Reported) and suppressor.code in reported
            for suppressor in each.code.suppressed_by
        )
    }
    return [each for each in findings if each.code.id not in left_out] if left_out else findings


def _without_same_name(findings: list[Diagnostic]) -> list[Diagnostic]:
    """Leave out unknown names whose declaration differs only in case.

    That declaration has its own finding.
    """
    suppressors = {
        each.code.id: suppressor for each in findings if (suppressor := _same_name(each.code)) is not None
    }
    others = {suppressor.code for suppressor in suppressors.values()}
    names = {
        (each.code.id, each.place.file, _named(each)): folded(_named(each))
        for each in findings
        if each.code.id in others
    }
    if not names:
        return findings

    def is_consequence(finding: Diagnostic) -> bool:
        suppressor = suppressors.get(finding.code.id)
        if suppressor is None or not finding.fix:
            return False
        name = finding.fix[0].text
        return names.get((suppressor.code, finding.place.file, name)) == folded(_named(finding))

    return [each for each in findings if not is_consequence(each)]


def _same_name(code: Code) -> SameName | None:
    return next((suppressor for suppressor in code.suppressed_by if isinstance(suppressor, SameName)), None)


def _named(finding: Diagnostic) -> str:
    """Return the name that a finding is about: the last name in its message."""
    names: list[str] = _QUOTED.findall(finding.message)
    return names[-1] if names else ""


def _without_unread(unread: UnreadText, findings: list[Diagnostic]) -> list[Diagnostic]:
    hidden = {id(each) for each in findings if unread.explains(each)}
    codes = {each.code.id for each in findings if id(each) in hidden}
    return [each for each in findings if id(each) not in hidden and not _comes_of_left_out(each.code, codes)]


def _comes_of_left_out(code: Code, codes: set[str]) -> bool:
    return any(
        isinstance(suppressor, LeftOut) and suppressor.code in codes for suppressor in code.suppressed_by
    )
