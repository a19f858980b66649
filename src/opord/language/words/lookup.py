"""Look up words in the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from opord.language.words.table import WORDS
from opord.language.words.word import Word, WordPlace


@cache
def at(*places: WordPlace) -> tuple[Word, ...]:
    """List the words that may stand at one of these places, in the order of the table."""
    return tuple(word for word in WORDS if any(place in places for place in word.places))


@cache
def texts(*places: WordPlace) -> tuple[str, ...]:
    """List the texts of the words of these places, without duplicates."""
    return tuple(dict.fromkeys(word.text for word in at(*places)))


@cache
def part_of_words(*without: WordPlace) -> frozenset[str]:
    """Return every word of the table, and every part of one, except the words of these places."""
    return frozenset(
        part for word in WORDS if not any(place in without for place in word.places) for part in word.parts
    )


def function(name: str) -> Word | None:
    """Return the built-in function with this name, or None."""
    return next((word for word in at("function") if word.text == name), None)


def describing(tokens: Sequence[str], index: int) -> Iterator[Word]:
    """Yield the meanings of the token at `index` among its neighbours, the longest words first."""
    matching = [
        word for word in WORDS if tokens[index] in word.parts and _is_spelt(word.parts, tokens, index)
    ]
    yield from sorted(matching, key=lambda word: -len(word.parts))


def _is_spelt(parts: list[str], tokens: Sequence[str], index: int) -> bool:
    starts = (index - at for at, part in enumerate(parts) if part == tokens[index])
    return any(start >= 0 and list(tokens[start : start + len(parts)]) == parts for start in starts)
