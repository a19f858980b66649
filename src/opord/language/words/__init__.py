"""Hold the words of the language: one table for the parser, its messages, editors and documents."""

from __future__ import annotations

from opord.language.words.lookup import at, describing, function, part_of_words, texts
from opord.language.words.word import Snippet, Word, WordPlace

__all__ = [
    "Snippet",
    "Word",
    "WordPlace",
    "at",
    "describing",
    "function",
    "part_of_words",
    "table",
    "texts",
]
