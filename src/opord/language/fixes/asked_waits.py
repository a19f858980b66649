"""Fixes of waits that the other side of a call asks for."""

from __future__ import annotations

from collections.abc import Iterator

from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile
from opord.language.syntax import tree


def limited_wait(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Offer a limit for a wait without which no time can be promised; the author knows how long."""
    places = [label.place for label in finding.labels if label.place.file == checked.source.path]
    starts = {checked.start(place) for place in places}
    for node in checked.nodes:
        if isinstance(node, tree.AskedWait) and node.at_most is None and node.span[0] in starts:
            end = node.span[1]
            yield checked.edit((end, end), " at most 5m", "limit the wait: `at most 5m`", safe=False)
