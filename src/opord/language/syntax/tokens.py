"""Hold the tokens of a text in parallel lists, with the comments beside them.

The kind of a reserved word or of punctuation is its own text (`"and"`, `"->"`). Every other token
has one of the kinds in capitals below. Parallel lists are used because a contract of a thousand
states has a hundred thousand tokens; one object for each token would cost more than the whole
parser.
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
TEXT_END = "TEXT_END"  # from a `}` to the closing quote; empty if the quote is missing
BAD = "BAD"  # reported by the lexer; the parser accepts it as any literal
END = "END"

# The words of expressions: reserved everywhere. All other keywords are keywords only in their
# places.
RESERVED = frozenset(word.text for word in WORDS if word.reserved)
DECLARATION_WORDS = frozenset(words.texts("file"))
STATEMENT_WORDS = frozenset(words.texts("statement")) - RESERVED
HANDLER_WORDS = frozenset(words.texts("handler"))
CHILD_WORDS = frozenset(words.texts("child"))

# A newline after one of these is not significant.
CONTINUES_AFTER = frozenset(
    {",", "=", "->", "|", ":", ".", "and", "or", "not", "in"}
    | {"==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "??"}
)
# A newline before one of these is not significant. `-` can start an expression and `in` can start
# `in doubt`: before these two a newline is significant.
CONTINUES_BEFORE = frozenset(
    {"->", "|", ".", "and", "or"} | {"==", "!=", "<", "<=", ">", ">=", "+", "*", "/", "//", "%", "??"}
)

# Values of `Tokens.newlines`.
SAME_LINE = 0
NEWLINE_WITHOUT_MEANING = 1  # inside `(` or `[`, or where the line continues
NEWLINE = 2

# How far past a token the parser may look without a check for the end of the text.
LOOKAHEAD = 2


@dataclass(slots=True)
class Tokens:
    """Hold the tokens of one text, with `END` at the end and `LOOKAHEAD` more copies of it.

    `newlines[i]` says what line break stands between token i-1 and token i. `depths[i]` is the
    number of braces that are open around token i; a brace itself counts as outside.
    `comments_before` maps the index of a token to the comments between it and the token before it.
    """

    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    newlines: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    comments_before: dict[int, list[Comment]] = field(default_factory=dict)
