"""Check and convert the letter case of names; each kind of name has its case."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

LetterCase: TypeAlias = Literal["PascalCase", "snake_case", "either"]

_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_SNAKE = re.compile(r"[a-z][a-z0-9_]*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


def has_case(name: str, case: LetterCase) -> bool:
    """Say whether a name has the letter case of its kind."""
    if case == "PascalCase":
        return _PASCAL.fullmatch(name) is not None
    if case == "snake_case":
        return _SNAKE.fullmatch(name) is not None
    return _PASCAL.fullmatch(name) is not None or _SNAKE.fullmatch(name) is not None


def in_case(name: str, case: LetterCase) -> str:
    """Write a name in another case: `order_line` as `OrderLine`, `orderId` as `order_id`.

    The result is empty if the name has no words.
    """
    words = _WORD.findall(name)
    if case == "snake_case":
        return "_".join(word.lower() for word in words)
    return "".join(word[:1].upper() + (word[1:].lower() if word.isupper() else word[1:]) for word in words)
