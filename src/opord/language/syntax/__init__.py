"""Turn source text into tokens and a syntax tree, and format contracts for `opord fmt`."""

__all__ = [
    "cursor",
    "escapes",
    "formatter",
    "letter_case",
    "lexer",
    "source",
    "tokens",
    "tree",
]
