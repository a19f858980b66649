"""Any text, written by the grammar, damaged, or random, gets an answer and no exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.cuts import cuts, hold_cut
from tests.fuzz.grammar import Choices, damaged, pieces, written
from tests.fuzz.inputs import corpus, text_of
from tests.fuzz.properties import hold
from tests.fuzz.seeds import seeds

# Every text that once failed.
CRASHERS = sorted((Path(__file__).parent / "crashers").glob("*.opord"))

rows = st.binary(max_size=700)


@given(rows)
def test_a_plausible_contract_is_answered(row: bytes) -> None:
    hold(written(Choices(row)))


@given(st.integers(0, len(seeds()) - 1), st.integers(0, len(seeds()) - 1), st.binary(max_size=40))
def test_a_damaged_contract_is_answered(one: int, other: int, row: bytes) -> None:
    hold(damaged(seeds()[one], seeds()[other], Choices(row)))


@given(rows, st.integers(0, len(seeds()) - 1), st.binary(max_size=40))
def test_a_plausible_contract_that_is_damaged_is_answered(row: bytes, other: int, damage: bytes) -> None:
    hold(damaged(written(Choices(row)), seeds()[other], Choices(damage)))


@given(st.text(max_size=200))
def test_any_characters_are_answered(text: str) -> None:
    hold(text)


def test_texts_that_once_failed_are_answered() -> None:
    for path in CRASHERS:
        hold(path.read_bytes().decode("utf-8", errors="surrogateescape"))


def test_written_contracts_are_plausible() -> None:
    rows = [bytes((i * 37 + j * 101 + i * j) % 256 for j in range(500)) for i in range(40)]
    assert sum(hold(written(Choices(row))).contract is not None for row in rows) >= 8


def test_a_torn_text_is_the_same_when_joined() -> None:
    assert all("".join(pieces(text)) == text for text in seeds())


def test_a_fuzzer_starts_from_every_contract_of_the_repository() -> None:
    assert len(seeds()) > 100
    assert {text_of(data) for data in corpus()} >= set(seeds())


def test_a_contract_that_is_cut_off_is_answered() -> None:
    kept = [hold_cut(content) for content in cuts(every=397)]
    assert len(kept) > 1000
    assert any(result.errors for result in kept)
