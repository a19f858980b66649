"""Numbers with their words: `1 run`, `3,000 runs`."""

from __future__ import annotations


def counted(number: int, word: str) -> str:
    """Write a number with a regular noun in the right form."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
