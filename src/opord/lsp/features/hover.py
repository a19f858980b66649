"""Hover: what the name or word under the cursor means."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from opord.language import words
from opord.language.syntax import tokens as t
from opord.language.syntax.tree import Span
from opord.language.words import Word, WordPlace
from opord.lsp.analysis import Analysis
from opord.lsp.cursor import Cursor, cursor_at
from opord.lsp.features.describe import describe, describe_word


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown about the text at `span`."""

    markdown: str
    span: Span


def hover(analysis: Analysis, offset: int) -> Hover | None:
    """Return what is shown at an offset, or None if nothing there has a meaning."""
    occurrence = analysis.index.at(offset)
    if occurrence is not None:
        descriptions = [describe(analysis, analysis.index.symbols[place]) for place in occurrence.places[:3]]
        return Hover("\n\n---\n\n".join(descriptions), occurrence.span)
    tokens = analysis.tokens
    i = bisect_right(tokens.starts, offset) - 1
    while i > 0 and tokens.kinds[i] == t.END:
        i -= 1
    if i < 0 or not tokens.starts[i] <= offset <= tokens.ends[i]:
        return None
    if tokens.kinds[i] != t.NAME and tokens.kinds[i] not in t.RESERVED:
        return None
    word = _meaning(analysis, i)
    if word is None:
        return None
    return Hover(describe_word(word), (tokens.starts[i], tokens.ends[i]))


def _meaning(analysis: Analysis, i: int) -> Word | None:
    """Return the meaning of the word at token `i`, given its neighbours and its place."""
    tokens = analysis.tokens
    meanings = list(words.describing(tokens.texts, i))
    if tokens.kinds[i + 1] == "(" and (function := words.function(tokens.texts[i])) is not None:
        return function
    longest = [word for word in meanings if len(word.parts) == len(meanings[0].parts)]
    places = _places(cursor_at(tokens, analysis.text, tokens.starts[i]))
    here = (word for word in longest if any(place in places for place in word.places))
    return next(here, longest[0] if longest else None)


def _places(cursor: Cursor) -> tuple[WordPlace, ...]:
    """Return the places of a word, to decide between two meanings of one word."""
    if cursor.frame.kind == "policies":
        return ("policy", "doubt", "policy part")
    if cursor.is_fresh or cursor.before in ("->", "else"):
        return ("file", "phase", "statement", "handler")
    match cursor.words[0]:
        case "ensure":
            return ("promise", "claim") if len(cursor.words) == 1 else ("promise part", "claim")
        case "final":
            return ("outcome",)
        case "on":
            return ("handler part",)
        case _:  # open: a word of the text
            return ("type", "value", "choice")
