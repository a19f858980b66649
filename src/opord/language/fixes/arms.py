"""Add the arms that a call or a `match` leaves out, each with a `goto` for a person to review."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import STR, Field, OptionalOf, State, VariantRef
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile
from opord.language.flow.coverage import OK, SOME, Case, cases_of, missing, spelled
from opord.language.flow.holes import target_missed
from opord.language.syntax import tree
from opord.language.syntax.tree import Span

# More missing arms than this get no fix. An `else` is the better choice for so many.
_ARMS_MAX = 20


def unhandled_failures(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Add an arm for each unhandled failure.

    A call without an `else` gets an `else` with these arms.
    """
    yield from _added(checked, finding, only_failures=True)


def left_out(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Add an arm for each value that a `match` leaves out, or one arm for all others."""
    yield from _added(checked, finding, only_failures=False)


def _added(checked: CheckedFile, finding: Diagnostic, *, only_failures: bool) -> Iterator[Edit]:
    at = checked.start(finding.place)
    node = checked.calls.get(at)
    statement = checked.statements.get((finding.place.line, finding.place.column))
    if node is None or statement is None:
        return
    cases = cases_of(checked.graph, statement)
    if cases is None:
        return
    missing_cases = [case for case in missing(cases, statement.arms) if not only_failures or case != OK]
    state = checked.state_around(at)
    if state is None:
        return
    if len(missing_cases) > _ARMS_MAX:
        return
    lines = [_arm(checked, state, case) for case in missing_cases]
    if not lines and cases.open:
        lines = [f"else -> {_goto(checked, state, None)}"]
    if lines:
        title = "add the arm" if len(lines) == 1 else "add the arms"
        span, text = _where(checked, node, lines)
        yield checked.edit(span, text, title, safe=False)


def _where(checked: CheckedFile, node: tree.Match | tree.CallStatement, arms: list[str]) -> tuple[Span, str]:
    """Return where arms go, and the text to put there."""
    end = node.span[1]
    if isinstance(node, tree.CallStatement) and not _has_braces(checked, node):
        # An `else` for all failures becomes the last arm of an `else` with arms.
        start = node.else_span[0] if node.else_span is not None else end
        all_arms = arms + ([checked.source.text[start:end]] if start < end else [])
        inner = f"{checked.indent(node.span[0])}  "
        lines = "".join(f"\n{inner}{arm}" for arm in all_arms)
        before = "" if start < end else " "
        return (start, end), f"{before}else {{{lines}\n{checked.indent(node.span[0])}}}"
    closing = end - 1
    text = checked.source.text
    before = text[:closing].rstrip()
    if "\n" not in text[len(before) : closing]:
        comma = "" if before.endswith(("{", ",")) else ","
        return (len(before), closing), f"{comma} {', '.join(arms)} "
    indent = checked.indent(node.arms[-1].span[0]) if node.arms else f"{checked.indent(node.span[0])}  "
    return (len(before), len(before)), "".join(f"\n{indent}{arm}" for arm in arms)


def _has_braces(checked: CheckedFile, node: tree.CallStatement) -> bool:
    """Say whether the `else` of a call has arms in braces, so that others can be added."""
    if node.arms is None or node.else_span is None:
        return False
    return checked.source.text[node.else_span[1] :].lstrip().startswith("{")


def _arm(checked: CheckedFile, state: tree.State, case: Case) -> str:
    fields = _fields(checked, case)
    names = f"({', '.join(field.name for field in fields)})" if fields else ""
    head = "some value" if case == SOME else f"{spelled(case)}{names}"
    reason = next((f"{{{field.name}}}" for field in fields if field.type == STR), spelled(case))
    return f"{head} -> {_goto(checked, state, reason if isinstance(case, VariantRef) else None)}"


def _fields(checked: CheckedFile, case: Case) -> tuple[Field, ...]:
    if isinstance(case, VariantRef):
        variant = checked.graph.variant(case)
        return variant.fields if variant is not None else ()
    return ()


def _goto(checked: CheckedFile, state: tree.State, reason: str | None) -> str:
    """Write a `goto` to a state of the header that can be entered with the values in scope.

    A state that no other `goto` names comes first. For a failure, one that ends in failure comes
    next. For other cases, it comes last.
    """
    missed = target_missed(checked.graph, checked.graph.states.get(state.name.text))
    targets = [checked.graph.states[name.text] for name in state.targets if name.text in checked.graph.states]
    targets.sort(key=lambda each: (each.name != missed, (each.outcome != "failure") == bool(reason)))
    for target in targets:
        needed = [field for field in target.fields if not _may_be_left_out(field)]
        if not needed:
            return f"goto {target.name}"
        if reason and len(needed) == 1 and needed[0].type == STR:
            return f'goto {target.name}("{reason}")'
    return f"goto {_any(targets, checked)}"


def _any(targets: list[State], checked: CheckedFile) -> str:
    return targets[0].name if targets else next(iter(checked.graph.states), "Somewhere")


def _may_be_left_out(field: Field) -> bool:
    return field.default is not None or isinstance(field.type, OptionalOf)
