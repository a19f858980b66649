"""Semantic tokens: the meaning of each name, word and literal, for colouring in an editor.

The legend is `TYPES` and `MODIFIERS`. The index says what a name means. A word of the language that
is not a name is a keyword. The lexer says what all other tokens are.
"""

from __future__ import annotations

from dataclasses import dataclass

from opord.language import words
from opord.language.syntax import tokens as t
from opord.language.words import WordPlace
from opord.lsp.analysis import Analysis
from opord.lsp.index import Symbol, SymbolKind

TYPES = (
    "namespace", "type", "struct", "enum", "enumMember", "class", "interface", "parameter", "variable", "property",
    "function", "method", "event", "keyword", "comment", "string", "number", "operator",
)  # fmt: skip
MODIFIERS = ("declaration", "readonly", "defaultLibrary", "documentation")

_OF_KIND: dict[SymbolKind, str] = {
    "contract": "namespace", "input": "parameter", "record": "struct", "enum": "enum", "failure": "enum",
    "field": "property", "variant": "enumMember", "variant field": "property", "role": "interface", "event": "event",
    "event parameter": "parameter", "pure": "function", "effect": "function", "action": "method",
    "parameter": "parameter", "state": "class", "state field": "property", "phase": "namespace",
    "variable": "variable",
}  # fmt: skip
_OF_LEXER = {
    t.INT: "number", t.NUMBER: "number", t.DURATION: "number", t.TEXT: "string", t.TEXT_START: "string",
    t.TEXT_MIDDLE: "string", t.TEXT_END: "string",
}  # fmt: skip
_OPERATORS = frozenset(
    {"==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "??", "->", "|", "=", "..", "?"}
)
_DECLARES, _READONLY, _BUILT_IN, _DOC = (1 << i for i in range(len(MODIFIERS)))


@dataclass(frozen=True, slots=True, order=True)
class Coloured:
    """A piece of text on one line: offsets, index of its type in the legend, modifier bits."""

    start: int
    end: int
    type: int
    modifiers: int


def coloured(analysis: Analysis) -> list[Coloured]:
    """List the coloured pieces of a file from top to bottom. They do not overlap or span lines."""
    named = {
        each.span[0]: (analysis.index.symbols[each.places[0]], each.declares)
        for each in analysis.index.occurrences
    }
    tokens = analysis.tokens
    colours: list[Coloured] = []
    for i, kind in enumerate(tokens.kinds):
        start, end = tokens.starts[i], tokens.ends[i]
        if start == end:
            continue
        if start in named:
            symbol, declares = named[start]
            _add(colours, start, end, _OF_KIND[symbol.kind], _modifiers(symbol, declares))
        elif kind == t.NAME:
            name, bits = _word(tokens, i)
            if name:
                _add(colours, start, end, name, bits)
        elif kind in t.RESERVED:
            _add(colours, start, end, "keyword", 0)
        elif kind in _OF_LEXER:
            _add(colours, start, end, _OF_LEXER[kind], 0)
        elif kind in _OPERATORS:
            _add(colours, start, end, "operator", 0)
    for comment in analysis.file.comments:
        _add(colours, *comment.span, "comment", _DOC if comment.is_doc else 0)
    colours.sort()
    return colours


def _modifiers(symbol: Symbol, declares: bool) -> int:
    # A value in a contract is never assigned again.
    readonly = symbol.kind in ("variable", "input", "state field", "parameter", "event parameter")
    return (_DECLARES if declares else 0) | (_READONLY if readonly else 0)


def _word(tokens: t.Tokens, i: int) -> tuple[str, int]:
    """Return the colour of a name that is not in the index.

    It is a word of the language, or it has no colour.
    """
    text = tokens.texts[i]
    if tokens.kinds[i + 1] == "(" and words.function(text) is not None:
        return "function", _BUILT_IN
    if i > 0 and tokens.kinds[i - 1] == ".":
        return "property", 0
    if text in words.texts("type", "collection"):
        return "type", _BUILT_IN
    for places, kind in _BUILT_IN_VALUES.items():
        if text in words.texts(*places):
            return kind, _BUILT_IN | _READONLY
    return ("keyword", 0) if text in words.part_of_words("function") else ("", 0)


_BUILT_IN_VALUES: dict[tuple[WordPlace, ...], str] = {
    ("value", "doubt value"): "variable",
    ("built-in event",): "event",
    ("built-in failure",): "enumMember",
}


def _add(colours: list[Coloured], start: int, end: int, type: str, bits: int) -> None:
    """Add a piece. No token or comment spans more than one line."""
    colours.append(Coloured(start, end, TYPES.index(type), bits))
