"""Remove an unused declaration, with the comments that belong to it."""

from __future__ import annotations

from collections.abc import Iterator

from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile
from opord.language.syntax import tree
from opord.language.syntax.tree import Span


def declaration(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Remove a declaration that nothing uses.

    The fix is not safe, because the declaration may be meant for text that is not written yet.
    """
    at = checked.start(finding.place)
    for node in checked.file.declarations:
        if isinstance(node, tree.Unparsed) or not node.span[0] <= at < node.span[1]:
            continue
        if isinstance(node, tree.Role) and len(node.names) > 1:
            return
        yield checked.edit(_lines(checked, node.span), "", "remove the declaration", safe=False)
        return


def _lines(checked: CheckedFile, span: Span) -> Span:
    """Return the lines of a declaration, with the documentation and the `allow`s right above it."""
    first = checked.source.position(span[0])[0]
    own = {checked.source.position(each.span[0])[0] for each in checked.file.comments if _belongs(each)}
    while first - 1 in own:
        first -= 1
    return _whole_lines(checked, (checked.source.line_starts[first - 1], span[1]))


def _belongs(comment: tree.Comment) -> bool:
    return comment.is_doc or (comment.own_line and "opord:" in comment.text)


def _whole_lines(checked: CheckedFile, span: Span) -> Span:
    """Widen a span to whole lines, if those lines contain nothing else."""
    text = checked.source.text
    start = text.rfind("\n", 0, span[0]) + 1
    end = text.find("\n", span[1])
    end = len(text) if end < 0 else end + 1
    if text[start : span[0]].strip() or text[span[1] : end].strip():
        return span
    return (start, end)
