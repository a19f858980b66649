"""Quick fixes: the fixes of findings, and more that only an editor offers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opord.language.diagnostics.model import Diagnostic, Fix
from opord.language.lowering.context import Lowering
from opord.language.syntax import tree
from opord.language.syntax.letter_case import has_case
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis
from opord.lsp.features.problems import FileProblem, problems
from opord.lsp.features.rename import TextEdit

_REASON = "say why"
_NAMED = re.compile(r"`(\w+)`")
# One fix can reveal the next finding, so fixes are made in rounds, at most this many.
_ROUNDS_MAX = 10


@dataclass(frozen=True, slots=True)
class CodeAction:
    """A change of the text: a quick fix of a problem, or all safe fixes at once."""

    title: str
    kind: Literal["quickfix", "source.fixAll"]
    edits: tuple[TextEdit, ...]
    problem: FileProblem | None = None
    preferred: bool = False


def actions(analysis: Analysis, within: Span) -> list[CodeAction]:
    """List the actions for the findings that touch a part of the file."""
    offers: list[CodeAction] = []
    for problem in problems(analysis):
        if problem.span[0] <= within[1] and within[0] <= problem.span[1]:
            fixes = problem.finding.fixes
            offers += [
                CodeAction(
                    fix.title, "quickfix", _of_fix(analysis, fix), problem, fix.safe and len(fixes) == 1
                )
                for fix in fixes
            ]
            titles = {fix.title for fix in fixes}
            offers += [each for each in _declared(analysis, problem) if each.title not in titles]
            if problem.severity == "warning" and not any(
                "opord: allow" in edit.text for fix in fixes for edit in fix.edits
            ):
                offers += _allowed(analysis, problem)
    return offers


def fix_all(analysis: Analysis) -> CodeAction | None:
    """Return all safe fixes as one change of the file, or None if there are none."""
    text = analysis.text
    now = analysis
    for _ in range(_ROUNDS_MAX):
        edits = _safe(now)
        if not edits:
            break
        changed = now.text
        for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
            changed = changed[: edit.span[0]] + edit.text + changed[edit.span[1] :]
        after = now.again(changed)
        if len(after.diagnostics) >= len(now.diagnostics):
            break
        now = after
    if now.text == text:
        return None
    whole = TextEdit(analysis.path, (0, len(text)), now.text)
    return CodeAction("mend everything that is safe to mend", "source.fixAll", (whole,))


def _safe(analysis: Analysis) -> list[TextEdit]:
    """Choose safe fixes that do not touch each other."""
    chosen: list[TextEdit] = []
    for problem in problems(analysis):
        fixes = problem.finding.fixes
        if len(fixes) != 1 or not fixes[0].safe:
            continue
        edits = _of_fix(analysis, fixes[0])
        if not any(_touch(one.span, other.span) for one in edits for other in chosen):
            chosen += edits
    return chosen


def _touch(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _of_fix(analysis: Analysis, fix: Fix) -> tuple[TextEdit, ...]:
    return tuple(TextEdit(edit.place.file, analysis.span(edit.place), edit.text) for edit in fix.edits)


# --- Declaring what is missing --------------------------------------------------------------------


def _declared(analysis: Analysis, problem: FileProblem) -> Iterator[CodeAction]:
    """Offer to declare a state, type, event, role or call that is used but not declared."""
    finding = problem.finding
    named = _NAMED.search(finding.message)
    written_name = analysis.text[problem.span[0] : problem.span[1]]
    if named is None or named[1] != written_name:
        return
    text = _declaration(analysis.ctx, finding, written_name, analysis.text[: problem.span[0]])
    if text is None:
        return
    title, declaration, in_front = text
    at = _place_for(analysis, problem.span[0], in_front=in_front)
    block = f"{declaration}\n\n" if in_front else f"\n{declaration}\n"
    if not in_front and at == len(analysis.text) and not analysis.text.endswith("\n"):
        block = f"\n{block}"
    yield CodeAction(title, "quickfix", (TextEdit(analysis.path, (at, at), block),), problem)


def _declaration(ctx: Lowering, finding: Diagnostic, name: str, before: str) -> tuple[str, str, bool] | None:
    """Return the title and text of a new declaration, and whether it goes before its user."""
    code = finding.code.id
    if code == "OP103" and has_case(name, "PascalCase"):
        return f"create the state `{name}`", f"final state {name} failure", False
    if code == "OP101" and has_case(name, "PascalCase"):
        if "failure" in finding.message:
            return f"create the failure `{name}`", f"failure {name} {{ Unavailable transient }}", True
        return f"create the record `{name}`", f"record {name} {{ id: str }}", True
    if not has_case(name, "snake_case"):
        return None
    if code == "OP105":
        return f"create the event `{name}`", f"event {name}()", True
    if code == "OP106":
        return f"create the role `{name}`", f"role {name}", True
    if code == "OP104":
        if before.rstrip().endswith("perform"):
            return f"create the effect `{name}`", f"effect {name}()", True
        if before.rstrip().endswith("commit"):
            return f"create the action `{name}`", f"action {name}()", True
        return f"create the pure `{name}`", f"pure {name}() -> bool", True
    return None


def _place_for(analysis: Analysis, offset: int, *, in_front: bool) -> int:
    """Return the offset for a new declaration: before or after the declaration around `offset`."""
    for node in analysis.file.declarations:
        if node.span[0] <= offset <= node.span[1]:
            return _start_with_comments(analysis, node) if in_front else _line_end(analysis, node.span[1])
    return _line_end(analysis, offset)


def _start_with_comments(analysis: Analysis, node: tree.Declaration) -> int:
    """Return the start of the first line of a declaration, with the comments that belong to it."""
    line = analysis.source.position(node.span[0])[0]
    own = {analysis.source.position(each.span[0])[0] for each in analysis.file.comments if each.own_line}
    while line - 1 in own:
        line -= 1
    return analysis.source.line_starts[line - 1]


def _line_end(analysis: Analysis, offset: int) -> int:
    end = analysis.text.find("\n", offset)
    return len(analysis.text) if end < 0 else end + 1


# --- Silencing a warning --------------------------------------------------------------------------


def _allowed(analysis: Analysis, problem: FileProblem) -> Iterator[CodeAction]:
    """Offer an `allow` above the declaration of a warning, or a name in the one that is there."""
    allowed_by = problem.finding.code.allowed_by
    if problem.rule == "ensure" or problem.code[2] != "8" or allowed_by not in ("comment", "names"):
        return
    node = _documented(analysis, problem.span[0])
    if node is None:
        return
    action = problem.finding.about if allowed_by == "names" else ""
    title = f"allow `{problem.rule}` of `{action}` here" if action else f"allow `{problem.rule}` here"
    there = next((allow for allow in node.allows if allow.rule.text == problem.rule), None)
    if there is not None and action:
        at = (there.names[-1] if there.names else there.rule).span[1]
        text = f", {action}" if there.names else f" {action}"
        yield CodeAction(title, "quickfix", (TextEdit(analysis.path, (at, at), text),), problem)
        return
    start = analysis.source.line_starts[analysis.source.position(node.span[0])[0] - 1]
    indent = analysis.text[start : node.span[0]]
    if indent.strip():
        return
    rule = f"{problem.rule} {action}" if action else problem.rule
    text = f"{indent}# opord: allow {rule} because {_REASON}\n"
    yield CodeAction(title, "quickfix", (TextEdit(analysis.path, (start, start), text),), problem)


def _documented(analysis: Analysis, offset: int) -> tree.Documented | None:
    for node in analysis.file.declarations:
        if node.span[0] <= offset <= node.span[1] and not isinstance(node, tree.Unparsed):
            if isinstance(node, tree.Phase):
                for state in node.states:
                    if state.span[0] <= offset <= state.span[1]:
                        return state
            return node
    return None
