"""The table of words agrees with the code of the words, with the documents and with itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

import pytest

from opord.contract import Verb
from opord.language import check_text, words
from opord.language.lowering.context import NEVER_HIDDEN
from opord.language.lowering.patterns import _BUILT_IN
from opord.language.syntax.tokens import RESERVED
from opord.language.words import Word
from opord.language.words.reference import reference
from opord.language.words.table import WORDS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "language.md"
LISTED = re.compile(r"(?<=by `make golden` -->\n\n).*(?=<!-- words: end -->)", re.DOTALL)


def test_values_and_failures_in_the_table_are_those_in_the_code() -> None:
    assert set(words.texts("value")) == set(NEVER_HIDDEN)
    assert set(words.texts("built-in failure")) == set(_BUILT_IN)


def test_verbs_of_calls_start_statements() -> None:
    assert set(get_args(Verb)) <= set(words.texts("statement"))


def test_no_word_has_two_rows_for_one_place() -> None:
    pairs = [(word.text, place) for word in WORDS for place in word.places]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("word", WORDS, ids=lambda word: f"{word.text}, {word.places[0]}")
def test_a_word_occurs_in_its_forms_and_in_its_example(word: Word) -> None:
    assert all(re.search(rf"\b{word.text}\b", form) for form in word.forms)
    assert re.search(rf"\b{word.text}\b", word.example)


@pytest.mark.parametrize(
    "word", [word for word in WORDS if "policy" in word.places], ids=lambda word: word.text
)
def test_the_parser_reads_every_policy_of_the_table(word: Word) -> None:
    for kind in word.of:
        declared = word.example.startswith(kind)
        text = word.example if declared else f"{kind} send(order_id: str) {{\n  {word.example}\n}}"
        found = check_text(text).diagnostics
        assert not [each.message for each in found if each.rule == "syntax"]


def test_a_text_is_reserved_in_all_its_meanings_or_in_none() -> None:
    assert not {word.text for word in WORDS if not word.reserved} & RESERVED


def test_golden_the_page_lists_every_word() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("OPORD_GOLDEN"):
        PAGE.write_text(LISTED.sub(lambda _: reference() + "\n", page), encoding="utf-8")
    listed = LISTED.search(PAGE.read_text(encoding="utf-8"))
    assert listed is not None
    assert listed[0] == reference() + "\n"


def test_the_page_names_reserved_words_and_functions_in_their_sections() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    reserved = re.search(r"reserved everywhere: `([^`]+)`", text)
    functions = re.search(r"the built-ins `([^`]+)`", text)
    assert reserved is not None
    assert functions is not None
    assert set(reserved[1].split()) == RESERVED
    assert tuple(functions[1].split()) == words.texts("function")
