"""Fixes of the policies of an action in transaction."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import TRANSACTION_LIMIT
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile
from opord.language.syntax import tree
from opord.language.syntax.tree import Span
from opord.values.duration import format_duration


def without_policy(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Remove `in doubt …`: there is never a doubt for it to decide."""
    for call, policy in _policies(checked, finding):
        span = _removed(checked, call, policy)
        if isinstance(policy, tree.InDoubtPolicy) and span is not None:
            yield checked.edit(span, "", "remove `in doubt`")


def short_timeout(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer the longest time that is allowed. This is not safe: the handler may need more."""
    longest = format_duration(TRANSACTION_LIMIT)
    for _, policy in _policies(checked, finding):
        if isinstance(policy, tree.TimeoutPolicy):
            yield checked.edit(policy.duration.span, longest, f"write `timeout {longest}`", safe=False)


def without_own_key(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Remove a `key` without an expression, or the time for which a key is remembered."""
    for call, policy in _policies(checked, finding):
        if not isinstance(policy, tree.KeyPolicy):
            continue
        if policy.value is None:
            span = _removed(checked, call, policy)
            if span is not None:
                yield checked.edit(span, "", "remove `key`")
        elif policy.window is not None:
            yield checked.edit((policy.value.span[1], policy.window.span[1]), "", "remove `for`")


def _policies(
    checked: CheckedFile, finding: Diagnostic
) -> Iterator[tuple[tree.CallDeclaration, tree.Policy]]:
    """Yield the policy that a finding is about, with its call."""
    at = checked.start(finding.place)
    for node in checked.file.declarations:
        if isinstance(node, tree.CallDeclaration):
            for policy in node.policies:
                if policy.span[0] <= at < policy.span[1]:
                    yield node, policy


def _removed(checked: CheckedFile, call: tree.CallDeclaration, policy: tree.Policy) -> Span | None:
    """Return the span to remove with a policy: one separator, or the braces around it alone.

    Return None if a comment is in the way.
    """
    text, (start, end) = checked.source.text, policy.span
    at = call.policies.index(policy)
    if len(call.policies) == 1:
        start = len(text[: text.rindex("{", 0, start)].rstrip())
        end = call.span[1]
        kept = text[start : policy.span[0]] + text[policy.span[1] : end]
        return (start, end) if kept.translate(_BLANK).strip() == "" else None
    if at + 1 < len(call.policies):
        end = call.policies[at + 1].span[0]
        kept = text[policy.span[1] : end]
    else:
        start = call.policies[at - 1].span[1]
        kept = text[start : policy.span[0]]
    return (start, end) if "#" not in kept else None


_BLANK = str.maketrans("", "", "{},")
