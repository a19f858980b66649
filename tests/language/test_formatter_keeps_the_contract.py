"""Formatting changes no meaning: the checked contract and its digest stay equal."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.content import contract_digest
from opord.contract import Contract
from opord.language import check_text
from opord.language.syntax.formatter import format_source
from tests.language.kit import respaced

HERE = Path(__file__).parent
ORDER = files("opord.examples.orders").joinpath("order.opord").read_text("utf-8")
PATHS = sorted([*(HERE / "good").glob("*.opord"), *(HERE / "cases" / "good").glob("*.opord")])
WITHOUT_USE = [
    text for text in (ORDER, *(path.read_text("utf-8") for path in PATHS)) if "\nuse " not in f"\n{text}"
]


def checked(text: str) -> Contract | None:
    return check_text(text, file="c.opord").contract


@pytest.mark.parametrize("text", WITHOUT_USE, ids=range(len(WITHOUT_USE)))
def test_the_checked_contract_is_the_same_before_and_after(text: str) -> None:
    before, after = checked(text), checked(format_source(text))
    assert before == after
    if before is not None and after is not None:
        assert contract_digest(before) == contract_digest(after)


def test_there_are_contracts_to_test() -> None:
    assert sum(checked(text) is not None for text in WITHOUT_USE) > 50


@given(st.sampled_from(WITHOUT_USE), st.randoms(use_true_random=False))
def test_no_spacing_changes_the_checked_contract(text: str, random: object) -> None:
    numbers = iter(lambda: random.randrange(60), -1)  # type: ignore[attr-defined]
    spaced = respaced(text, numbers)
    assert checked(spaced) == checked(text)
    assert checked(format_source(spaced)) == checked(text)
