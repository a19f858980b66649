"""Show how the construct on a line is written: the next move where the parser has no better one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opord.language import words
from opord.language.words.word import Word

# After these tokens, or at the start of a line, a word of the first places begins a construct.
_BEFORE = frozenset({"{", "}", ",", "->", "else", "=", "match"})
_STARTING = words.at("file", "phase", "policy", "statement", "arrow", "handler")
# Clauses stand anywhere in the header of a declaration that begins with one of these words.
_CLAUSES = (
    (frozenset({"contract"}), words.at("contract")),
    (frozenset({"event"}), words.at("event")),
    (frozenset({"effect", "action"}), words.at("call")),
)


def form_advice(line: Sequence[str]) -> str:
    """Return an example of the last construct that begins in these tokens of a line, or nothing."""
    for index in reversed(range(len(line))):
        word = next(_beginning(line, index), None)
        if word is not None:
            if "\n" not in word.example:
                return f"write for example `{word.example}`"
            return f"the form is `{word.form}`"
    return ""


def _beginning(line: Sequence[str], index: int) -> Iterator[Word]:
    if line[index + 1 : index + 2] == [":"]:
        return  # a field with the name of a word
    here = [word for starts, words_here in _CLAUSES if line[0] in starts for word in words_here]
    if index == 0 or line[index - 1] in _BEFORE:
        here += _STARTING
    for word in here:
        if list(line[index : index + len(word.parts)]) == word.parts and not word.later:
            yield word
