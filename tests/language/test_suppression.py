"""What suppresses a finding is declared with its code; these declarations are about codes and words that exist."""

from __future__ import annotations

import pytest

import opord.language.compile
from opord.language.diagnostics.model import Code, registered_codes
from opord.language.diagnostics.suppressors import (
    LeftOut,
    NamelessWord,
    OnItsLine,
    Reported,
    SameName,
    SyntaxSuppressor,
)
from opord.language.suppression.unread import NAMING_WORDS

assert opord.language.compile.check_text  # imports every module that declares a code
CODES = [each for each in registered_codes() if each.suppressed_by]


def test_codes_declare_what_suppresses_them() -> None:
    assert len(CODES) > 50


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_a_suppressor_is_a_code_that_exists(code: Code) -> None:
    known = {each.id for each in registered_codes()}
    named = {
        each.code
        for each in code.suppressed_by
        if isinstance(each, Reported | SameName | LeftOut | OnItsLine)
    }
    assert named <= known
    assert not named or code.id not in named or code.id == "OP005", "only open texts suppress their like"


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_a_suppressing_word_is_looked_for_in_unread_text(code: Code) -> None:
    words = {word for each in code.suppressed_by if isinstance(each, NamelessWord) for word in each.words}
    assert words <= set(NAMING_WORDS)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_the_parser_decides_about_findings_of_syntax_and_no_others(code: Code) -> None:
    of_syntax = {isinstance(each, SyntaxSuppressor) for each in code.suppressed_by}
    assert of_syntax == {code.rule == "syntax"}


def test_every_naming_word_suppresses_something() -> None:
    used = {
        word
        for code in CODES
        for each in code.suppressed_by
        if isinstance(each, NamelessWord)
        for word in each.words
    }
    assert used == set(NAMING_WORDS)
