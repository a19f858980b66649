"""Write the words of the language as a page for people, for `docs/language.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, assert_never

from opord.language.words.table import WORDS
from opord.language.words.word import Word, WordPlace

WordSection: TypeAlias = Literal[
    "Words of declarations",
    "Words of policies",
    "Words of states and statements",
    "Words of promises",
    "Built-in types",
    "Words of expressions",
]


def reference() -> str:
    """Return the table in Markdown, with a section for each kind of place."""
    sections: dict[WordSection, list[Word]] = {}
    for word in WORDS:
        sections.setdefault(_section(word.places[0]), []).append(word)
    return "\n".join(line for title, words in sections.items() for line in _table(title, words))


def _table(title: WordSection, words: list[Word]) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| word | written | meaning |"
    yield "| --- | --- | --- |"
    for word in words:
        reserved = " (reserved)" if word.reserved else " (later)" if word.later else ""
        forms = " or ".join(f"`{form}`" for form in word.forms or (word.text,))
        takes = f" It takes {word.takes}." if word.takes else ""
        yield f"| `{word.text}`{reserved} | {_cell(forms)} | {_cell(word.meaning)}{takes} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _section(place: WordPlace) -> WordSection:
    match place:
        case (
            "file"
            | "phase"
            | "contract"
            | "event"
            | "call"
            | "variant"
            | "variant part"
            | "outcome"
            | "upgrade"
        ):
            return "Words of declarations"
        case "policy" | "doubt" | "policy part" | "doubt value":
            return "Words of policies"
        case "statement" | "arrow" | "handler" | "handler part" | "child" | "pattern":
            return "Words of states and statements"
        case "built-in event" | "built-in failure":
            return "Words of states and statements"
        case "promise" | "claim" | "promise part":
            return "Words of promises"
        case "type" | "collection" | "type modifier":
            return "Built-in types"
        case "function" | "value" | "operator" | "copy" | "choice" | "literal":
            return "Words of expressions"
        case _:
            assert_never(place)
