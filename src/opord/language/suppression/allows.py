"""Silence the warnings that an `# opord: allow <rule> because …` names.

An unknown rule in it is reported.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeAlias, get_args

from opord.language.diagnostics.model import Diagnostic, ErrorRule, WarningRule, code
from opord.language.diagnostics.suggest import nearest
from opord.language.diagnostics.wording import listed
from opord.language.lowering import Lowering
from opord.language.syntax import tree

UNKNOWN_RULE = code(
    "OP118", rule="name", severity="warning", title="an `allow` for a rule that does not exist"
)

_WARNING_RULES: tuple[str, ...] = get_args(WarningRule)
_RULES = frozenset((*_WARNING_RULES, *get_args(ErrorRule)))

Documented: TypeAlias = (
    tree.Use
    | tree.Contract
    | tree.RecordType
    | tree.Enum
    | tree.Failure
    | tree.Role
    | tree.Event
    | tree.CallDeclaration
    | tree.State
    | tree.Phase
    | tree.Ensure
)


def without_allowed(ctx: Lowering, file: tree.File, findings: list[Diagnostic]) -> list[Diagnostic]:
    """Leave out the warnings that an `allow` above their declaration silences.

    An `allow` with an unknown rule is reported.
    """
    silenced: set[int] = set()
    strangers: list[Diagnostic] = []
    warnings = _warnings(ctx, findings)
    for node, allow in _allows(file):
        if allow.rule.text in _RULES:
            silenced |= _covered(ctx, node, warnings.get(allow.rule.text, []))
        else:
            strangers.append(_unknown(ctx, allow))
    return [each for each in findings if id(each) not in silenced] + strangers


def _allows(file: tree.File) -> Iterator[tuple[Documented, tree.Allow]]:
    for node in file.declarations:
        if isinstance(node, tree.Unparsed):
            continue
        for allow in node.allows:
            yield node, allow
        if isinstance(node, tree.Phase):
            for state in node.states:
                for allow in state.allows:
                    yield state, allow


def _warnings(ctx: Lowering, findings: list[Diagnostic]) -> dict[str, list[tuple[int, int]]]:
    """Return the warnings of this file by rule: the line and the id of each, from top to bottom."""
    warnings: dict[str, list[tuple[int, int]]] = {}
    for each in findings:
        if each.severity == "warning" and each.place.file == ctx.source.path:
            warnings.setdefault(each.rule, []).append((each.place.line, id(each)))
    for lines in warnings.values():
        lines.sort()
    return warnings


def _covered(ctx: Lowering, node: Documented, warnings: list[tuple[int, int]]) -> set[int]:
    place = ctx.place(node.span)
    first = bisect_left(warnings, (place.line, 0))
    after = bisect_left(warnings, (place.end_line + 1, 0))
    return {number for _, number in warnings[first:after]}


def _unknown(ctx: Lowering, allow: tree.Allow) -> Diagnostic:
    rule = allow.rule.text
    ctx.report(
        UNKNOWN_RULE,
        allow.rule.span,
        f"there is no rule `{rule}` to allow",
        near=nearest(rule, _WARNING_RULES),
        help=f"the warnings are {listed(_WARNING_RULES, most=9)}",
    )
    return ctx.findings[-1]
