"""Turns a fuzzer's bytes into a text: directly, or as choices of what to write and damage."""

from __future__ import annotations

from tests.fuzz.grammar import Choices, damaged, written
from tests.fuzz.seeds import seeds

AS_TEXT, WRITTEN, DAMAGED, WRITTEN_AND_DAMAGED = range(4)


def text_of(data: bytes) -> str:
    """Make a text of a fuzzer's bytes; the first byte says how.

    Invalid UTF-8 becomes halves of surrogate pairs, which no text may have either.
    """
    kind, rest = (data[0] % 4, data[1:]) if data else (AS_TEXT, b"")
    if kind == AS_TEXT:
        return rest.decode("utf-8", errors="surrogateescape")
    if kind == WRITTEN:
        return written(Choices(rest))
    choices = Choices(rest)
    if kind == DAMAGED:
        return damaged(choices.of(seeds()), choices.of(seeds()), choices)
    half = len(rest) // 2
    return damaged(written(Choices(rest[:half])), choices.of(seeds()), Choices(rest[half:]))


def corpus() -> list[bytes]:
    """List inputs to start from: all contracts of the repository, and some sequences of choices."""
    return [
        *(bytes([AS_TEXT]) + text.encode("utf-8") for text in seeds()),
        *(
            bytes([kind]) + bytes((i * 37 + j * 101) % 256 for j in range(i * 9))
            for kind in (1, 2, 3)
            for i in range(40)
        ),
    ]
