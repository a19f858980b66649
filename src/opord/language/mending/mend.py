"""Which kinds of finding have a mend, and what makes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from opord.contract import Contract
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.mending import arms, clauses, headers, renames, unused
from opord.language.mending.desk import Desk
from opord.language.syntax import tree
from opord.language.syntax.source import Source

MENDS: dict[str, Callable[[Desk, Diagnostic], Iterator[Edit]]] = {
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
    "OP801": unused.declaration,
    "OP806": clauses.contract_key,
}
"""By code; what is not listed here has no clear mend, or carries it from where it was found."""

# Whoever has more findings than this mends the first ones and asks again.
_MENDED_MAX = 200


def add_fixes(
    source: Source, file: tree.File, contract: Contract, findings: list[Diagnostic]
) -> list[Diagnostic]:
    """Return the findings, those of this file with the edits that mend them."""
    desk = Desk(source, file, contract)
    return [
        _mended(desk, each) if index < _MENDED_MAX and each.place.file == source.path else each
        for index, each in enumerate(findings)
    ]


def _mended(desk: Desk, finding: Diagnostic) -> Diagnostic:
    mend = MENDS.get(finding.code.id)
    if mend is None or finding.fix or not finding.place.line:
        return finding
    edits = tuple(mend(desk, finding))
    return dataclasses.replace(finding, fix=edits) if edits else finding
