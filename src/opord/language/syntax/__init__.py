"""How a contract is written: from source text to tokens to a tree, and the one form in which `opord fmt` writes it."""

__all__ = [
    "cursor",
    "formatter",
    "letter_case",
    "lexer",
    "source",
    "tokens",
    "tree",
]
