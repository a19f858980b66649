"""Hover: what the name or word under the cursor means."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from opord.language.syntax import tokens as t
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis
from opord.lsp.features.describe import describe, describe_word
from opord.lsp.features.words import word


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown about what stands at `span`."""

    markdown: str
    span: Span


def hover(analysis: Analysis, offset: int) -> Hover | None:
    """Say what stands at an offset; None where nothing does that has a meaning."""
    found = analysis.index.at(offset)
    if found is not None:
        said = [describe(analysis, analysis.index.symbols[place]) for place in found.places[:3]]
        return Hover("\n\n---\n\n".join(said), found.span)
    tokens = analysis.tokens
    i = bisect_right(tokens.starts, offset) - 1
    while i > 0 and tokens.kinds[i] == t.END:
        i -= 1
    if i < 0 or not tokens.starts[i] <= offset <= tokens.ends[i]:
        return None
    if tokens.kinds[i] != t.NAME and tokens.kinds[i] not in t.RESERVED:
        return None
    name = tokens.texts[i]
    known = word(name, called=tokens.kinds[i + 1] == "(")
    if known is None:
        return None
    return Hover(describe_word(name, known), (tokens.starts[i], tokens.ends[i]))
