"""The table of the findings that have a fix made here, with the function that makes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from opord.contract import Contract
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes import arms, asked_waits, clauses, comments, headers, renames, transactions, unused
from opord.language.fixes.checked_file import CheckedFile
from opord.language.syntax import tree
from opord.language.syntax.source import Source

FIXES: dict[str, Callable[[CheckedFile, Diagnostic], Iterator[Edit]]] = {
    "OP110": renames.wrong_case,
    "OP112": clauses.which_variant,
    "OP113": clauses.called_without_verb,
    "OP304": headers.listed_too_much,
    "OP305": headers.missing_target,
    "OP308": clauses.initial_state,
    "OP401": arms.unhandled_failures,
    "OP402": arms.left_out,
    "OP503": clauses.performed_action,
    "OP504": clauses.committed_effect,
    "OP513": transactions.without_policy,
    "OP514": transactions.short_timeout,
    "OP515": transactions.without_own_key,
    "OP705": asked_waits.limited_wait,
    "OP801": unused.declaration,
    "OP806": clauses.contract_key,
    "OP808": clauses.settling_variant,
    "OP810": clauses.shared_key,
    "OP811": clauses.standing_action,
    "OP812": clauses.needless_reason,
    "OP813": comments.idle_allow,
    "OP814": clauses.needless_reason,
}
"""By code. A code that is not listed has no clear fix, or its finding carries the fix already."""

# With more findings than this, only the first ones get fixes. The next check gives fixes to the
# rest.
_FIXED_MAX = 200


def add_fixes(
    source: Source, file: tree.File, contract: Contract, findings: list[Diagnostic]
) -> list[Diagnostic]:
    """Return the findings; those of this file have the edits that mend them."""
    checked = CheckedFile(source, file, contract)
    return [
        _with_fix(checked, each) if index < _FIXED_MAX and each.place.file == source.path else each
        for index, each in enumerate(findings)
    ]


def _with_fix(checked: CheckedFile, finding: Diagnostic) -> Diagnostic:
    make_edits = FIXES.get(finding.code.id)
    if make_edits is None or finding.fix or not finding.place.line:
        return finding
    edits = tuple(make_edits(checked, finding))
    return dataclasses.replace(finding, fix=edits) if edits else finding
