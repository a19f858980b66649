"""Each code declares what suppresses its finding, with codes and words that exist."""

from __future__ import annotations

import pytest

from opord.language.compile import check_text
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

# Importing the passes imports every module with a code.
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


TWO_STEPS = """contract C(id: str) key id
event stop
initial state A -> B {
  on stop -> goto B
}
state B -> D {
  goto D
}
final state D success
"""
PAID = """contract C(id: str)
action pay(id: str) {
  key id
}
initial state A -> D {
  commit pay(id)
  goto D
}
final state D success
"""
LOOKED = """contract C(id: str) key id
enum Size { Small, Large }
effect look(id: str) -> Size
initial state A -> D {
  match perform look(id) {
    Small -> goto D
    Large -> goto D
  }
}
final state D success
"""


@pytest.mark.parametrize(
    ("text", "before", "after", "left"),
    [
        pytest.param(
            TWO_STEPS, "state B -> D {", "stat B -> D {", ["OP015"], id="no way to D, which B led to"
        ),
        pytest.param(
            TWO_STEPS, "final state D success", "finl D success", ["OP015", "OP802"], id="no end after B"
        ),
        pytest.param(
            TWO_STEPS,
            "final state D",
            "\n\nfinal 3",
            ["OP010", "OP103", "OP103", "OP802"],
            id="no end in the file",
        ),
        pytest.param(TWO_STEPS, "initial state A", "initial 3 A", ["OP010"], id="no initial state"),
        pytest.param(PAID, "C(id: str)", "C(id: str\n  x: int y) ky id", ["OP010"], id="no key"),
        pytest.param(
            LOOKED,
            "initial",
            "3 Small\ninitial",
            ["OP015", "OP209"],
            id="a pattern that names what is unread",
        ),
    ],
)
def test_unread_text_may_contain_what_a_finding_misses(
    text: str, before: str, after: str, left: list[str]
) -> None:
    assert before in text
    found = check_text(text.replace(before, after, 1)).diagnostics
    assert sorted(each.code.id for each in found) == left
