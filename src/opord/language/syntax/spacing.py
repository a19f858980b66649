"""Decide the space between the tokens of one line, for the formatter."""

from __future__ import annotations

from opord.language.syntax import tokens as t
from opord.language.syntax.tokens import Tokens
from opord.language.words.table import WORDS

# Words before a `(` that opens no list of arguments, and before a `-` that is a sign.
_BEFORE_EXPRESSION = frozenset(word.text for word in WORDS if word.leads_to)
_OPERAND_ENDS = frozenset(
    {t.NAME, t.INT, t.NUMBER, t.DURATION, t.TEXT, t.TEXT_END, ")", "]", "}", "true", "false", "none", "?"}
)


def space_between(tokens: Tokens, i: int, inside: str) -> str:
    """Return the space between token i-1 and token i of one line.

    `inside` is the open bracket, or `""`.
    """
    before, after = tokens.kinds[i - 1], tokens.kinds[i]
    if before == "{" and after == "}":
        return ""
    if before in ("(", "[", ".") or after in (")", "]", ",", ".", "?"):
        return ""
    if after == "(" or after == "[":
        return _before_bracket(tokens, i)
    if after == ":" or before == ":":
        return "" if inside == "[" or after == ":" else " "
    if before == "-" and _is_sign(tokens, i - 1):
        return ""
    return " "


def _before_bracket(tokens: Tokens, i: int) -> str:
    if tokens.kinds[i - 1] not in _OPERAND_ENDS:
        return " " if not (tokens.kinds[i - 1] == "-" and _is_sign(tokens, i - 1)) else ""
    written_apart = tokens.ends[i - 1] < tokens.starts[i]
    if written_apart and tokens.kinds[i - 1] == t.NAME and tokens.texts[i - 1] in _BEFORE_EXPRESSION:
        return " "
    return ""


def _is_sign(tokens: Tokens, i: int) -> bool:
    """Say whether the `-` at index `i` belongs to the number or name after it."""
    if i == 0 or tokens.newlines[i] == t.NEWLINE or tokens.kinds[i - 1] not in _OPERAND_ENDS:
        return True
    if tokens.kinds[i - 1] == t.NAME and tokens.texts[i - 1] in _BEFORE_EXPRESSION:
        return tokens.ends[i - 1] < tokens.starts[i] and tokens.ends[i] == tokens.starts[i + 1]
    return False
