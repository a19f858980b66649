"""`# opord: allow <rule> because …`: which warnings it silences, and which of these comments silence nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeAlias, get_args

from opord.language import tree
from opord.language.diagnostics.model import Diagnostic, ErrorRule, WarningRule, code
from opord.language.diagnostics.suggest import nearest
from opord.language.lowering import Lowering
from opord.language.names import listed

UNKNOWN_RULE = code(
    "OP118", rule="name", severity="warning", title="an `allow` for a rule that does not exist"
)
SILENCES_NOTHING = code("OP808", rule="unused", title="an `allow` that silences nothing")

_ERROR_RULES: tuple[str, ...] = get_args(ErrorRule)
_WARNING_RULES: tuple[str, ...] = get_args(WarningRule)

Documented: TypeAlias = (
    tree.Use
    | tree.Contract
    | tree.Record
    | tree.Enum
    | tree.Failure
    | tree.Role
    | tree.Event
    | tree.CallDeclaration
    | tree.State
    | tree.Phase
    | tree.Ensure
)


def without_allowed(
    ctx: Lowering, file: tree.File, findings: list[Diagnostic], *, torn: bool
) -> list[Diagnostic]:
    """Leave out the warnings that an `allow` above their declaration silences; say which allows mean nothing.

    Where the file is `torn`, a warning may be missing for what could not be read, and no allow is told to be idle.
    """
    silenced: set[int] = set()
    told: list[Diagnostic] = []
    warnings = _warnings(ctx, findings)
    for node, allow in _allows(file):
        hit = _covered(ctx, node, warnings.get(allow.rule.text, []))
        silenced |= hit
        if not hit:
            told += _idle(ctx, allow, torn=torn)
    return [each for each in findings if id(each) not in silenced] + told


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
    """Sort the warnings of this file: by rule their lines, from top to bottom, each with what tells it apart."""
    found: dict[str, list[tuple[int, int]]] = {}
    for each in findings:
        if each.severity == "warning" and each.place.file == ctx.source.path:
            found.setdefault(each.rule, []).append((each.place.line, id(each)))
    for lines in found.values():
        lines.sort()
    return found


def _covered(ctx: Lowering, node: Documented, warnings: list[tuple[int, int]]) -> set[int]:
    place = ctx.place(node.span)
    first = bisect_left(warnings, (place.line, 0))
    after = bisect_left(warnings, (place.end_line + 1, 0))
    return {found for _, found in warnings[first:after]}


def _idle(ctx: Lowering, allow: tree.Allow, *, torn: bool) -> Iterator[Diagnostic]:
    rule = allow.rule.text
    before = len(ctx.findings)
    if rule not in (*_WARNING_RULES, *_ERROR_RULES):
        near = nearest(rule, _WARNING_RULES)
        ctx.report(
            UNKNOWN_RULE,
            allow.rule.span,
            f"there is no rule `{rule}` to allow",
            near=near,
            help=f"the warnings are {listed(_WARNING_RULES, most=9)}",
        )
    elif rule in _ERROR_RULES:
        ctx.report(
            SILENCES_NOTHING,
            allow.span,
            f"this comment silences nothing: findings of `{rule}` are errors, and no error can be allowed",
            help="remove it, and mend what it was written for",
        )
    elif not torn:
        ctx.report(
            SILENCES_NOTHING,
            allow.span,
            f"this comment silences nothing: the declaration below has no warning of `{rule}`",
            help="remove it",
        )
    yield from ctx.findings[before:]
