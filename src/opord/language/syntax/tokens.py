"""What the lexer makes of a text: tokens in parallel lists, with the comments beside them.

The kind of a reserved word or of punctuation is its own text (`"and"`, `"->"`); everything else has one of
the kinds in capitals below. Parallel lists, because a contract of a thousand states has a hundred thousand
tokens and an object for each would cost more than the whole parser.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from opord.language import words
from opord.language.syntax.tree import Comment
from opord.language.words.table import WORDS

NAME = "NAME"
INT = "INT"
NUMBER = "NUMBER"  # with a fraction
DURATION = "DURATION"
TEXT = "TEXT"  # a whole text without `{ }`
TEXT_START = "TEXT_START"  # from the quote to the first `{`, both included
TEXT_MIDDLE = "TEXT_MIDDLE"  # from a `}` to the next `{`
TEXT_END = "TEXT_END"  # from a `}` to the closing quote; empty where the quote is missing
BAD = "BAD"  # reported by the lexer; the parser takes it for any literal
END = "END"

# The words of expressions: reserved everywhere. All other keywords are names that stand in certain places.
RESERVED = frozenset(word.text for word in WORDS if word.reserved)
DECLARATION_WORDS = frozenset(words.texts("file"))
STATEMENT_WORDS = frozenset(words.texts("statement")) - RESERVED
HANDLER_WORDS = frozenset(words.texts("handler"))
CHILD_WORDS = frozenset(words.texts("child"))

# A newline ends nothing after these …
CONTINUES_AFTER = frozenset(
    {",", "=", "->", "|", ":", ".", "and", "or", "not", "in"}
    | {"==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "??"}
)
# … nor before these. `-` may start an expression and `in` may start `in doubt`; they do end.
CONTINUES_BEFORE = frozenset(
    {"->", "|", ".", "and", "or"} | {"==", "!=", "<", "<=", ">", ">=", "+", "*", "/", "//", "%", "??"}
)

# Values of `Tokens.newlines`.
SAME_LINE = 0
NEWLINE_WITHOUT_MEANING = 1  # inside `(` or `[`, or where the line goes on
NEWLINE = 2

# How far past a token the parser may look without asking whether the text goes on.
LOOKAHEAD = 2


@dataclass(slots=True)
class Tokens:
    """The tokens of one text, with `END` at the end (and `LOOKAHEAD` times more).

    `newlines[i]` tells what stands between token i-1 and token i; `depths[i]` counts the braces that are open
    around token i (a brace itself counts as outside). `comments_before` maps a token's index to the comments
    between it and the token before it.
    """

    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    newlines: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    comments_before: dict[int, list[Comment]] = field(default_factory=dict)
