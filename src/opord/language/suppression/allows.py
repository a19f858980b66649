"""Silence the warnings that an `# opord: allow <rule> [names] because …` allows.

Each code says what allows it (`Code.allowed_by`): any `allow` of its rule, only one that names what
the warning is about, or only a clause in the declaration. An `allow` of an unknown rule is
reported, and so is one that silences nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import assert_never, get_args

from opord.language.diagnostics.model import (
    Diagnostic,
    Edit,
    ErrorRule,
    Label,
    WarningRule,
    code,
    rules_with_names,
)
from opord.language.diagnostics.suggest import nearest
from opord.language.diagnostics.wording import LABELS_MAX, listed, quoted
from opord.language.lowering import Lowering
from opord.language.syntax import tree
from opord.language.syntax.escapes import escape

UNKNOWN_RULE = code(
    "OP118", rule="name", severity="warning", title="an `allow` for a rule that does not exist"
)
SILENCES_NOTHING = code(
    "OP813", rule="unused", title="an `allow` that silences nothing", allowed_by="nothing"
)

_WARNING_RULES: tuple[str, ...] = get_args(WarningRule)
_ERROR_RULES: tuple[str, ...] = get_args(ErrorRule)
_RULES = frozenset((*_WARNING_RULES, *_ERROR_RULES))


def without_allowed(
    ctx: Lowering, file: tree.File, findings: list[Diagnostic], *, types_only: bool
) -> list[Diagnostic]:
    """Leave out the warnings that an `allow` above their declaration silences.

    An `allow` with an unknown rule is reported. One that silences nothing is reported too, unless
    the file has errors or only types: then some rules have not looked at all of it.
    """
    silenced: set[int] = set()
    added: list[Diagnostic] = []
    warnings = _Warnings(ctx, findings)
    complete = not types_only and all(each.severity == "warning" for each in findings)
    for node, allow in tree.allows(file.declarations):
        if allow.rule.text not in _RULES:
            added.append(_unknown(ctx, allow))
            continue
        around = warnings.within(node, allow.rule.text)
        hits = [each for each in around if _is_allowed(allow, each)]
        silenced.update(id(each) for each in hits)
        if complete:
            elsewhere = warnings.by_clause(allow.rule.text)
            added += _silences_nothing(ctx, allow, around, hits, elsewhere)
    return [each for each in findings if id(each) not in silenced] + added


class _Warnings:
    """The warnings of a file by rule, from top to bottom."""

    def __init__(self, ctx: Lowering, findings: list[Diagnostic]) -> None:
        self._ctx = ctx
        self._by_rule: dict[str, list[tuple[int, int, Diagnostic]]] = {}
        for number, each in enumerate(findings):
            if each.severity == "warning" and each.place.file == ctx.source.path:
                self._by_rule.setdefault(each.rule, []).append((each.place.line, number, each))
        for lines in self._by_rule.values():
            lines.sort(key=lambda line: line[:2])

    def within(self, node: tree.Documented, rule: str) -> list[Diagnostic]:
        """List the warnings of a rule on the lines of a declaration."""
        place = self._ctx.place(node.span)
        lines = self._by_rule.get(rule, [])
        first = bisect_left(lines, (place.line,))
        after = bisect_left(lines, (place.end_line + 1,))
        return [each for _, _, each in lines[first:after]]

    def by_clause(self, rule: str) -> list[Diagnostic]:
        """List the warnings of a rule that only a clause of a declaration allows."""
        return [
            each
            for _, _, each in self._by_rule.get(rule, [])
            if each.code.allowed_by in ("stands because", "shared because")
        ]


def _is_allowed(allow: tree.Allow, warning: Diagnostic) -> bool:
    match warning.code.allowed_by:
        case "comment":
            return True
        case "names":
            return any(name.text == warning.about for name in allow.names)
        case "stands because" | "shared because" | "nothing":
            return False
        case _:
            assert_never(warning.code.allowed_by)


def _unknown(ctx: Lowering, allow: tree.Allow) -> Diagnostic:
    rule = allow.rule.text
    ctx.report(
        UNKNOWN_RULE,
        allow.rule.span,
        f"there is no rule `{rule}` to allow",
        near=nearest(rule, _WARNING_RULES),
        help=f"the warnings are {listed(_WARNING_RULES, most=len(_WARNING_RULES))}",
    )
    return ctx.findings[-1]


# --- What silences nothing ------------------------------------------------------------------------


def _silences_nothing(
    ctx: Lowering,
    allow: tree.Allow,
    around: list[Diagnostic],
    hits: list[Diagnostic],
    by_clause: list[Diagnostic],
) -> Iterator[Diagnostic]:
    """Report an `allow` that silences nothing, or the names in it that do not."""
    rule = allow.rule.text
    actions = list(dict.fromkeys(each.about for each in around if each.code.allowed_by == "names"))
    if hits:
        yield from _idle_names(ctx, allow, actions)
    elif actions:
        yield _without_its_names(ctx, allow, actions)
    elif by_clause:
        here = [each for each in around if each in by_clause]
        yield _instead_of_a_clause(ctx, allow, here or by_clause)
    elif rule in _ERROR_RULES:
        yield _nothing(
            ctx,
            allow,
            f"this comment silences nothing: `{rule}` finds errors, and no comment allows those",
            "remove the comment",
        )
    else:
        yield _nothing(
            ctx, allow, f"this comment silences nothing: there is no `{rule}` below", "remove the comment"
        )


def _nothing(ctx: Lowering, allow: tree.Allow, message: str, help: str) -> Diagnostic:
    return SILENCES_NOTHING.at(ctx.place(allow.span), message, help=help)


def _idle_names(ctx: Lowering, allow: tree.Allow, actions: list[str]) -> Iterator[Diagnostic]:
    rule = allow.rule.text
    for name in allow.names:
        if name.text in actions:
            continue
        if rule in rules_with_names():
            message = f"no `{rule}` of `{name.text}` is found below, so its name silences nothing"
        else:
            message = f"an `allow` of `{rule}` takes no names, so `{name.text}` silences nothing"
        yield SILENCES_NOTHING.at(ctx.place(name.span), message, help="remove the name")


def _without_its_names(ctx: Lowering, allow: tree.Allow, actions: list[str]) -> Diagnostic:
    rule = allow.rule.text
    line = f"# opord: allow {rule} {', '.join(actions)} because {allow.reason}"
    if allow.names:
        message = f"this comment silences nothing: `{rule}` below is about {quoted(actions)}"
        fix: tuple[Edit, ...] = ()
    else:
        message = f"this comment silences nothing: an `allow` of `{rule}` names its actions"
        after = ctx.place((allow.rule.span[1], allow.rule.span[1]))
        fix = (Edit(after, f" {', '.join(actions)}", f"name {quoted(actions)}"),)
    return SILENCES_NOTHING.at(ctx.place(allow.span), message, help=f"write `{line}`", fix=fix)


def _instead_of_a_clause(ctx: Lowering, allow: tree.Allow, warnings: list[Diagnostic]) -> Diagnostic:
    clause, actions = warnings[0].code.allowed_by, listed([each.about for each in warnings])
    where = "in the header" if clause == "stands because" else "behind the key"
    return SILENCES_NOTHING.at(
        ctx.place(allow.span),
        f"this comment silences nothing: only `{clause}` allows `{allow.rule.text}` of {actions}",
        help=f'write `{clause} "{escape(allow.reason)}"` {where} of {actions}, and remove the comment',
        labels=tuple(Label(each.place, "declared here") for each in warnings[:LABELS_MAX]),
    )
