"""Every feature answers at every place of a contract that is whole, cut anywhere or has a hole.

Each seed gives another sample. `OPORD_SEED` repeats or changes the seed.
"""

from __future__ import annotations

import gc
import os
import random
import weakref

import pytest

from opord.language.flow import graph
from tests.lsp.kit import EXAMPLE, ROOT, analyse, ask_everything, ask_of_file

SEED = int(os.environ.get("OPORD_SEED", "20"))
FILES = sorted([*ROOT.glob("tests/**/*.opord"), *ROOT.glob("src/**/*.opord")])
TEXTS_EACH_WAY = 30
PLACES_EACH = 3


def whole(text: str, chance: random.Random) -> tuple[str, int]:
    return text, chance.randrange(len(text) + 1)


def cut(text: str, chance: random.Random) -> tuple[str, int]:
    at = chance.randrange(len(text) + 1)
    return text[:at], at


def with_a_hole(text: str, chance: random.Random) -> tuple[str, int]:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.randrange(1, 40) :], at


@pytest.mark.parametrize("way", [whole, cut, with_a_hole], ids=lambda way: way.__name__)
def test_every_feature_answers_everywhere(way) -> None:  # type: ignore[no-untyped-def]
    chance = random.Random(SEED)
    answers = 0
    for _ in range(TEXTS_EACH_WAY):
        path = chance.choice(FILES)
        data = path.read_bytes()
        text, at = way(data.decode("utf-8", errors="replace"), chance)
        analysis = analyse(text)
        places = [at, *(chance.randrange(len(text) + 1) for _ in range(PLACES_EACH))]
        try:
            answers += sum(1 for _ in ask_of_file(analysis))
            for at in places:
                answers += sum(1 for _ in ask_everything(analysis, min(at, len(text))))
        except Exception as error:
            error.add_note(f"{path.name}, place {at}, seed {SEED}, way {way.__name__}")
            raise
    assert answers == TEXTS_EACH_WAY * (9 + 8 * (1 + PLACES_EACH))


def test_every_feature_answers_at_every_letter_of_the_example_while_it_is_typed() -> None:
    lines = EXAMPLE.splitlines(keepends=True)
    start = sum(map(len, lines[:44]))
    for at in range(start, start + 400, 3):
        analysis = analyse(EXAMPLE[:at])
        assert sum(1 for _ in ask_everything(analysis, at)) == 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "{",
        "}",
        '"',
        "#",
        "##",
        "contract",
        "state S -> {",
        "\ufeff",
        "\x00",
        "a" * 2_000_000,
        "é" * 10,
    ],
)
def test_texts_that_are_not_contracts_are_answered_too(text: str) -> None:
    analysis = analyse(text)
    for at in {0, len(analysis.text) // 2, len(analysis.text)}:
        assert sum(1 for _ in ask_everything(analysis, at)) == 8
    assert sum(1 for _ in ask_of_file(analysis)) == 9


def test_an_analysis_is_freed_when_nothing_refers_to_it() -> None:
    # The garbage collector rests while a person types, so an analysis must have no reference
    # cycles.
    gc.collect()
    gc.disable()
    try:
        analysis = analyse(EXAMPLE)
        for _ in (*ask_everything(analysis, 900), *ask_of_file(analysis)):
            pass
        parts = [weakref.ref(each) for each in (analysis, analysis.index, analysis.graph, analysis.recorder)]
        del analysis
        assert [each() for each in parts] == [None] * len(parts)
    finally:
        gc.enable()


def test_a_contract_with_too_many_moves_is_answered_as_well_as_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph, "MOVES_MAX", 3)
    analysis = analyse(EXAMPLE)
    assert "OP312" in {each.code.id for each in analysis.result.diagnostics}
    for offset in range(0, len(EXAMPLE), 20):
        list(ask_everything(analysis, offset))
    list(ask_of_file(analysis))
