"""Fixes of words and clauses: a verb, a variant's type, an initial state, a contract's key."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Effect
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile
from opord.language.rules.contract_without_key import key_candidates
from opord.language.rules.shared_key import key_with_missing
from opord.language.rules.unsettled_doubt import unsettled
from opord.language.syntax import tree
from opord.language.syntax.escapes import escape


def performed_action(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Replace `perform` by `commit`: an action can be called in no other way."""
    yield from _verb(checked, finding, "commit", safe=True)


def committed_effect(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Replace `commit` of an effect by `perform`; the effect may have been meant as an action."""
    at = checked.start(finding.place)
    call = checked.calls.get(at)
    site = call.call if isinstance(call, tree.CallStatement) else call.subject if call else None
    if isinstance(site, tree.BoundaryCall) and isinstance(checked.graph.calls.get(site.name.text), Effect):
        yield from _verb(checked, finding, "perform", safe=False)


def called_without_verb(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Add `perform` or `commit` before a call that is all of a `let` or of a matched value."""
    at = checked.start(finding.place)
    for node in checked.nodes:
        whole = (
            node.value
            if isinstance(node, tree.Let)
            else node.subject
            if isinstance(node, tree.Match)
            else None
        )
        if not isinstance(whole, tree.CallExpression) or whole.span[0] != at:
            continue
        callee = checked.graph.calls.get(checked.source.slice(whole.callee.span))
        if isinstance(callee, Effect | Action):
            verb = "perform" if isinstance(callee, Effect) else "commit"
            yield checked.edit((at, at), f"{verb} ", f"write `{verb}`")


def which_variant(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer each type that has a variant of this name, to be written before it."""
    at = checked.start(finding.place)
    end = checked.source.offset(finding.place.end_line, finding.place.end_column)
    name = checked.source.slice((at, end))
    for type, variants in checked.graph.variants.items():
        if any(each.name == name for each in variants):
            yield checked.edit((at, at), f"{type}.", f"write `{type}.{name}`", safe=False)


def initial_state(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer to make the first state that is not final the initial state."""
    for state in checked.states.values():
        if state.kind == "plain":
            start = state.span[0]
            yield checked.edit(
                (start, start), "initial ", f"let a run start in `{state.name.text}`", safe=False
            )
            return


def _verb(checked: CheckedFile, finding: Diagnostic, verb: str, *, safe: bool) -> Iterator[Edit]:
    at = checked.start(finding.place)
    for node in checked.nodes:
        if isinstance(node, tree.BoundaryCall) and node.span[0] == at:
            yield checked.edit(node.verb_span, verb, f"write `{verb}`", safe=safe)
            return


def contract_key(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer the values that can be a key: each input, or a field of an input called `id`."""
    node = next((each for each in checked.file.declarations if isinstance(each, tree.Contract)), None)
    if node is None:
        return
    after = max([node.name.span[1], *(each.span[1] for each in node.parameters)])
    closing = checked.source.text.find(")", after, node.span[1]) if node.parameters else -1
    at = closing + 1 if closing >= 0 else after
    for key in key_candidates(checked.contract):
        yield checked.edit((at, at), f" key {key}", f"add `key {key}`", safe=False)


def settling_variant(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer each final failure of an action to be marked `settles`; only the author knows."""
    at = checked.start(finding.place)
    for action in checked.contract.actions:
        if checked.start(action.place) != at:
            continue
        final = {checked.start(variant.place): variant.name for variant in unsettled(checked.graph, action)}
        for node in checked.nodes:
            if isinstance(node, tree.Variant) and node.name.span[0] in final:
                end = node.span[1]
                yield checked.edit((end, end), " settles", f"mark `{node.name.text}` `settles`", safe=False)


def standing_action(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer `stands because` in the header of an action; only the author knows the reason.

    If there is an `allow` above the action, its reason is used.
    """
    node = _declared_at(checked, checked.start(finding.place))
    if node is None:
        return
    reasons = [allow.reason for allow in node.allows if allow.rule.text == finding.rule]
    reason = escape(reasons[0]) if reasons and reasons[0] else "say why"
    at = _header_end(checked, node)
    yield checked.edit((at, at), f' stands because "{reason}"', "say why it stands", safe=False)


def needless_reason(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer to remove a reason; it may have been meant for another action."""
    start = checked.start(finding.place)
    end = checked.source.offset(finding.place.end_line, finding.place.end_column)
    while checked.source.text[start - 1] == " ":
        start -= 1
    words = " ".join(checked.source.slice((start, end)).split()[:2])
    yield checked.edit((start, end), "", f"remove `{words}`", safe=False)


def shared_key(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer a key with what is missing in it, or the reason why two runs share it.

    Only the author knows which is meant.
    """
    each = checked.shared_keys.get(finding.about)
    key = None if each is None else each.action.key
    if each is None or key is None or key.expr is None:
        return
    start = checked.start(key.expr.place)
    end = checked.source.offset(key.expr.place.end_line, key.expr.place.end_column)
    longer = key_with_missing(each, key.expr)
    if longer is not None:
        yield checked.edit((start, end), longer, f"write `key {longer}`", safe=False)
    after = checked.source.offset(key.place.end_line, key.place.end_column)
    yield checked.edit(
        (after, after), ' shared because "say why"', "say why two runs share the key", safe=False
    )


def _declared_at(checked: CheckedFile, offset: int) -> tree.CallDeclaration | None:
    return next(
        (
            node
            for node in checked.file.declarations
            if isinstance(node, tree.CallDeclaration) and node.name.span[0] == offset
        ),
        None,
    )


def _header_end(checked: CheckedFile, node: tree.CallDeclaration) -> int:
    """Return the end of a call's header: before the blanks and the `{` of its policies, if any."""
    ends = [node.name.span[1]]
    ends += [each.span[1] for each in node.parameters]
    ends += [each.span[1] for each in node.failures]
    if node.result is not None:
        ends.append(node.result.span[1])
    if node.undoes is not None:
        ends.append(node.undoes.span[1])
    if node.transaction is not None:
        ends.append(node.transaction[1])
    opening = checked.source.text.find("{", max(ends), node.span[1])
    return len(checked.source.text[: opening if opening >= 0 else node.span[1]].rstrip())
